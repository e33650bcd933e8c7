"""Deny lists: whom they deny, from whom they are taken, and that none of them can shut everybody out."""

from typing import Any

import cbor2
import pytest

from bwc_protocol.certificates.checks import Check, PeerRefused, Trust, check_peer
from bwc_protocol.certificates.facts import CertificateFacts, read_certificate
from bwc_protocol.certificates.issue import make_device, make_host
from bwc_protocol.declare import Role, Unknown
from bwc_protocol.documents.deny_list import (
    DENIED_MAX,
    DENY_LIST_MAX,
    Denied,
    DeniedBy,
    DeniedKind,
    DenyList,
    accept_deny_list,
    in_order,
    verify_deny_list,
)
from bwc_protocol.documents.refusal import DocumentCheck, DocumentRefused
from bwc_protocol.documents.signed_document import SignedDocument
from bwc_protocol.evidence import EvidenceError
from bwc_protocol.vocabulary import PeerKind
from tools.testkit import fixed_agency as agency
from tools.testkit.checks_taken_away import document_check_taken_away

SIGNED_S = agency.BEGAN_S + 86_400


def facts(name: str) -> CertificateFacts:
    return read_certificate(agency.certificate(name))


DOCK, TECHNICIAN, CAMERA = facts("dock"), facts("technician"), facts("camera")
ISSUING = facts("issuing")
STOLEN = Denied(by=DeniedBy.KEY, kind=DeniedKind.HOST, name="dock-9", key=b"k" * 32)


def deny_list(*entries: Denied, **changes: Any) -> DenyList:
    given: dict[str, Any] = {"agency": agency.AGENCY, "counter": 7, "signed_utc_s": SIGNED_S}
    return DenyList(**given | {"entries": in_order(entries)} | changes)


def signed(*entries: Denied, root: str = "root", **changes: Any) -> bytes:
    document = SignedDocument(deny_list(*entries, **changes).encode())
    return document.signed_by(agency.root_signer(root)).encode()


def accept(data: bytes, **given: Any) -> DenyList:
    return accept_deny_list(data, agency.anchors(), **{"held": None, "carrier": TECHNICIAN} | given)


def refused(data: bytes, **given: Any) -> DocumentCheck:
    with pytest.raises(DocumentRefused) as found:
        accept(data, **given)
    return found.value.check


def made_again(name: str) -> CertificateFacts:
    """A later certificate of the same name, with another key."""
    if name == "camera":
        der = make_device(
            agency.issuer(),
            agency.key("again").public_key(),
            agency.CAMERA,
            PeerKind.CAMERA,
            agency.issuance("a"),
        )
        return read_certificate(der)
    person, roles = agency.PEOPLE[name]
    der = make_host(agency.issuer(), agency.key("again").public_key(), person, roles, agency.issuance("a"))
    return read_certificate(der)


@pytest.mark.rule("DOC-008")
def test_a_list_denies_by_name_by_key_and_by_issuer() -> None:
    by_name = deny_list(Denied(by=DeniedBy.NAME, kind=DeniedKind.HOST, name="dock-7"))
    by_key = deny_list(Denied(by=DeniedBy.KEY, key=DOCK.key_sha256))
    by_issuer = deny_list(Denied(by=DeniedBy.ISSUER, key=ISSUING.key_id))
    for found, dock, again, technician in (
        (by_name, True, True, False),
        (by_key, True, False, False),
        (by_issuer, True, True, True),
    ):
        denied = [found.denies(one) is not None for one in (DOCK, made_again("dock"), TECHNICIAN)]
        assert denied == [dock, again, technician]
        assert found.denies(facts("other/dock")) is None or found is by_name
    assert by_issuer.denies(ISSUING) and by_issuer.denies(facts("issuing-2")) is None
    assert by_name.denies(DOCK) == "deny list 7 of Springfield PD denies its name"


@pytest.mark.rule("DOC-008")
def test_a_name_is_denied_for_its_kind_alone() -> None:
    """A host may be called like a camera: to deny the one must not lose the footage of the other."""
    of_host = deny_list(Denied(by=DeniedBy.NAME, kind=DeniedKind.HOST, name=agency.CAMERA))
    of_camera = deny_list(Denied(by=DeniedBy.NAME, kind=DeniedKind.CAMERA, name=agency.CAMERA))
    of_any = deny_list(Denied(by=DeniedBy.NAME, name=agency.CAMERA))
    assert [one.denies(CAMERA) is not None for one in (of_host, of_camera, of_any)] == [False, True, True]


