"""Orders: two people, one device, one moment; each condition is checked, and each check is needed."""

import dataclasses
from typing import Any

import cbor2
import pytest

from bwc_protocol.certificates.checks import Trust
from bwc_protocol.certificates.issue import Issuer, make_host, make_issuing, new_key
from bwc_protocol.declare import Role
from bwc_protocol.documents.deny_list import Denied, DeniedBy, DenyList
from bwc_protocol.documents.order import (
    NONCE_SIZE,
    ORDER_MAX,
    ClockStep,
    Decommission,
    Order,
    SignedOrder,
    Situation,
    Transfer,
    verify_order,
)
from bwc_protocol.documents.refusal import DocumentCheck, DocumentRefused
from bwc_protocol.documents.signed_document import SignedDocument
from bwc_protocol.evidence import NO_SHA256, EvidenceError
from bwc_protocol.evidence.sign1 import KeySigner
from bwc_protocol.vocabulary import PeerKind
from tools.testkit import fixed_agency as agency
from tools.testkit.checks_taken_away import document_check_taken_away

NONCE, HEAD = b"n" * NONCE_SIZE, b"h" * 32
SIGNED_S = agency.BEGAN_S + 86_400
YEAR_NS = 365 * 86_400 * 1_000_000_000
STEP = ClockStep(step_ns=-10 * YEAR_NS, uncertainty_ms=250, revision=3)
NOW = Situation(
    device=agency.CAMERA,
    kind=PeerKind.CAMERA,
    nonce=NONCE,
    chain_head_sha256=HEAD,
    clock_revision=3,
)


def order(terms: Any = None, **changes: Any) -> Order:
    given: dict[str, Any] = {
        "device": agency.CAMERA,
        "kind": PeerKind.CAMERA,
        "nonce": NONCE,
        "chain_head_sha256": HEAD,
        "signed_utc_s": SIGNED_S,
        "terms": terms or Decommission(),
    }
    return Order(**given | changes)


def signed(order: Order, *names: str) -> bytes:
    document = SignedDocument(order.encode())
    for name in names or ("technician", "technician-2"):
        document = document.signed_by(agency.signer(name))
    return document.encode()


def verify(data: bytes, now: Situation = NOW, **trust: Any) -> SignedOrder:
    return verify_order(data, agency.anchors(), Trust(**trust), now)


def refused(data: bytes, now: Situation = NOW, **trust: Any) -> DocumentCheck:
    with pytest.raises(DocumentRefused) as found:
        verify(data, now, **trust)
    return found.value.check


def needed(check: DocumentCheck, data: bytes, now: Situation = NOW, **trust: Any) -> None:
    """The order is refused by this check, and by no other."""
    assert refused(data, now, **trust) is check
    with document_check_taken_away(check):
        verify(data, now, **trust)


def another_certificate(name: str, roles: Role, key: str = "another") -> KeySigner:
    leaf = make_host(agency.issuer(), agency.key(key).public_key(), name, roles, agency.issuance(name))
    return KeySigner((leaf, agency.certificate("issuing")), agency.key(key))


@pytest.mark.parametrize("terms", [Transfer(to_agency="Shelbyville PD"), Decommission(), STEP])
def test_two_people_order_and_the_device_knows_who_and_what(terms: Any) -> None:
    found = verify(signed(order(terms)))
    assert found.order.terms == terms
    assert [facts.name for facts in found.signers] == ["Kim Lopez", "Ada Byron"]
    assert found.sha256 == SignedDocument.decode(signed(order(terms))).sha256


@pytest.mark.rule("DOC-013")
def test_one_person_is_not_enough_under_whatever_name_or_key() -> None:
    document = SignedDocument(order().encode())
    kim = agency.signer("technician")
    assert refused(document.encode()) is DocumentCheck.SIGNATURE
    assert refused(document.signed_by(kim).encode()) is DocumentCheck.SIGNATURE
    needed(DocumentCheck.SUBJECTS, document.signed_by(kim).signed_by(kim).encode())
    for again in (
        another_certificate("Kim Lopez", Role.TECHNICIAN),
        another_certificate("Kim Lopez", Role.RECORDS),
        another_certificate("kim  LOPEZ ", Role.RECORDS),
        another_certificate("Kim Ⅼopez".replace("Ⅼ", "\uff2c"), Role.RECORDS),
        another_certificate("Somebody Else", Role.RECORDS, key="technician"),
    ):
        needed(DocumentCheck.SUBJECTS, document.signed_by(kim).signed_by(again).encode())
    assert verify(document.signed_by(kim).signed_by(another_certificate("Lee", Role.RECORDS)).encode())


