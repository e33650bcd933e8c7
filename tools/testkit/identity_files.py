"""Identity directories of hosts, and simulated devices that the same agency has enrolled: for tests of who gets in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bwc_protocol.certificates.facts import read_certificate
from bwc_protocol.declare import Role
from bwc_protocol.session.tls import KeyCredentials
from bwc_protocol.word import label
from bwc_sdk.host.world import InlineWorkers, World
from bwc_sdk.identity.deny_lists import DenyLists
from bwc_sdk.identity.host_identity import HostIdentity
from firmware_sim.camera.camera import SimCamera
from firmware_sim.scenarios import Footage, make_camera
from tools.testkit.secure_ends import NOW_S, Agency, device_sessions


def host_identity(of: Agency, role: Role, **given: Any) -> HostIdentity:
    """A host of an agency, whose key is in memory; `given` is as in `Agency.host`."""
    held = of.host(role, **given)
    return HostIdentity(
        credentials=held,
        certificate=read_certificate(held.chain[0]),
        anchors=of.anchors,
        source="a test",
        deny_lists=DenyLists(None, of.anchors, of.lab),
    )


def secure_camera(of: Agency, shown: KeyCredentials | None = None, **trust: Any) -> SimCamera:
    """A camera of an agency, which shows a certificate of its own unless another is given; `trust` is as in `Trust`."""
    camera = make_camera(seed=3, recordings=1, mib=1, footage=Footage.SYNTHETIC)
    camera.profile.session = device_sessions(of, shown or of.device(serial=camera.serial), **trust)
    return camera


def world_at(utc_s: float = NOW_S) -> World:
    """The world of a host whose clock reads this time."""
    return World(utc_ns=lambda: int(utc_s * 1_000_000_000), workers=InlineWorkers())


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
