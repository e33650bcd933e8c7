"""Identity directories of hosts, and simulated devices that the same agency has enrolled: for tests of who gets in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bwc_protocol.declare import Role
from bwc_protocol.word import label
from tools.testkit.secure_ends import Agency


def write_identity(directory: Path, of: Agency, role: Role, stem: str = "", **given: Any) -> Path:
    """An unencrypted key file of a role, and the agency's roots beside it; `given` is as in `Agency.host`."""
    directory.mkdir(mode=0o700, exist_ok=True)
    write_agency(directory, of)
    held = of.host(role, **given)
    path = directory / f"{stem or label(role)}.pem"
    path.touch(0o600)
    key = held.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(key + pem(*held.chain))
    return path


def write_agency(directory: Path, *agencies: Agency) -> Path:
    """`agency.pem` with the roots of agencies, which are one in honest directories."""
    path = directory / "agency.pem"
    path.write_bytes(pem(*[root for one in agencies for root in one.anchors]))
    path.chmod(0o644)
    return path


def pem(*certificates: bytes) -> bytes:
    """Certificates (DER) as PEM."""
    return b"".join(x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM) for der in certificates)
