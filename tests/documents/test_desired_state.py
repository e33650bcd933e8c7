"""Desired state: signed by a technician, for one camera, newer than the last; whoever carries it changes nothing."""

from typing import Any

import cbor2
import pytest

from bwc_protocol.certificates.checks import Trust
from bwc_protocol.documents.desired_state import (
    DESIRED_MAX,
    SETTINGS_MAX,
    DesiredAssignment,
    DesiredSetting,
    DesiredState,
    SignedDesiredState,
    verify_desired_state,
)
from bwc_protocol.documents.refusal import DocumentCheck, DocumentRefused
from bwc_protocol.documents.signed_document import SignedDocument
from bwc_protocol.evidence import EvidenceError
from bwc_protocol.evidence.sign1 import KeySigner
from tools.testkit import fixed_agency as agency
from tools.testkit.checks_taken_away import document_check_taken_away

SIGNED_S = agency.BEGAN_S + 86_400
SETTINGS = (
    DesiredSetting(key="recording.pre_event_s", value=30),
    DesiredSetting(key="recording.sound", value=True),
    DesiredSetting(key="stealth.mode", value="off"),
)


def state(**changes: Any) -> DesiredState:
    given: dict[str, Any] = {
        "camera": agency.CAMERA,
        "counter": 12,
        "signed_utc_s": SIGNED_S,
        "profile": "patrol",
        "settings": SETTINGS,
        "assignment": DesiredAssignment(officer="K1234", unit="5th precinct"),
    }
    return DesiredState(**given | changes)


def signed(state: DesiredState, name: str = "technician") -> bytes:
    return SignedDocument(state.encode()).signed_by(agency.signer(name)).encode()


def verify(
    data: bytes, *, camera: str = agency.CAMERA, generation: int = 0, last_counter: int = 0, **trust: Any
) -> SignedDesiredState:
    return verify_desired_state(
        data,
        agency.anchors(),
        Trust(**trust),
        camera=camera,
        generation=generation,
        last_counter=last_counter,
    )


def refused(data: bytes, **given: Any) -> DocumentCheck:
    with pytest.raises(DocumentRefused) as found:
        verify(data, **given)
    return found.value.check


def needed(check: DocumentCheck, data: bytes, **given: Any) -> None:
    assert refused(data, **given) is check
    with document_check_taken_away(check):
        verify(data, **given)


def test_what_a_technician_signed_arrives_as_it_was() -> None:
    found = verify(signed(state()))
    assert found.state == state() and found.signer.name == "Kim Lopez"
    assert [type(setting.value) for setting in found.state.settings] == [int, bool, str]
    assert verify(signed(state(assignment=None))).state.assignment is None
    assert verify(signed(state(assignment=DesiredAssignment(officer="")))).state.assignment is not None


@pytest.mark.rule("DOC-019")
@pytest.mark.parametrize("name", ["dock", "auditor", "records"])
def test_a_dock_delivers_and_authors_nothing(name: str) -> None:
    needed(DocumentCheck.ROLE, signed(state(), name))


@pytest.mark.rule("DOC-020")
def test_the_counter_is_above_the_last_one() -> None:
    assert verify(signed(state()), last_counter=11).state.counter == 12
    for last in (12, 13, 0xFFFF_FFFF):
        needed(DocumentCheck.COUNTER, signed(state()), last_counter=last)


@pytest.mark.rule("DOC-021")
def test_it_is_for_one_camera() -> None:
    needed(DocumentCheck.DEVICE, signed(state()), camera="BWC-000043")


@pytest.mark.rule("DOC-026")
def test_it_is_for_one_generation_of_the_camera() -> None:
    assert verify(signed(state(generation=2)), generation=2).state.generation == 2
    for of, present in ((0, 1), (1, 0), (1, 2), (2, 1)):
        needed(DocumentCheck.GENERATION, signed(state(generation=of)), generation=present)
    without = {key: value for key, value in state().to_map().items() if key != 9}
    document = SignedDocument(cbor2.dumps(without, canonical=True)).signed_by(agency.signer("technician"))
    assert refused(document.encode()) is DocumentCheck.FORM