@pytest.mark.rule("DOC-014")
@pytest.mark.parametrize("other", ["dock", "auditor"])
def test_only_technicians_and_records_order(other: str) -> None:
    needed(DocumentCheck.ROLE, signed(order(), "technician", other))
    needed(DocumentCheck.ROLE, signed(order(), other, "technician"))
    assert verify(signed(order(), "records", "technician"))


@pytest.mark.rule("DOC-014")
@pytest.mark.parametrize("kind", [Transfer, Decommission])
@pytest.mark.parametrize("loses", ["loses_held", "loses_undelivered"])
def test_what_may_lose_footage_takes_the_records_section(kind: Any, loses: str) -> None:
    data = signed(order(kind(**{loses: 1})))
    needed(DocumentCheck.ROLE, data)
    assert verify(signed(order(kind(**{loses: 1})), "technician", "records"))


@pytest.mark.rule("DOC-015")
def test_it_is_for_one_device_and_one_nonce() -> None:
    data = signed(order())
    needed(DocumentCheck.DEVICE, data, dataclasses.replace(NOW, device="BWC-000043"))
    needed(DocumentCheck.DEVICE, data, dataclasses.replace(NOW, kind=PeerKind.STATION))
    needed(DocumentCheck.NONCE, data, dataclasses.replace(NOW, nonce=b"o" * NONCE_SIZE))
    needed(DocumentCheck.NONCE, data, dataclasses.replace(NOW, nonce=None))


@pytest.mark.rule("DOC-016")
@pytest.mark.parametrize("terms", [Transfer(), Decommission()])
def test_a_recording_that_was_closed_since_makes_it_void(terms: Any) -> None:
    now = dataclasses.replace(NOW, chain_head_sha256=b"i" * 32)
    needed(DocumentCheck.CHAIN_HEAD, signed(order(terms)), now)
    assert verify(signed(order(STEP)), now), "a clock is mended while the camera records"


@pytest.mark.rule("DOC-017")
@pytest.mark.parametrize("kind", [Transfer, Decommission])
@pytest.mark.parametrize(("there", "says"), [("held", "loses_held"), ("undelivered", "loses_undelivered")])
def test_footage_that_is_held_or_has_no_receipt_is_lost_only_if_it_says_how_much(
    kind: Any, there: str, says: str
) -> None:
    now = dataclasses.replace(NOW, **{there: 2})
    people = ("technician", "records")
    needed(DocumentCheck.FOOTAGE, signed(order(kind()), *people), now)
    assert verify(signed(order(kind(**{says: 2})), *people), now)
    needed(DocumentCheck.FOOTAGE, signed(order(kind(**{says: 1})), *people), now)
    other = "loses_undelivered" if says == "loses_held" else "loses_held"
    needed(DocumentCheck.FOOTAGE, signed(order(kind(**{other: 9})), *people), now)


@pytest.mark.rule("DOC-018")
def test_a_clock_that_was_set_since_is_not_stepped() -> None:
    needed(DocumentCheck.REVISION, signed(order(STEP)), dataclasses.replace(NOW, clock_revision=4))
    assert verify(signed(order(STEP)), dataclasses.replace(NOW, held=3, undelivered=9))


@pytest.mark.rule("DOC-005")
def test_signers_are_judged_as_hosts_of_a_session_are() -> None:
    denied = DenyList(
        agency=agency.AGENCY,
        counter=1,
        signed_utc_s=SIGNED_S,
        entries=(Denied(by=DeniedBy.NAME, name="Ada Byron"),),
    )
    assert refused(signed(order()), denied=denied) is DocumentCheck.SIGNER
    assert refused(signed(order()), floor_s=agency.ENDS_S + 1) is DocumentCheck.SIGNER
    document = SignedDocument(order().encode()).signed_by(agency.signer("technician"))
    camera = KeySigner((agency.certificate("camera"), agency.certificate("issuing")), agency.key("camera"))
    assert refused(document.signed_by(camera).encode()) is DocumentCheck.SIGNER
    assert refused(document.signed_by(agency.signer("other/records")).encode()) is DocumentCheck.CHAIN


