"""What a receipt lets go: nothing by whom the device denies by now, and nothing that nobody can open
(spec: Receipts and erasing, Tombstones).

Each is tried on a simulator of its own, since it is denied, or erased, for good.
"""

from __future__ import annotations

import hashlib
import time
from typing import Any, Final

import pytest

from bwc_protocol.conversation.message import Flag
from bwc_protocol.declare import Role
from bwc_protocol.documents.deny_list import Denied, DeniedBy
from bwc_protocol.documents.receipt import Receipt
from bwc_protocol.documents.signed_document import SignedDocument
from bwc_protocol.evidence import sealing
from bwc_protocol.messages.assignment import Assign, ReadAssignment
from bwc_protocol.messages.bench import MakeRecording, ReadBench
from bwc_protocol.messages.config import ApplyConfig, ReadConfigState, Setting, SettingType, StageConfig
from bwc_protocol.messages.identity import Capability
from bwc_protocol.messages.recordings import (
    DeliverReceipt,
    EraseRecording,
    ListRecordings,
    ReadManifest,
    ReadRelease,
    RecordingEntry,
)
from bwc_protocol.messages.trust import ChallengeRecipient, InstallDenyList, ProveOpening
from bwc_protocol.vocabulary import ErrorCode
from hil_tests.raw.session import RawSession
from hil_tests.raw.wire import Wire
from hil_tests.rules.asking import limits, manifest_of, recordings, supported
from hil_tests.rules.test_doc import AtTrust, signed
from hil_tests.rules.uploads import takes
from hil_tests.verdicts import RuleBroken, not_applicable, not_tested

DESTINATION: Final = "a destination"
LENGTH_MS: Final = 1_000
OFFICER: Final = "HIL-OFFICER-7"
SEALED_NAMES: Final = "names.sealed"
PROOF_DAYS: Final = "erase.proof_days"
OBJECTS: Final = hashlib.sha256(b"").digest()
"""Stands for the list of objects, which no camera reads."""


class WithFootage(AtTrust):
    """A device of the lab that has a recording, and the receipt of a destination of the lab for it."""

    def __init__(self, wire: Wire) -> None:
        super().__init__(wire, Role.BENCH)
        supported(self.session, ListRecordings())
        if Capability.BENCH not in limits(self.session).capabilities:
            not_tested("it takes a recording, and the device makes none for a bench (capability BENCH)")
        last = self.session.ask(ReadBench()).last_sequence
        self.session.ask(MakeRecording(after=last, duration_ms=LENGTH_MS))
        self.entry: RecordingEntry = recordings(self.session)[0]

    def receipt(self) -> bytes:
        """For the recording as it is."""
        info = self.session.device_info
        assert info is not None
        receipt = Receipt(
            lab=self.lab.id,
            camera=info.identity,
            recording_id=self.entry.recording,
            manifest_sha256=self.entry.manifest_sha256,
            annotations=self.entry.annotations,
            annotations_sha256=self.entry.annotations_sha256,
            size_bytes=self.entry.size_bytes,
            objects_sha256=OBJECTS,
            destination=DESTINATION,
            counter=1,
            signed_utc_s=int(time.time()),
        )
        return SignedDocument(receipt.encode()).signed_by(self.by(Role.DESTINATION, DESTINATION)).encode()

    def deliver(self) -> Any:
        """Brings the receipt. Gives what the recording lacks then; skips where one receipt is not enough."""
        state = self.session.ask(DeliverReceipt(recording=self.entry.recording, receipt=self.receipt()))
        if state.needed != 1:
            not_tested(f"the device is configured to need {state.needed} destinations")
        return state

    def erase(self) -> int:
        """Asks for it. Gives the request's id."""
        return self.session.request(
            EraseRecording(
                recording=self.entry.recording,
                manifest_sha256=self.entry.manifest_sha256,
                annotations_sha256=self.entry.annotations_sha256,
            )
        )

    def erased(self, rule: str) -> None:
        """It goes now, so that what kept it before is what the rule is about. Raises `RuleBroken`."""
        if self.session.answer(self.erase()).flags == Flag.ERROR:
            raise RuleBroken(f"an erase once nothing stands against it ({rule})", "an error")


