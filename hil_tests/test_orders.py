"""A seizure, and what one person must not order: they take a device's service or its footage, and so run last, on one
that is expendable (spec: Orders, Seizures)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

import pytest

from bwc_protocol.documents.order import EndSeizure, Order, Sanitise, Terms
from bwc_protocol.documents.seizure import Seizure
from bwc_protocol.documents.signed_document import SignedDocument
from bwc_protocol.documents.tombstone import EraseReason
from bwc_protocol.messages.config import Setting, SettingType
from bwc_protocol.messages.trust import Seize
from bwc_protocol.vocabulary import PeerKind
from bwc_sdk import AuditKind, ClockReason, ErrorCode, Mark, Role, TimeSource
from bwc_sdk.identity.host_identity import HostIdentity
from bwc_sdk.sync import SyncCamera
from hil_tests.device.bench import Bench
from hil_tests.device.restarting import when_back
from hil_tests.testkit.abilities import need, need_agency
from hil_tests.testkit.refusals import refused
from hil_tests.testkit.strangers import impostor
from hil_tests.verdicts import not_tested

CASE: Final = "HIL-2026-17"
ANOTHER_CASE: Final = "HIL-2026-18"

pytestmark = pytest.mark.bwc_destroys


class _Times:
    """Times of signing, by this host's clock: a camera takes no seizure that is not younger than its last one."""

    last_s = 0

    @classmethod
    def next_s(cls) -> int:
        cls.last_s = max(int(time.time()), cls.last_s + 1)
        return cls.last_s


class TwoPeople:
    """A technician and one of the records section, and what they sign for this device."""

    def __init__(self, camera: SyncCamera, technician: HostIdentity, records: HostIdentity) -> None:
        self.technician, self.records = technician, records
        self._camera = camera

    def seizure(self, *, by: HostIdentity | None = None, utc_s: int, **changes: Any) -> bytes:
        """Signed by the records section, but for `by`."""
        signer = by if by is not None else self.records
        said = {"camera": self._camera.identity, "case": CASE, **changes}
        payload = Seizure(lab=signer.lab, signed_utc_s=utc_s, **said).encode()
        return SignedDocument(payload).signed_by(signer.credentials).encode()

    def order(self, terms: Terms, *signers: HostIdentity, **changes: Any) -> tuple[bytes, bytes]:
        """A nonce that the device gave, and the order that names it; signed by both, but for `signers`."""
        there = self._camera.trust.nonce()
        said = {
            "device": self._camera.identity,
            "chain_head_sha256": there.manifest_sha256,
            "nonce": there.nonce,
            **changes,
        }
        order = Order(
            lab=self.technician.lab,
            kind=PeerKind.CAMERA,
            signed_utc_s=int(time.time()),
            terms=terms,
            **said,
        )
        document = SignedDocument(order.encode())
        for one in signers or (self.technician, self.records):
            document = document.signed_by(one.credentials)
        return there.nonce, document.encode()

    def give_end(self) -> None:
        """Ends the seizure, if there is one."""
        if case := self._camera.device.status().seized_for:
            self.give(self.order(EndSeizure(case=case)))

    def give(self, made: tuple[bytes, bytes]) -> None:
        """The order to the device."""
        nonce, document = made
        self._camera.trust.order(document, nonce=nonce)


@pytest.fixture
def people(camera: SyncCamera, bwc_bench: Bench) -> TwoPeople:
    return _two_people(camera, bwc_bench)


def _two_people(camera: SyncCamera, bench: Bench) -> TwoPeople:
    need(camera, Seize)
    need_agency(bench)
    found = bench.identities.two_people()
    if found is None:
        not_tested(
            "it takes a technician and one of the records section, under two names: 'bwc ca issue CA records'"
        )
    return TwoPeople(camera, *found)


# Seizures


@pytest.fixture
def seized(camera: SyncCamera, people: TwoPeople) -> Iterator[TwoPeople]:
    """The device, seized for a case. Whatever becomes of the test, two people end it."""
    camera.trust.seize(people.seizure(utc_s=_Times.next_s()))
    try:
        yield people
    finally:
        people.give_end()