@pytest.mark.rule("DOC-006")
def test_signatures_are_judged_at_the_time_that_the_document_states() -> None:
    """No clock is asked; a certificate that has ended since takes nothing back."""
    for when in (agency.BEGAN_S - 1, agency.ENDS_S + 1):
        needed(DocumentCheck.TIME, signed(order(signed_utc_s=when)))
    for when in (agency.BEGAN_S, agency.ENDS_S):
        assert verify(signed(order(signed_utc_s=when)))


def short_lived_signer(name: str, ca_ends_s: int) -> KeySigner:
    """A technician whose certificate outlives the CA that issued it, as an external CA may have it."""
    key, issuing_key = new_key(), new_key()
    of_ca, of_host = (agency.issuance(name, not_after_s=ends_s) for ends_s in (ca_ends_s, agency.ENDS_S))
    issuing = make_issuing(agency.issuer("root"), issuing_key.public_key(), "external", of_ca)
    leaf = make_host(Issuer(issuing, issuing_key), key.public_key(), name, Role.TECHNICIAN, of_host)
    return KeySigner((leaf, issuing), key)


@pytest.mark.rule("DOC-006")
def test_a_ca_that_had_ended_certifies_no_signature() -> None:
    document = SignedDocument(order().encode())
    for ca_ends_s, good in ((SIGNED_S, True), (SIGNED_S - 1, False)):
        both = document.signed_by(agency.signer("technician")).signed_by(short_lived_signer("Ext", ca_ends_s))
        if good:
            assert verify(both.encode())
        else:
            needed(DocumentCheck.TIME, both.encode())


@pytest.mark.rule("DOC-003")
def test_an_order_of_a_lab_is_none_of_an_agency() -> None:
    needed(DocumentCheck.LAB, signed(order(lab="0a0b0c0d")))


@pytest.mark.rule("DOC-004")
def test_an_order_with_terms_that_a_device_does_not_know_is_refused_whole() -> None:
    for changes in (
        {9: "and only at night"},
        {8: [2, {0: 0, 1: 0, 2: True}]},
        {8: [2, {0: True, 1: 0}]},
        {8: [4, {}]},
        {8: [2, {0: 0}]},
        {8: [True, {}]},
        {8: {}},
    ):
        payload = cbor2.dumps(order().to_map() | changes, canonical=True)
        document = SignedDocument(payload)
        for name in ("technician", "technician-2"):
            document = document.signed_by(agency.signer(name))
        assert refused(document.encode()) is DocumentCheck.FORM, changes


def test_the_largest_order_fits_its_bound() -> None:
    largest = order(
        Transfer(loses_held=0xFFFF_FFFF, loses_undelivered=0xFFFF_FFFF, to_agency="é" * 32),
        lab="l" * 32,
        device="d" * 64,
        signed_utc_s=agency.CA_ENDS_S,
    )
    assert len(largest.encode()) <= Order.payload_max() and len(signed(largest)) <= ORDER_MAX


def test_a_step_of_nothing_is_no_order() -> None:
    with pytest.raises(EvidenceError, match="clock-step-step-ns"):
        ClockStep(step_ns=0, uncertainty_ms=0, revision=0)


def test_a_device_may_have_any_name_that_a_certificate_has() -> None:
    now = dataclasses.replace(NOW, device="Wache 7, Tür")
    assert verify(signed(order(device="Wache 7, Tür")), now)


def test_a_station_is_ordered_like_a_camera() -> None:
    now = Situation(device="DOCK-3", kind=PeerKind.STATION, nonce=NONCE, chain_head_sha256=NO_SHA256)
    of_station = order(device="DOCK-3", kind=PeerKind.STATION, chain_head_sha256=NO_SHA256)
    assert verify(signed(of_station), now)
