"""Why a signed document is refused: checks by name (spec: Signed documents)."""

from __future__ import annotations

import enum
from typing import Final


class DocumentCheck(enum.StrEnum):
    """What a document is held against; which one failed is said by name."""

    FORM = "form"
    """The one encoding of a document of this kind, within its bounds."""
    KIND = "kind"
    """The kind of document that was asked for."""
    CHAIN = "chain"
    """Each signer's certificate, its issuing CA and a root that is held here, each signed by the next; a deny list by
    such a root itself."""
    SIGNATURE = "signature"
    """As many signatures as this kind has, each over exactly these bytes."""
    LAB = "lab"
    """Of the same lab, or of none, as the roots that are held here."""
    AGENCY = "agency"
    """Of the agency whose root signed it."""
    SIGNER = "signer"
    """Each signer's certificate passes the checks of a host's: purpose, kind, floor, deny list and the rest."""
    ROLE = "role"
    """Each signer has a role that may sign this, and together they have those that it takes."""
    SUBJECTS = "subjects"
    """Two signatures are of two subjects with two keys; a receipt is of the destination that it names."""
    TIME = "time"
    """Each signer's certificate, and that of its CA, was valid at the time of signing that the document states."""
    DEVICE = "device"
    """It names this device."""
    GENERATION = "generation"
    """It names the generation that this device is in: no reset came since."""
    NONCE = "nonce"
    """It names the nonce that this device gave last, and which has not run out."""
    CHAIN_HEAD = "chain-head"
    """It names this device's newest recording: none was closed since."""
    REVISION = "revision"
    """It names the state of the clock that it was made against; an end of a seizure, the case of it."""
    FOOTAGE = "footage"
    """No recording is lost that is held or has no receipt, unless the order says so."""
    RECORDING = "recording"
    """It names this recording: id, manifest and size."""
    ANNOTATIONS = "annotations"
    """It names the annotations that the recording has now: nothing was said of it since."""
    REQUEST = "request"
    """It names this certificate signing request."""
    COUNTER = "counter"
    """Its counter is above that of the last one of its kind."""
    CARRIER = "carrier"
    """It does not deny whoever brings it."""
    ISSUER = "issuer"
    """It does not deny the CA by which the last dock came in."""


class DocumentRefused(Exception):
    """A document is not what it has to be; nothing of it was used."""

    def __init__(self, check: DocumentCheck, detail: str) -> None:
        super().__init__(f"{check}: {detail}")
        self.check = check
        self.detail = detail


_SWITCHED_OFF: Final[set[DocumentCheck]] = set()
"""Checks that a test has taken away, to see that another test notices. Nothing else adds to it."""


def require(holds: bool, check: DocumentCheck, detail: str) -> None:
    """Raises `DocumentRefused` unless something holds."""
    if not holds and check not in _SWITCHED_OFF:
        raise DocumentRefused(check, detail)
