"""A directory of requests answered at once: what docks have collected from devices whose certificates end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bwc_protocol.certificates.facts import CertificateFacts
from bwc_protocol.vocabulary import PeerKind
from bwc_sdk.errors import AgencyError, BwcError
from bwc_sdk.identity.ca.authority import Ca, Denials
from bwc_sdk.identity.ca.handing_out import requested, write_chain
from bwc_sdk.identity.ca.layout import AGENCY_FILE, is_agency_file
from bwc_sdk.identity.ca.standing import find

REQUEST_SUFFIX: Final = ".csr"
"""Ends the name of a request's file: `CAM-1.csr`."""
REQUESTS_MAX: Final = 100_000
"""Files of one directory; nobody has more devices."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What became of one request: a file with the certificate, or why there is none."""

    request: Path
    path: Path | None
    facts: CertificateFacts | None
    error: BwcError | None


def answer_all(ca: Ca, directory: Path, into: Path, *, days: int | None = None) -> Iterator[Answered]:
    """Issues a certificate for each request of a device that this CA has certified before; one that fails stops no
    other."""
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
            kind = known[-1].kind
            assert kind is PeerKind.CAMERA or kind is PeerKind.STATION
            issued = ca.issue_device(serial, kind, key, days=days)
            yield Answered(path, write_chain(into, path.stem, issued, ca), issued.facts, None)
        except BwcError as error:
            yield Answered(path, None, None, error)