@pytest.mark.rule("REC-059")
def test_a_receipt_counts_no_more_once_its_signer_is_denied(spare_wire: Wire) -> None:
    device = WithFootage(spare_wire)
    if not device.deliver().receipts:
        raise RuleBroken("a receipt that counts, as long as nobody denies its signer (REC-059)", "none")
    listed = signed(device.deny_list(1, Denied(by=DeniedBy.NAME, name=DESTINATION)), device.root)
    takes(device.session, "REC-059", "a deny list of the lab's root", InstallDenyList, listed)
    state = device.session.ask(ReadRelease(recording=device.entry.recording))
    if state.receipts or state.released:
        raise RuleBroken("no receipt that counts, of a signer who is denied (REC-059)", f"{state}")
    device.session.refused(device.erase(), "REC-059", ErrorCode.NEEDS_RECEIPT)


@pytest.mark.rule("REC-071")
def test_what_is_encrypted_stays_until_somebody_proves_that_it_can_be_opened(spare_wire: Wire) -> None:
    device = WithFootage(spare_wire)
    session = device.session
    keys = spare_wire.identities.recipients()
    if manifest_of(session, device.entry).protection is None or not keys:
        not_applicable("the device encrypts for nobody whose key this bench has")
    revision = session.ask(ReadConfigState()).revision
    staged = StageConfig(
        revision=revision, settings=(Setting(key=PROOF_DAYS, type=SettingType.INT, number=1),)
    )
    if session.answer(session.request(staged)).flags == Flag.ERROR:
        not_applicable(f"the device has no setting {PROOF_DAYS}")
    session.ask(ApplyConfig(revision=revision))
    device.deliver()
    session.refused(device.erase(), "REC-071", ErrorCode.WRONG_STATE)
    recipient = sealing.recipient_id(keys[0].key.public_key())
    sealed = session.ask(ChallengeRecipient(recipient=recipient)).sealed
    assert session.device_info is not None
    opened = sealing.answer(sealed, keys[0].key, session.device_info.identity)
    session.ask(ProveOpening(recipient=recipient, opened=opened))
    device.erased("REC-071")


@pytest.mark.rule("REC-090")
def test_a_recording_that_is_made_while_names_are_sealed_has_no_name_of_its_wearer(spare_wire: Wire) -> None:
    """By a recording of before, which has it: else nothing would be seen."""
    device = AtTrust(spare_wire, Role.BENCH)
    session = device.session
    if Capability.BENCH not in limits(session).capabilities:
        not_tested("it takes a recording, and the device makes none for a bench (capability BENCH)")
    state = supported(session, ReadAssignment())
    session.ask(Assign(officer=OFFICER, unit="hil", revision=state.revision))
    if OFFICER.encode() not in _made_now(session):
        not_tested("the device states no officer in a recording that it makes for a bench")
    revision = session.ask(ReadConfigState()).revision
    on = Setting(key=SEALED_NAMES, type=SettingType.BOOL, number=1)
    if session.answer(session.request(StageConfig(revision=revision, settings=(on,)))).flags == Flag.ERROR:
        not_applicable(f"the device has no setting {SEALED_NAMES}")
    session.ask(ApplyConfig(revision=revision))
    if OFFICER.encode() in _made_now(session):
        raise RuleBroken(
            "no officer but as `sealed_name` while names are sealed (REC-090)", "the name itself"
        )


def _made_now(session: RawSession) -> bytes:
    """The manifest of a recording that is made now for a bench."""
    last = session.ask(ReadBench()).last_sequence
    session.ask(MakeRecording(after=last, duration_ms=LENGTH_MS))
    entry = session.ask(ListRecordings(after=last)).recordings[0]
    found: bytes = session.ask(ReadManifest(recording=entry.recording)).manifest
    return found