def test_the_checks_of_a_session_ask_the_list() -> None:
    check_peer(DOCK, Trust(denied=deny_list(STOLEN)))
    with pytest.raises(PeerRefused, match="deny list 7") as found:
        check_peer(DOCK, Trust(denied=deny_list(Denied(by=DeniedBy.KEY, key=DOCK.key_sha256))))
    assert found.value.check is Check.DENIED


def test_of_a_denied_camera_it_says_which_footage_is_good_all_the_same() -> None:
    entry = Denied(
        by=DeniedBy.NAME,
        kind=DeniedKind.CAMERA,
        name=agency.CAMERA,
        last_sequence=41,
        last_manifest_sha256=b"m" * 32,
    )
    found = verify_deny_list(signed(entry), agency.anchors()).entry_for(CAMERA)
    assert found is not None and (found.last_sequence, found.last_manifest_sha256) == (41, b"m" * 32)


@pytest.mark.rule("DOC-009")
def test_only_a_root_of_the_agency_signs_a_list_and_the_standby_root_is_one() -> None:
    for root in ("root", "standby"):
        assert accept(signed(STOLEN, root=root)) == deny_list(STOLEN)
    assert refused(signed(STOLEN, root="other/root")) is DocumentCheck.CHAIN
    document = SignedDocument(deny_list(STOLEN).encode())
    for name in ("issuing", "technician"):
        signer = agency.signer("technician") if name == "technician" else agency.root_signer("issuing")
        assert refused(document.signed_by(signer).encode()) is DocumentCheck.CHAIN
    assert refused(document.encode()) is DocumentCheck.SIGNATURE
    twice = document.signed_by(agency.root_signer()).signed_by(agency.root_signer("standby"))
    assert refused(twice.encode()) is DocumentCheck.SIGNATURE


@pytest.mark.rule("DOC-010")
def test_a_list_is_newer_or_it_is_not_taken() -> None:
    held = deny_list(STOLEN)
    assert accept(signed(counter=8), held=held).counter == 8
    for counter in (1, 6, 7):
        assert refused(signed(counter=counter), held=held) is DocumentCheck.COUNTER
    assert refused(signed(STOLEN), held=held) is DocumentCheck.COUNTER
    with document_check_taken_away(DocumentCheck.COUNTER):
        assert accept(signed(counter=6), held=held).counter == 6, "a list that was rolled back"


@pytest.mark.rule("DOC-011")
@pytest.mark.parametrize(
    "trap",
    [
        {"entries": (Denied(by=DeniedBy.NAME, name="Kim Lopez"),)},
        {"entries": (Denied(by=DeniedBy.KEY, key=TECHNICIAN.key_sha256),)},
        {"entries": (Denied(by=DeniedBy.ISSUER, key=ISSUING.key_id),)},
        {"floor_utc_s": agency.ENDS_S + 1, "signed_utc_s": agency.ENDS_S + 1},
    ],
    ids=["name", "key", "issuer", "floor"],
)
def test_a_list_that_denies_whoever_brings_it_is_refused(trap: dict[str, Any]) -> None:
    assert refused(signed(**trap)) is DocumentCheck.CARRIER
    assert accept(signed(**trap), carrier=None).counter == 7, "at an enrolment nobody's session is at stake"
    with document_check_taken_away(DocumentCheck.CARRIER):
        assert accept(signed(**trap)).counter == 7


@pytest.mark.rule("DOC-011")
def test_a_list_that_denies_the_ca_of_the_last_dock_waits_for_a_dock_of_the_new_one() -> None:
    data = signed(Denied(by=DeniedBy.ISSUER, key=ISSUING.key_id))
    of_new_ca = read_certificate(
        make_host(
            agency.issuer("issuing-2"),
            agency.key("dock-8").public_key(),
            "dock-8",
            Role.DOCK_OFFLOAD,
            agency.issuance("dock-8"),
        )
    )
    assert refused(data, carrier=of_new_ca, last_dock_issuer=ISSUING.key_id) is DocumentCheck.ISSUER
    assert accept(data, carrier=of_new_ca, last_dock_issuer=of_new_ca.issuer_key_id).counter == 7
    with document_check_taken_away(DocumentCheck.ISSUER):
        assert accept(data, carrier=of_new_ca, last_dock_issuer=ISSUING.key_id).counter == 7