@pytest.mark.rule("DOC-005")
def test_the_signer_is_judged_as_a_host_of_a_session_is() -> None:
    assert refused(signed(state()), floor_s=agency.ENDS_S + 1) is DocumentCheck.SIGNER
    assert refused(signed(state(), "other/technician")) is DocumentCheck.CHAIN
    document = SignedDocument(state().encode())
    assert refused(document.encode()) is DocumentCheck.SIGNATURE
    twice = document.signed_by(agency.signer("technician")).signed_by(agency.signer("technician-2"))
    assert refused(twice.encode()) is DocumentCheck.SIGNATURE
    camera = KeySigner((agency.certificate("camera"), agency.certificate("issuing")), agency.key("camera"))
    assert refused(document.signed_by(camera).encode()) is DocumentCheck.SIGNER


@pytest.mark.rule("DOC-006")
def test_the_signature_is_judged_at_the_time_that_the_document_states() -> None:
    needed(DocumentCheck.TIME, signed(state(signed_utc_s=agency.BEGAN_S - 1)))
    needed(DocumentCheck.TIME, signed(state(signed_utc_s=agency.ENDS_S + 1)))


@pytest.mark.rule("DOC-003")
def test_of_a_lab_it_is_for_that_lab_alone() -> None:
    needed(DocumentCheck.LAB, signed(state(lab="0a0b0c0d")))


@pytest.mark.rule("DOC-004")
@pytest.mark.parametrize(
    "changes",
    [
        {10: "and the firmware"},
        {9: -1},
        {9: 1 << 32},
        {1: 2},
        {4: 0},
        {6: "a\nb"},
        {7: [{0: "a", 1: 1, 2: "unless docked"}]},
        {8: {0: "K1", 1: "", 2: "till noon"}},
        {7: [{0: "a", 1: 1.5}]},
        {7: [{0: "a", 1: None}]},
        {7: [{0: "a", 1: 1 << 63}]},
        {7: [{0: "a", 1: "x" * 129}]},
        {7: [{0: "", 1: 1}]},
        {7: [{0: "b", 1: 1}, {0: "a", 1: 1}]},
        {7: [{0: "a", 1: 1}, {0: "a", 1: 2}]},
        {8: {0: " K1 ", 1: ""}},
        {8: {0: "", 1: "5th"}},
        {8: [1, 2]},
    ],
)
def test_anything_else_in_it_is_refused_whole(changes: dict[int, Any]) -> None:
    payload = cbor2.dumps(state().to_map() | changes, canonical=True)
    data = SignedDocument(payload).signed_by(agency.signer("technician")).encode()
    assert refused(data) is DocumentCheck.FORM


@pytest.mark.rule("DOC-004")
def test_a_configuration_at_its_largest_fits() -> None:
    settings = tuple(
        DesiredSetting(key=f"{n:064}", value="é" * 64 if n % 2 else -(1 << 63)) for n in range(SETTINGS_MAX)
    )
    largest = state(
        camera="c" * 64,
        generation=0xFFFF_FFFF,
        lab="l" * 32,
        profile="é" * 32,
        settings=settings,
        assignment=DesiredAssignment(officer="é" * 32, unit="é" * 32),
    )
    assert len(signed(largest)) <= DESIRED_MAX and len(largest.encode()) <= DesiredState.payload_max()
    longest = tuple(DesiredSetting(key=f"{n:064}", value="x" * 128) for n in range(SETTINGS_MAX))
    assert len(state(settings=longest).encode()) <= DesiredState.payload_max()
    with pytest.raises(EvidenceError, match="desired-state-settings"):
        state(settings=(*settings, DesiredSetting(key="z", value=1)))
