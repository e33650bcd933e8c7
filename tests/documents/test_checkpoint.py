"""Checkpoints: signed by a host of the agency, in a chain of their own."""

from typing import Any

import pytest

from bwc_protocol.certificates.checks import Trust
from bwc_protocol.documents.checkpoint import Checkpoint, SignedCheckpoint, verify_checkpoint
from bwc_protocol.documents.deny_list import Denied, DeniedBy, DenyList
from bwc_protocol.documents.refusal import DocumentCheck, DocumentRefused
from bwc_protocol.documents.signed_document import SignedDocument
from bwc_protocol.evidence import EvidenceError
from tools.testkit import fixed_agency as agency

SIGNED_S = agency.BEGAN_S + 86_400


def checkpoint(**changes: Any) -> Checkpoint:
    given: dict[str, Any] = {
        "chain": "a1b2c3d4",
        "records": 12,
        "head_sha256": bytes(range(32)),
        "number": 2,
        "previous_sha256": b"\x01" * 32,
        "signed_utc_s": SIGNED_S,
    }
    return Checkpoint(**given | changes)


def signed(made: Checkpoint, name: str = "dock") -> bytes:
    return SignedDocument(made.encode()).signed_by(agency.signer(name)).encode()


def verify(data: bytes, **trust: Any) -> SignedCheckpoint:
    return verify_checkpoint(data, agency.anchors(), Trust(**trust))


def refused(data: bytes, **trust: Any) -> DocumentCheck:
    with pytest.raises(DocumentRefused) as found:
        verify(data, **trust)
    return found.value.check


def test_a_checkpoint_is_what_was_signed() -> None:
    found = verify(signed(checkpoint()))
    assert found.checkpoint == checkpoint() and found.signer.name == "dock-7"
    assert found.sha256 == SignedDocument(checkpoint().encode()).sha256


def test_a_host_of_another_agency_is_refused() -> None:
    assert refused(signed(checkpoint(), "other/dock")) is DocumentCheck.CHAIN


def test_a_camera_signs_none() -> None:
    assert refused(signed(checkpoint(), "camera")) is DocumentCheck.SIGNER


def test_of_a_lab_it_is_none_of_an_agency() -> None:
    assert refused(signed(checkpoint(lab="ab12"))) is DocumentCheck.LAB


def test_a_signer_whose_time_is_over_is_refused() -> None:
    assert refused(signed(checkpoint(signed_utc_s=agency.ENDS_S + 1))) is DocumentCheck.TIME


def test_a_denied_signer_is_refused() -> None:
    entries = (Denied(by=DeniedBy.NAME, name="dock-7"),)
    denied = DenyList(agency=agency.AGENCY, counter=1, signed_utc_s=SIGNED_S, entries=entries)
    assert refused(signed(checkpoint()), denied=denied) is DocumentCheck.SIGNER


@pytest.mark.parametrize(
    "changes", [{"number": 1}, {"number": 3, "previous_sha256": bytes(32)}, {"records": 0}]
)
def test_the_first_one_alone_has_none_before_it(changes: dict[str, Any]) -> None:
    with pytest.raises(EvidenceError):
        checkpoint(**changes)