@pytest.mark.rule("DOC-012")
def test_a_floor_is_never_after_the_signature_and_a_later_list_may_lower_it() -> None:
    with pytest.raises(EvidenceError, match="deny-list-floor"):
        deny_list(floor_utc_s=SIGNED_S + 1)
    held = accept(signed(floor_utc_s=SIGNED_S))
    assert accept(signed(counter=8, floor_utc_s=0), held=held).floor_utc_s == 0


@pytest.mark.rule("DOC-003")
def test_a_list_of_another_lab_or_agency_is_refused() -> None:
    assert refused(signed(lab="0a0b0c0d")) is DocumentCheck.LAB
    assert refused(signed(agency="Shelbyville PD")) is DocumentCheck.AGENCY
    with document_check_taken_away(DocumentCheck.LAB):
        assert accept(signed(lab="0a0b0c0d")).lab == "0a0b0c0d"
    with document_check_taken_away(DocumentCheck.AGENCY):
        assert accept(signed(agency="Shelbyville PD")).agency == "Shelbyville PD"


def test_a_list_of_a_newer_form_denies_at_least_what_is_known_here() -> None:
    """Revocation has to reach devices that nobody has updated."""
    entry = cbor2.loads(deny_list(Denied(by=DeniedBy.KEY, key=DOCK.key_sha256)).encode())[7][0]
    newer = deny_list().to_map() | {7: [entry, entry | {0: 9, 6: "in a way of its own"}], 8: "appended"}
    document = SignedDocument(cbor2.dumps(newer, canonical=True)).signed_by(agency.root_signer())
    found = accept(document.encode())
    assert found.denies(DOCK) and found.denies(TECHNICIAN) is None
    assert found.entries[1].by == Unknown(9)
    assert found.encode() == document.payload, "and it is carried on as it came"


@pytest.mark.parametrize(
    ("entry", "rule"),
    [
        ({"by": DeniedBy.NAME}, "denied-by"),
        ({"by": DeniedBy.NAME, "name": "x", "key": b"k"}, "denied-by"),
        ({"by": DeniedBy.NAME, "name": "x\u202ey"}, "denied-name"),
        ({"by": DeniedBy.NAME, "name": "é" * 33}, "denied-name"),
        ({"by": DeniedBy.KEY, "key": b"k" * 20}, "denied-by"),
        ({"by": DeniedBy.ISSUER}, "denied-by"),
        ({"by": DeniedBy.ISSUER, "key": b"k", "kind": DeniedKind.HOST}, "denied-by"),
        ({"by": DeniedBy.ISSUER, "key": b"k" * 65}, "denied-key"),
        ({"by": DeniedBy.NAME, "name": "x", "last_sequence": 4}, "denied-last"),
        ({"by": DeniedBy.NAME, "name": "x", "last_manifest_sha256": b"m" * 32}, "denied-last"),
    ],
)
def test_an_entry_that_says_nothing_sound_cannot_be_made(entry: dict[str, Any], rule: str) -> None:
    with pytest.raises(EvidenceError) as found:
        Denied(**entry)
    assert found.value.rule == rule


def test_entries_stand_in_order_each_once() -> None:
    one, other = Denied(by=DeniedBy.NAME, name="a"), Denied(by=DeniedBy.NAME, name="b")
    assert deny_list(other, one, one).entries == (one, other)
    for wrong in ((other, one), (one, one)):
        with pytest.raises(EvidenceError, match="deny-list-entries"):
            deny_list(entries=wrong)


@pytest.mark.rule("DOC-004")
def test_a_list_has_a_bound_and_an_agency_that_reaches_it_a_list() -> None:
    """2,048 entries of the usual length fit; one more, or more bytes, are refused."""
    usual = [Denied(by=DeniedBy.KEY, name=f"dock-{n:04}", key=n.to_bytes(32)) for n in range(DENIED_MAX)]
    full = signed(*usual)
    assert len(full) <= DENY_LIST_MAX
    assert len(accept(full).entries) == DENIED_MAX
    with pytest.raises(EvidenceError, match="deny-list-entries"):
        deny_list(*usual, STOLEN)
    longest = [
        Denied(
            by=DeniedBy.KEY,
            kind=DeniedKind.CAMERA,
            name="n" * 64,
            key=n.to_bytes(32),
            last_sequence=0xFFFF_FFFF,
            last_manifest_sha256=b"m" * 32,
        )
        for n in range(DENIED_MAX)
    ]
    with pytest.raises(EvidenceError, match="deny-list-size"):
        deny_list(*longest).encode()
    too_long = SignedDocument(bytes(DENY_LIST_MAX)).signed_by(agency.root_signer())
    assert refused(too_long.encode()) is DocumentCheck.FORM
