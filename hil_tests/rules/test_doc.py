"""Documents that an agency signs: a device takes them as they are, and no others
(spec: Signatures, Deny lists, Orders, Desired state).

Each is tried on a simulator of its own, since a document is there for good.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any, Final

import pytest

from bwc_protocol.certificates.issue import new_key
from bwc_protocol.certificates.profile import ROLE_OIDS
from bwc_protocol.declare import Role
from bwc_protocol.documents.deny_list import Denied, DeniedBy, DeniedKind, DenyList
from bwc_protocol.documents.desired_state import DesiredState
from bwc_protocol.documents.order import NONCE_SIZE, ClockStep, Decommission, Order, Terms, Transfer
from bwc_protocol.documents.signed_document import SignedDocument
from bwc_protocol.evidence.sign1 import KeySigner
from bwc_protocol.lab.agency import AGENCY, LabAgency
from bwc_protocol.messages.clock import ReadClock
from bwc_protocol.messages.trust import CarryOut, GiveNonce, InstallDenyList, ReadTrust, TakeDesiredState
from hil_tests.raw.session import RawSession
from hil_tests.raw.wire import Wire
from hil_tests.rules.buttons import SimulatedButtons
from hil_tests.rules.test_cer import is_refused, lab_of, meeting
from hil_tests.rules.uploads import delivered, refuses, takes
from hil_tests.testkit.odd_hosts import NAME, OddHost
from hil_tests.verdicts import RuleBroken, not_applicable

ANOTHER_LAB: Final = "00000000"


class AtTrust:
    """A session with a device of the lab, and what the lab signs."""

    def __init__(self, wire: Wire, role: Role = Role.TECHNICIAN) -> None:
        self.lab: LabAgency = lab_of(wire)
        self.session: RawSession = wire.session(role)

    @property
    def root(self) -> KeySigner:
        """Signs deny lists."""
        return KeySigner((self.lab.root.certificate,), self.lab.root.key)

    def by(self, role: Role, name: str = "hil") -> KeySigner:
        """Signs orders and desired states."""
        host = self.lab.host(name, role)
        return KeySigner(host.chain, host.key)

    def deny_list(self, counter: int = 1, *entries: Denied, **changes: Any) -> DenyList:
        """A list of the lab."""
        usual: dict[str, Any] = {"lab": self.lab.id, "agency": AGENCY, "signed_utc_s": int(time.time())}
        return DenyList(counter=counter, entries=entries, **(usual | changes))

    def desired(self, counter: int = 1, **changes: Any) -> DesiredState:
        """A desired state of this camera, which sets nothing."""
        info = self.session.device_info
        assert info is not None
        usual: dict[str, Any] = {
            "lab": self.lab.id,
            "camera": info.identity,
            "signed_utc_s": int(time.time()),
            "generation": self.session.ask(ReadTrust()).generation,
        }
        return DesiredState(counter=counter, **(usual | changes))

    def order(self, terms: Terms, *signers: KeySigner, **changes: Any) -> tuple[bytes, bytes]:
        """A nonce that the device gave, and an order that names it, signed by these."""
        info, there = self.session.device_info, self.session.ask(GiveNonce())
        assert info is not None
        usual: dict[str, Any] = {
            "lab": self.lab.id,
            "device": info.identity,
            "kind": info.kind,
            "nonce": there.nonce,
            "chain_head_sha256": there.manifest_sha256,
            "signed_utc_s": int(time.time()),
        }
        document = SignedDocument(Order(terms=terms, **(usual | changes)).encode())
        for signer in signers:
            document = document.signed_by(signer)
        return there.nonce, document.encode()

    def counters(self) -> tuple[int, int]:
        """Of the deny list and of the desired state that it took last."""
        state = self.session.ask(ReadTrust())
        return state.deny_counter, state.desired_counter


def signed(document: DenyList | DesiredState, signer: KeySigner) -> bytes:
    """A document with one signature."""
    return SignedDocument(document.encode()).signed_by(signer).encode()


# Deny lists


@pytest.mark.rule("CER-013")
@pytest.mark.rule("DOC-008")
def test_who_is_denied_by_name_or_key_gets_no_session_any_more(spare_wire: Wire) -> None:
    device = AtTrust(spare_wire)
    by_key = OddHost(names=("another odd host",), key=new_key())
    entries = (
        Denied(by=DeniedBy.NAME, name=NAME),
        Denied(by=DeniedBy.KEY, key=_key_sha256(by_key)),
    )
    listed = signed(device.deny_list(1, *entries), device.root)
    takes(device.session, "DOC-008", "a deny list of the lab's root", InstallDenyList, listed)
    spare_wire.hang_up()
    is_refused(spare_wire, OddHost(), "CER-013, DOC-008", f"the name {NAME!r}, which the list denies")
    is_refused(spare_wire, by_key, "CER-013, DOC-008", "a key that the list denies")


@pytest.mark.rule("DOC-008")
def test_an_entry_denies_the_kind_that_it_names_and_no_other(spare_wire: Wire) -> None:
    """A camera that is called as a host is: the host goes on."""
    device = AtTrust(spare_wire)
    entry = Denied(by=DeniedBy.NAME, kind=DeniedKind.CAMERA, name=NAME)
    listed = signed(device.deny_list(1, entry), device.root)
    takes(device.session, "DOC-008", "a deny list of the lab's root", InstallDenyList, listed)
    spare_wire.hang_up()
    session = meeting(spare_wire, OddHost())
    if session.session.peer is None:
        raise RuleBroken(f"the host {NAME!r} taken, where the list denies a camera (DOC-008)", session.told())


def _key_sha256(host: OddHost) -> bytes:
    import hashlib

    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    assert host.key is not None
    public = host.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(public).digest()


def _not_deterministic(document: bytes) -> bytes:
    """The same in another encoding: the length of its outermost array in two bytes."""
    head = document[0]
    if head >> 5 == 6:  # a tag before it
        return document[:1] + _not_deterministic(document[1:])
    return bytes([head & 0xE0 | 24, head & 0x1F]) + document[1:]


@pytest.mark.parametrize(
    ("what", "rule"),
    [
        pytest.param("an encoding that is not deterministic", "DOC-001", marks=pytest.mark.rule("DOC-001")),
        pytest.param("one changed byte", "DOC-002", marks=pytest.mark.rule("DOC-002")),
        pytest.param("another lab", "DOC-003", marks=pytest.mark.rule("DOC-003")),
        pytest.param("a signature of an issuing CA", "DOC-009", marks=pytest.mark.rule("DOC-009")),
        pytest.param("another agency", "DOC-009", marks=pytest.mark.rule("DOC-009")),
        pytest.param("another kind of document", "DOC-007", marks=pytest.mark.rule("DOC-007")),
        pytest.param("two signatures", "DOC-009", marks=pytest.mark.rule("DOC-009")),
        pytest.param("whoever brings it among the denied", "DOC-011", marks=pytest.mark.rule("DOC-011")),
    ],
)
def test_a_deny_list_is_refused_that_has_one_thing_wrong(spare_wire: Wire, what: str, rule: str) -> None:
    device = AtTrust(spare_wire)
    good = device.deny_list()
    issuing = KeySigner((device.lab.issuing.certificate,), device.lab.issuing.key)
    carrier = Denied(by=DeniedBy.NAME, name=device.session.local.identity)
    whole = SignedDocument(good.encode()).signed_by(device.root)
    wrong = {
        "an encoding that is not deterministic": lambda: _not_deterministic(whole.encode()),
        "one changed byte": lambda: _changed(whole.encode(), AGENCY.encode(), AGENCY.upper().encode()),
        "another lab": lambda: signed(device.deny_list(lab=ANOTHER_LAB), device.root),
        "a signature of an issuing CA": lambda: signed(good, issuing),
        "another agency": lambda: signed(device.deny_list(agency="Shelbyville PD"), device.root),
        "another kind of document": lambda: signed(device.desired(), device.root),
        "two signatures": lambda: whole.signed_by(device.root).encode(),
        "whoever brings it among the denied": lambda: signed(device.deny_list(1, carrier), device.root),
    }[what]()
    refuses(device.session, rule, f"a deny list with {what}", InstallDenyList, wrong)
    if told := device.counters()[0]:
        raise RuleBroken(f"no deny list, after one with {what} ({rule})", f"list {told}")
    takes(device.session, "DOC-009", "a deny list of the lab's root", InstallDenyList, whole.encode())


def _changed(document: bytes, part: bytes, into: bytes) -> bytes:
    assert document.count(part) >= 1
    return document.replace(part, into, 1)


@pytest.mark.rule("DOC-010")
def test_an_older_deny_list_does_not_replace_a_newer_one(spare_wire: Wire) -> None:
    device = AtTrust(spare_wire)
    takes(device.session, "DOC-010", "list 5", InstallDenyList, signed(device.deny_list(5), device.root))
    nobody = Denied(by=DeniedBy.NAME, name="nobody")
    for counter in (4, 5):
        older = signed(device.deny_list(counter, nobody), device.root)
        refuses(device.session, "DOC-010", f"list {counter} behind list 5", InstallDenyList, older)
    takes(device.session, "DOC-010", "list 6", InstallDenyList, signed(device.deny_list(6), device.root))


@pytest.mark.rule("DOC-012")
def test_a_floor_rises_and_falls_by_lists_and_is_never_above_their_time(spare_wire: Wire) -> None:
    device = AtTrust(spare_wire)
    now = int(time.time())
    first = device.deny_list(1, floor_utc_s=now - 1_000, signed_utc_s=now)
    takes(device.session, "DOC-012", "a list with a floor", InstallDenyList, signed(first, device.root))
    if (told := device.session.ask(ReadTrust()).floor_s) < now - 1_000:
        raise RuleBroken(f"the floor {now - 1_000} (DOC-012)", str(told))
    ahead = _floor_ahead(replace(first, counter=2, floor_utc_s=now), now)
    refuses(
        device.session,
        "DOC-012",
        "a floor above the time of signing",
        InstallDenyList,
        _sign(ahead, device.root),
    )
    lower = replace(first, counter=2, floor_utc_s=now - 2_000)
    takes(device.session, "DOC-012", "a list with a lower floor", InstallDenyList, signed(lower, device.root))
    if (told := device.session.ask(ReadTrust()).floor_s) >= now - 1_000:
        raise RuleBroken("a floor that falls by the newest list (DOC-012)", f"{told}, as by the list before")


def _floor_ahead(listed: DenyList, now: int) -> bytes:
    """The payload of a list whose floor is a second above the time at which it says to be signed."""
    payload = listed.encode()
    floor = (now).to_bytes(4, "big")
    assert payload.count(floor) == 2, "the time of signing, and the floor behind it"
    at = payload.rindex(floor)
    return payload[:at] + (now + 1).to_bytes(4, "big") + payload[at + 4 :]


def _sign(payload: bytes, signer: KeySigner) -> bytes:
    return SignedDocument(payload).signed_by(signer).encode()


# Desired state


@pytest.mark.parametrize(
    ("what", "rule"),
    [
        pytest.param("a signer who is no technician", "DOC-019", marks=pytest.mark.rule("DOC-019")),
        pytest.param("another camera", "DOC-021", marks=pytest.mark.rule("DOC-021")),
        pytest.param("another generation", "DOC-026", marks=pytest.mark.rule("DOC-026")),
        pytest.param("another lab", "DOC-003", marks=pytest.mark.rule("DOC-003")),
        pytest.param("a signer who is no host", "DOC-005", marks=pytest.mark.rule("DOC-005")),
    ],
)
def test_a_desired_state_is_refused_that_has_one_thing_wrong(spare_wire: Wire, what: str, rule: str) -> None:
    device = AtTrust(spare_wire)
    by, good = device.by(Role.TECHNICIAN), device.desired()
    no_host = OddHost(purposes=(ROLE_OIDS[Role.TECHNICIAN],)).certified_by(device.lab)
    wrong = {
        "a signer who is no technician": lambda: signed(good, device.by(Role.DOCK_OFFLOAD)),
        "another camera": lambda: signed(device.desired(camera="SIM-ANOTHER"), by),
        "another generation": lambda: signed(device.desired(generation=good.generation + 1), by),
        "another lab": lambda: signed(device.desired(lab=ANOTHER_LAB), by),
        "a signer who is no host": lambda: signed(good, KeySigner(no_host.chain, no_host.key)),
    }[what]()
    refuses(device.session, rule, f"a desired state with {what}", TakeDesiredState, wrong)
    if told := device.counters()[1]:
        raise RuleBroken(f"no desired state, after one with {what} ({rule})", f"number {told}")
    takes(device.session, rule, "a desired state as it should be", TakeDesiredState, signed(good, by))


@pytest.mark.rule("DOC-020")
def test_an_older_desired_state_does_not_come_after_a_newer_one(spare_wire: Wire) -> None:
    device = AtTrust(spare_wire)
    by = device.by(Role.TECHNICIAN)
    takes(device.session, "DOC-020", "number 5", TakeDesiredState, signed(device.desired(5), by))
    for counter in (4, 5):
        older = signed(device.desired(counter, profile="older"), by)
        refuses(device.session, "DOC-020", f"number {counter} behind 5", TakeDesiredState, older)
    if (told := device.counters()[1]) != 5:
        raise RuleBroken("number 5 as the last that was taken (DOC-020)", str(told))


# Orders

FORGOTTEN: Final = bytes(NONCE_SIZE)


@pytest.mark.parametrize(
    ("what", "rule"),
    [
        pytest.param("another revision of the clock", "DOC-018", marks=pytest.mark.rule("DOC-018")),
        pytest.param("one person twice", "DOC-013", marks=pytest.mark.rule("DOC-013")),
        pytest.param("a signer of another role", "DOC-014", marks=pytest.mark.rule("DOC-014")),
        pytest.param("another device", "DOC-015", marks=pytest.mark.rule("DOC-015")),
        pytest.param("another nonce", "DOC-015", marks=pytest.mark.rule("DOC-015")),
    ],
)
def test_an_order_is_refused_that_has_one_thing_wrong(spare_wire: Wire, what: str, rule: str) -> None:
    device = AtTrust(spare_wire)
    before = device.session.ask(ReadClock()).revision
    step = ClockStep(step_ns=1_000_000_000, uncertainty_ms=10, revision=before)
    two = (device.by(Role.TECHNICIAN, "one"), device.by(Role.RECORDS, "another"))
    same = (device.by(Role.TECHNICIAN, "One "), device.by(Role.RECORDS, "one"))
    cases: dict[str, tuple[Terms, tuple[KeySigner, ...], dict[str, Any]]] = {
        "another revision of the clock": (replace(step, revision=before + 1), two, {}),
        "one person twice": (step, same, {}),
        "a signer of another role": (step, (two[0], device.by(Role.AUDITOR, "another")), {}),
        "another device": (step, two, {"device": "SIM-ANOTHER"}),
        "another nonce": (step, two, {"nonce": FORGOTTEN}),
    }
    terms, signers, changes = cases[what]
    _is_not_carried_out(device, rule, f"an order with {what}", terms, signers, **changes)
    if device.session.ask(ReadClock()).revision != before:
        raise RuleBroken(f"a clock that was not set by an order with {what} ({rule})", "another revision")
    nonce, document = device.order(step, *two)
    takes(device.session, rule, "an order as it should be", CarryOut, document, nonce=nonce)


@pytest.mark.rule("TRU-012")
@pytest.mark.parametrize("terms", [Transfer(), Decommission()], ids=["transfer", "decommission"])
def test_a_device_that_records_is_neither_given_away_nor_taken_out_of_service(
    spare_wire: Wire, terms: Transfer | Decommission
) -> None:
    device = AtTrust(spare_wire)
    buttons = SimulatedButtons(spare_wire)
    if not buttons.start_recording():
        not_applicable("the device records nothing")
    two = (device.by(Role.TECHNICIAN, "one"), device.by(Role.RECORDS, "another"))
    _is_not_carried_out(device, "TRU-012", f"a {terms.label} while it records", terms, two)
    device.session.goes_on("TRU-012")


def _is_not_carried_out(
    at: AtTrust, rule: str, what: str, terms: Terms, signers: tuple[KeySigner, ...], **changes: Any
) -> None:
    nonce, document = at.order(terms, *signers, **changes)
    code = delivered(at.session, CarryOut, document, nonce=nonce)
    if not code:
        raise RuleBroken(f"{what} refused ({rule})", "taken")
