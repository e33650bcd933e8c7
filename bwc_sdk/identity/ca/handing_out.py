"""What a CA gives to a host: a directory that `--identity` takes, or certificates for a key that is kept elsewhere."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bwc_protocol.certificates.chain import verify_chain
from bwc_protocol.certificates.checks import PeerRefused
from bwc_protocol.certificates.facts import CertificateFacts, read_certificate
from bwc_protocol.declare import Role
from bwc_protocol.word import label
from bwc_sdk.errors import AgencyError, IdentityError
from bwc_sdk.identity.ca.agency_file import read_bounded, read_certificates, to_pem
from bwc_sdk.identity.ca.authority import BY_ISSUER, Ca, Denials, IssuedCertificate, Passphrase
from bwc_sdk.identity.ca.layout import AGENCY_FILE, CHAIN_SUFFIX, DENY_LIST_FILE, is_agency_file
from bwc_sdk.identity.durable_files import replace, telling_files, write_new
from bwc_sdk.identity.key_file import check_new_passphrase, sealed, unsealed
from bwc_sdk.identity.private_files import read_secret

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec

KEY_FILE: Final = ".p12"
REQUEST_FILE_MAX: Final = 4_096
"""Bytes of a file with a certificate signing request; in PEM one has 500."""


@dataclass(frozen=True, slots=True)
class HandedOut:
    """A key file and what it holds."""

    path: Path
    facts: CertificateFacts


def hand_out(
    ca: Ca, into: Path, name: str, role: Role, passphrase: bytes, *, days: int | None = None
) -> HandedOut:
    """Makes a key, issues its certificate, and writes both as `ROLE.p12` into a directory that `--identity` takes.

    An empty passphrase encrypts nothing. Raises `AgencyError` for a directory of another agency, or one that has a file
    for this role already, and what issuing raises.
    """
    from bwc_protocol.certificates.issue import new_key

    if passphrase:
        check_new_passphrase(passphrase)
    path = into / f"{label(role)}{KEY_FILE}"
    if path.exists():
        raise AgencyError(
            f"{path} is there already",
            advice="'bwc ca renew' puts a new certificate in its place; another host gets a directory of its own",
        )
    _prepare(ca, into)
    key = new_key()
    issued = ca.issue_host(name, role, key.public_key(), days=days)
    with telling_files(path):
        write_new(path, sealed(key, issued.chain, passphrase, ca.entropy))
    return HandedOut(path, issued.facts)


def renew_identity(ca: Ca, path: Path, passphrase: Passphrase, *, days: int | None = None) -> HandedOut:
    """Puts a new key with a new certificate, of the same name and role, in the place of a key file.

    Raises `AgencyError` for one of another agency and for one that is denied, and what opening and issuing raise.
    """
    from bwc_protocol.certificates.issue import new_key

    known = passphrase(path)
    held = unsealed(read_secret(path), known, name=str(path))
    facts, begun = read_certificate(held.chain[0]), ca.register().begun
    try:
        verify_chain(held.chain[0], held.chain[min(1, len(held.chain) - 1)], (begun.root, begun.standby))
    except PeerRefused as error:
        raise AgencyError(
            f"{path} is no host's of this agency, but {facts.name!r} of {facts.agency!r}"
        ) from error
    register = ca.register()
    denied = Denials(register).of(facts)
    if denied == BY_ISSUER and facts in register.issued_to(facts.name):
        denied = None  # not one that a thief of that CA's key made, but known here: its name may be denied all the same
    if denied is not None:
        raise AgencyError(
            f"{path} is {facts.name!r}'s, and denied ({denied}): a new key would make that undone",
            advice="'bwc ca issue' gives its host another identity, if it is to have one",
        )
    if not facts.roles:
        raise AgencyError(f"{path} is no host's, but {facts.name!r}'s: devices renew by requests")
    _prepare(ca, path.parent)
    key = new_key()
    issued = ca.issue_host(facts.name, facts.roles, key.public_key(), days=days)
    with telling_files(path):
        replace(path, sealed(key, issued.chain, known, ca.entropy))
    return HandedOut(path, issued.facts)


def write_chain(into: Path, stem: str, issued: IssuedCertificate, ca: Ca) -> Path:
    """Writes a certificate for a key that is kept elsewhere: leaf and issuing CA as `STEM.pem`, and `agency.pem`.

    `stem` is a name of a file, such as `file_stem` makes of a name that somebody asks for.
    """
    assert "/" not in stem and not is_agency_file(stem)
    _prepare(ca, into)
    path = into / f"{stem}{CHAIN_SUFFIX}"
    with telling_files(path):
        replace(path, to_pem(issued.chain).encode(), mode=0o644)
    return path


def read_request_file(path: Path) -> bytes:
    """The request (DER) of a file in PEM or DER. Raises `HostFileError`, `IdentityError`."""
    data = read_bounded(path, REQUEST_FILE_MAX)
    if data[:1] == b"\x30":
        return data
    _, begin, rest = data.partition(b"-----BEGIN CERTIFICATE REQUEST-----")
    body, end, _ = rest.partition(b"-----END CERTIFICATE REQUEST-----")
    try:
        if not begin or not end:
            raise ValueError("it has no CERTIFICATE REQUEST")
        return base64.b64decode(b"".join(body.split()), validate=True)
    except ValueError as error:
        raise IdentityError(f"{path} is no certificate signing request: {error}") from error


def requested(path: Path) -> tuple[str, ec.EllipticCurvePublicKey]:
    """Name and key of a request in a file. Raises `HostFileError`, `IdentityError`."""
    from bwc_protocol.certificates.facts import MalformedCertificate
    from bwc_protocol.certificates.issue import read_request

    try:
        return read_request(read_request_file(path))
    except MalformedCertificate as error:
        raise IdentityError(
            f"{path}: {error}", advice="a request is for a key on P-256, signed by it, with one common name"
        ) from error


def _prepare(ca: Ca, into: Path) -> None:
    """The directory, with the agency's roots and its newest deny list in it."""
    begun = ca.register().begun
    roots = begun.root, begun.standby
    with telling_files(into):
        into.mkdir(mode=0o700, parents=True, exist_ok=True)
    agency = into / AGENCY_FILE
    if agency.exists():
        if read_certificates(agency) != roots:
            raise AgencyError(
                f"{into} is for another agency than {begun.agency!r}: {agency} has other roots",
                advice="keep the key files of each agency in a directory of their own",
            )
    else:
        with telling_files(agency):
            write_new(agency, to_pem(roots).encode(), mode=0o644)
    newest = ca.directory / DENY_LIST_FILE
    if newest.exists() and not (into / DENY_LIST_FILE).exists():
        with telling_files(into):
            write_new(into / DENY_LIST_FILE, newest.read_bytes(), mode=0o644)