@pytest.mark.rule("DOC-024")
def test_a_seizure_of_somebody_else_or_for_another_camera_is_not_taken(
    camera: SyncCamera, people: TwoPeople
) -> None:
    now_s = int(time.time())
    stranger, _ = impostor(people.records.certificate, Role.RECORDS)
    for document, code in (
        (b"seized!", ErrorCode.MALFORMED),
        (people.seizure(by=people.technician, utc_s=now_s), ErrorCode.UNTRUSTED),
        (people.seizure(by=stranger, utc_s=now_s), ErrorCode.UNTRUSTED),
        (people.seizure(camera="ANOTHER", utc_s=now_s), ErrorCode.CONFLICT),
        (people.seizure(utc_s=people.records.certificate.not_before_s - 1), ErrorCode.UNTRUSTED),
    ):
        with refused(code):
            camera.trust.seize(document)
    assert not camera.device.status().seized_for


@pytest.mark.rule("DOC-025")
def test_a_seized_camera_is_changed_by_nobody_and_gives_its_footage_as_before(
    camera: SyncCamera, seized: TwoPeople
) -> None:
    assert camera.device.status().seized_for == CASE
    config, assignment = camera.config.state().revision, camera.assignment.read().revision
    tones = (Setting(key="indicator.tones", type=SettingType.BOOL, number=0),)
    forbidden: list[Callable[[], object]] = [
        lambda: camera.config.stage(revision=config, settings=tones),
        lambda: camera.config.commit(revision=config),
        lambda: camera.assignment.assign(officer="hil", revision=assignment),
        lambda: camera.assignment.clear(revision=assignment),
        lambda: camera.trust.take_desired_state(b"whatever it says"),
        lambda: camera.clock.set(
            offset_ns=1,
            uncertainty_ns=1,
            reason=ClockReason.BENCH,
            source=TimeSource.UNSYNCHRONISED,
            revision=camera.clock.read().revision,
        ),
    ]
    listing = camera.recordings.list()
    for entry in listing[-1:]:
        forbidden.append(partial(camera.recordings.erase_entry, entry))
    for attempt in forbidden:
        with refused(ErrorCode.WRONG_STATE):
            attempt()
    assert camera.recordings.list() == listing
    assert (camera.config.state().revision, camera.assignment.read().revision) == (config, assignment)
    for entry in listing[-1:]:
        camera.recordings.read_table(entry, camera.recordings.read_manifest(entry), 0)
        camera.recordings.case(recording=entry.recording, manifest_sha256=entry.manifest_sha256, case=CASE)
        said = camera.recordings.page(after=entry.sequence - 1, limit=1).recordings[0]
        assert said.annotations >= entry.annotations, "what people say of it is kept"


@pytest.mark.rule("DOC-023", "DOC-024", "DOC-025")
def test_a_seizure_ends_by_an_order_of_two_people_for_its_case_and_does_not_come_back(
    camera: SyncCamera, seized: TwoPeople
) -> None:
    head = camera.audit.head().sequence
    with refused(ErrorCode.CONFLICT):
        seized.give(seized.order(EndSeizure(case=ANOTHER_CASE)))
    with refused(ErrorCode.UNTRUSTED):
        seized.give(seized.order(EndSeizure(case=CASE), seized.records, seized.records))
    listing = camera.recordings.list()
    if not any(entry.marks & Mark.HELD for entry in listing):
        with refused(ErrorCode.WRONG_STATE):
            seized.give(seized.order(Sanitise(loses_undelivered=len(listing))))
    with refused(ErrorCode.WRONG_STATE):
        camera.trust.seize(seized.seizure(case=ANOTHER_CASE, utc_s=_Times.next_s()))
    assert camera.device.status().seized_for == CASE
    old = seized.seizure(utc_s=int(time.time()) - 3600)
    seized.give(seized.order(EndSeizure(case=CASE)))
    assert not camera.device.status().seized_for
    with refused(ErrorCode.CONFLICT):
        camera.trust.seize(old)
    assert not camera.device.status().seized_for
    kinds = [entry.kind for entry in camera.audit.entries(after=head)]
    assert AuditKind.ORDERED in kinds


