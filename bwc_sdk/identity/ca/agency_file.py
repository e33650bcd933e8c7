"""`agency.pem`: the roots of an agency, for hosts and for other programs. PEM, root first."""

from __future__ import annotations

import base64
import textwrap
from collections.abc import Sequence
from pathlib import Path

from bwc_protocol.certificates.facts import MalformedCertificate, read_certificate
from bwc_sdk.errors import HostFileError, IdentityError
from bwc_sdk.identity.ca.layout import AGENCY_FILE_MAX
from bwc_sdk.identity.role_file import certificates_in

_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"


def to_pem(certificates: Sequence[bytes]) -> str:
    """Certificates (DER) as PEM, each with the name that it has above it."""
    blocks = []
    for der in certificates:
        body = "\n".join(textwrap.wrap(base64.b64encode(der).decode(), 64))
        blocks.append(f"{read_certificate(der).name}\n{_BEGIN}\n{body}\n{_END}\n")
    return "".join(blocks)


def from_pem(text: str, *, name: str) -> tuple[bytes, ...]:
    """The certificates (DER) in a PEM text. Raises `IdentityError` for one without any, or with a damaged one."""
    found = certificates_in(Path(name), text.encode())
    if not found:
        raise IdentityError(f"{name} has no certificate (PEM)")
    return tuple(_readable(der, name) for der in found)


def read_certificates(path: Path) -> tuple[bytes, ...]:
    """The certificates (DER) of a PEM file, or the one of a DER file. Raises `HostFileError`, `IdentityError`."""
    data = read_bounded(path, AGENCY_FILE_MAX)
    if data[:1] == b"\x30":
        return (_readable(data, str(path)),)
    return from_pem(data.decode("ascii", "replace"), name=str(path))


def _readable(der: bytes, name: str) -> bytes:
    try:
        read_certificate(der)
    except MalformedCertificate as error:
        raise IdentityError(f"{name} has a damaged certificate: {error}") from error
    return der


def read_bounded(path: Path, most: int) -> bytes:
    """A file of so many bytes at most. Raises `HostFileError`, `IdentityError`."""
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except OSError as error:
        raise HostFileError(f"{path} cannot be read: {error.strerror}") from error
    if len(data) > most:
        raise IdentityError(f"{path} has more than {most} bytes", advice="is this the right file?")
    return data
