"""A directory of requests answered at once: what docks have collected from devices whose certificates end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bwc_protocol.certificates.facts import CertificateFacts
from bwc_protocol.vocabulary import PeerKind
from bwc_sdk.errors import AgencyError, BwcError
from bwc_sdk.identity.ca.agency_file import read_bounded
from bwc_sdk.identity.ca.authority import Ca, Denials
from bwc_sdk.identity.ca.handing_out import read_request_file, requested, write_chain
from bwc_sdk.identity.ca.layout import AGENCY_FILE, is_agency_file
from bwc_sdk.identity.ca.standing import find
from bwc_sdk.identity.durable_files import replace, telling_files

REQUEST_SUFFIX: Final = ".csr"
"""Ends the name of a request's file: `CAM-1.csr`."""
PROOF_SUFFIX: Final = ".proof"
"""Ends the name of the file beside it by which the device proves that the request is its own: `CAM-1.csr.proof`."""
REQUESTS_MAX: Final = 100_000
"""Files of one directory; nobody has more devices."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What became of one request: a file with the certificate, or why there is none."""

    request: Path
    path: Path | None
    facts: CertificateFacts | None
    error: BwcError | None


def answer_all(
    ca: Ca, directory: Path, into: Path, *, days: int | None = None, without_proof: bool = False
) -> Iterator[Answered]:
    """Issues a certificate for each request of a device that this CA has certified before, and that the device proves
    to be its own; one that fails stops no other.

    A request names a device, and anybody can write that name: `without_proof` takes it at that.
    """
    for path in sorted(directory.glob(f"*{REQUEST_SUFFIX}"))[:REQUESTS_MAX]:
        try:
            if is_agency_file(path.stem):
                raise AgencyError(
                    f"{path} would be answered in the place of {AGENCY_FILE}",
                    advice="name it after the device that it is of",
                )
            if not path.is_file():
                raise AgencyError(f"{path} is no file", advice="it is no request that a dock has collected")
            serial, key = requested(path)
            known = [one for one in find(ca.register(), name=serial) if one.kinds]
            if not known:
                raise AgencyError(
                    f"{path} asks for {serial!r}, which this CA has never certified as a device",
                    advice="'bwc ca issue DIR --csr FILE --kind camera' certifies one of another CA",
                )
            denied = Denials(ca.register()).of(known[-1])
            if denied is not None:
                raise AgencyError(
                    f"{path} asks for {serial!r}, which is denied ({denied}): a new key would make that undone",
                    advice="'bwc ca issue DIR --csr FILE --kind camera' certifies a device that was found again",
                )
            if not without_proof:
                _require_proof(ca, path, serial)
            kind = known[-1].kind
            assert kind is PeerKind.CAMERA or kind is PeerKind.STATION
            issued = ca.issue_device(serial, kind, key, days=days)
            yield Answered(path, write_chain(into, path.stem, issued, ca), issued.facts, None)
        except BwcError as error:
            yield Answered(path, None, None, error)


def write_proof(request: Path, proof: bytes) -> None:
    """Puts a device's proof beside its request; of a device that gives none, takes away what is there."""
    path = request.with_name(request.name + PROOF_SUFFIX)
    with telling_files(path):
        if proof:
            replace(path, proof, mode=0o644)
        else:
            path.unlink(missing_ok=True)


def _require_proof(ca: Ca, path: Path, serial: str) -> None:
    """Whether the device itself made a request. Raises `AgencyError`."""
    from bwc_protocol.documents.refusal import DocumentRefused
    from bwc_protocol.documents.renewal_proof import RENEWAL_PROOF_MAX, verify_renewal_proof

    beside = path.with_name(path.name + PROOF_SUFFIX)
    if not beside.is_file():
        raise AgencyError(
            f"{path} asks for {serial!r}, and nothing proves that {serial!r} made it: there is no {beside.name}",
            advice="have 'bwc renew --csr-out' write it anew, with its proof beside it; for one that you have from the "
            "device itself, and that can give none: --without-proof",
        )
    begun = ca.register().begun
    try:
        signer = verify_renewal_proof(
            read_bounded(beside, RENEWAL_PROOF_MAX),
            (begun.root, begun.standby),
            lab="",
            device=serial,
            request=read_request_file(path),
        )
    except DocumentRefused as refused:
        raise AgencyError(
            f"{beside} does not prove that {serial!r} made {path.name}: {refused.detail}",
            advice="find out who wrote it; 'bwc renew --csr-out' of the device itself writes both anew",
        ) from refused
    denied = Denials(ca.register()).of(signer)
    if denied is not None:
        raise AgencyError(
            f"{beside} is signed by a key that is denied ({denied})",
            advice="find out who wrote it: whoever has that key may have made it",
        )