@pytest.mark.rule("DOC-025")
def test_a_camera_is_still_seized_after_a_restart(
    connect_as: Callable[[Role], SyncCamera], bwc_bench: Bench
) -> None:
    camera = connect_as(Role.BENCH)
    people = _two_people(camera, bwc_bench)
    camera.trust.seize(people.seizure(utc_s=_Times.next_s()))
    boot_counter = camera.peer.boot_counter
    camera.device.reboot(boot_counter=boot_counter)
    camera.close()
    # Not by `connect_as`: until it is back it is out of reach, and that ends no session of the bench.
    again = when_back(bwc_bench, Role.BENCH, boot_counter)
    try:
        assert again.device.status().seized_for == CASE
        with refused(ErrorCode.WRONG_STATE):
            again.config.commit(revision=again.config.state().revision)
    finally:
        TwoPeople(again, people.technician, people.records).give_end()
    assert not again.device.status().seized_for


# Sanitising


@pytest.mark.bwc_state(recordings=1)
@pytest.mark.rule("DOC-013", "DOC-014", "DOC-015", "DOC-016", "DOC-017", "DOC-022")
def test_two_people_have_a_camera_sanitised_and_a_tombstone_stays_of_each_recording(
    camera: SyncCamera, people: TwoPeople
) -> None:
    """Whoever wants it alone, or would lose more than both have signed, gets nothing. Then all of it goes, and the
    camera stays what it is."""
    listing, erased = camera.recordings.list(), len(camera.recordings.read_tombstones())
    assert listing, "as this test is marked"
    there = camera.trust.nonce()
    losing = Sanitise(loses_held=there.held, loses_undelivered=there.undelivered)
    technician, records = people.technician, people.records
    stranger, _ = impostor(records.certificate, Role.RECORDS)
    wrong: list[tuple[Terms, tuple[HostIdentity, ...], dict[str, Any], ErrorCode]] = [
        (losing, (technician,), {}, ErrorCode.UNTRUSTED),
        (losing, (records, records), {}, ErrorCode.UNTRUSTED),
        (losing, (technician, stranger), {}, ErrorCode.UNTRUSTED),
        (losing, (), {"nonce": bytes(16)}, ErrorCode.CONFLICT),
        (losing, (), {"device": "ANOTHER"}, ErrorCode.CONFLICT),
        (losing, (), {"chain_head_sha256": bytes(32)}, ErrorCode.CONFLICT),
    ]
    if there.undelivered:
        code = ErrorCode.HELD if there.held else ErrorCode.NEEDS_RECEIPT
        wrong.append((Sanitise(), (), {}, code))
    for terms, signers, changes, code in wrong:
        with refused(code):
            people.give(people.order(terms, *signers, **changes))
    assert camera.recordings.list() == listing
    trust, config = camera.trust.read(), camera.config.state().revision
    free = camera.storage.status().free_bytes
    made = people.order(losing)
    people.give(made)
    assert camera.recordings.list() == () and camera.storage.status().recordings == 0
    assert camera.storage.status().free_bytes >= free
    new = [one.tombstone for one in camera.recordings.read_tombstones()[erased:]]  # signed, and in a chain
    assert [(one.sequence, one.manifest_sha256, one.reason) for one in new] == [
        (entry.sequence, entry.manifest_sha256, EraseReason.SANITISED) for entry in listing
    ]
    for entry in listing:
        with refused(ErrorCode.NOT_FOUND):
            camera.recordings.manifest(recording=entry.recording)
    assert (camera.trust.read(), camera.config.state().revision) == (trust, config)
    with refused(ErrorCode.CONFLICT):
        people.give(made)
