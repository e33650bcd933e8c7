"""A simulated camera on its flash, and signers of receipts, that do what the model does, step by step.

Of docks and destinations only what a camera sees of them is real: requests, and receipts with their certificates.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from typing import Any, Final

from bwc_protocol.declare import Request, Role
from bwc_protocol.documents.signed_document import SignedDocument
from bwc_protocol.documents.tombstone import EraseReason, Tombstone
from bwc_protocol.evidence import verify_table
from bwc_protocol.messages.config import ApplyConfig, Setting, SettingType, StageConfig
from bwc_protocol.messages.recordings import (
    CategoriseRecording,
    DeliverReceipt,
    EraseRecording,
    HoldRecording,
    LiftHold,
    ListRecordings,
    OpenSegment,
    OpenTable,
    ReadAnnotations,
    ReadManifest,
    ReadRelease,
    ReadTombstones,
    RecordingEntry,
)
from bwc_protocol.vocabulary import ErrorCode
from firmware_sim.camera.camera import SimCamera
from firmware_sim.camera.model import CameraOptions
from firmware_sim.flash.flash import PowerLost
from firmware_sim.flash.memory_flash import MemoryFlash
from firmware_sim.footage.source import SyntheticFootage
from tests.model.guards import Scope
from tests.model.world import Camera, Chain, Receipt, Step, World, counted, holds, released, sentence, spoken
from tests.sim.conftest import NOON_NS, Desk
from tools.testkit import agencies
from tools.testkit.destination_signer import DestinationSigner

KEEP_H: Final = 2
"""What the powered hours of the model are."""
CUT_SHARE: Final = 0.3
"""How often power goes while the camera does something, and between two steps."""


def shipped(scope: Scope) -> MemoryFlash:
    """The flash of a camera with two recordings, set up as the scope wants it. The first one is the model's."""
    flash = MemoryFlash()
    camera = _up(flash, NOON_NS)
    desk = Desk(camera)
    for key, value in (("erase.receipts", scope.needed), ("erase.keep_h", KEEP_H * scope.keep_hours)):
        revision = camera.settings.revision
        desk.ask(
            StageConfig(revision=revision, settings=(Setting(key=key, type=SettingType.INT, number=value),))
        )
        desk.ask(ApplyConfig(revision=revision))
    for _ in range(2):
        assert camera.wearer.start() is not None
        camera.time.skip(2)
        camera.recorder.close_now()
    camera.close()
    flash.sync_all()
    return flash


def _up(flash: MemoryFlash, utc_ns: int) -> SimCamera:
    options = CameraOptions(
        seed=5, footage=SyntheticFootage(10_000), chunk_size=4_096, state=flash, agency=agencies.lab()
    )
    return SimCamera(options, utc_ns=utc_ns)


class RealCamera:
    """One run. `follow` does a step and compares what can be seen with the model."""

    def __init__(self, scope: Scope, flash: MemoryFlash, rng: random.Random) -> None:
        self.scope = scope
        self.rng = rng
        self.flash = flash.copy()
        self.camera = _up(self.flash, NOON_NS + 10**12)
        self.desk = Desk(self.camera)
        self.first, self.other = self.desk.ask(ListRecordings()).recordings
        self.heads: dict[Chain, RecordingEntry] = {(): self.first}
        """The recording as it was listed with these annotations."""
        self.signed: dict[Receipt, bytes] = {}
        self.losses = 0
        agency = agencies.lab()
        self.signers = {
            (at, certificate): DestinationSigner.of(agency, f"store-{at + 1}")
            for at in range(scope.destinations)
            for certificate in ("first", "second")
        }
        self.stolen = DestinationSigner.of(agency, "dock-7", Role.DOCK_OFFLOAD)

    # What happens

    def follow(self, step: Step, before: World, after: World) -> None:
        """Does what the step says, with losses of power of its own, and looks at what is there afterwards."""
        self._try_what_is_refused(before.camera)
        match step:
            case ("annotate", note):
                self._do(self._annotation(note), before.camera, after.camera)
                self.heads[after.camera.chain] = self._listed()
            case ("copy", _) if before.docks != after.docks:
                self._read_all()
            case ("fetch notes", _):
                found = self.desk.ask(ReadAnnotations(recording=self.first.recording))
                assert len(found.annotations) == self.first.annotations + len(before.camera.chain)
            case ("sign", *_):
                (receipt,) = after.signed - before.signed
                self.signed[receipt] = self._sign(receipt, before)
            case ("deliver", *_):
                (receipt,) = after.camera.receipts - before.camera.receipts
                self._deliver(receipt, before.camera, after.camera)
            case ("erase", _):
                self._do(self._erase(before.camera.chain), before.camera, after.camera)
            case ("make room",):
                self._interrupted(self.camera.erasing.make_room)
                if not self._tombstones():
                    assert self.camera.erasing.make_room()
            case ("camera loses power",):
                self.lose_power()
            case ("hours pass",):
                self.camera.time.skip(KEEP_H * 3600 + 60)
                self.camera.settle()
            case _:
                pass  # of docks and destinations alone
        if self.rng.random() < CUT_SHARE:
            self.lose_power()
        self.compare(after)

    def lose_power(self) -> None:
        """And comes up again."""
        self.losses += 1
        self.flash.before = None
        self.flash.lose_power(self.rng)
        self.camera = _up(self.flash, self.camera.true_utc_ns())
        self.desk = Desk(self.camera)

    def _interrupted(self, act: Callable[[], Any]) -> bool:
        """Does it, and perhaps power goes at one of its operations; whether it did."""
        if self.rng.random() > CUT_SHARE:
            act()
            return False
        left = self.rng.randrange(12)

        def before(number: int, operation: str, name: str) -> None:
            nonlocal left
            if not left:
                raise PowerLost
            left -= 1

        self.flash.before = before
        try:
            act()
        except PowerLost:
            self.lose_power()
            return True
        self.flash.before = None
        return False

    def _do(self, request: Request[Any], before: Camera, after: Camera) -> None:
        """Asks until it is answered: what was asked and not answered may have happened, or not."""
        desk = self.desk
        if self._interrupted(lambda: desk.ask(request)):
            assert self._seen() in (self._of(before), self._of(after)), "neither the one nor the other"
        self.desk.ask(request)  # again, as after a lost reply: this changes nothing

    def _deliver(self, receipt: Receipt, before: Camera, after: Camera) -> None:
        request = DeliverReceipt(recording=self.first.recording, receipt=self.signed[receipt])
        if receipt.chain != before.chain:
            assert self.desk.refused(request)  # of an older head: it is not even kept
            return
        self._do(request, before, after)

    def _sign(self, receipt: Receipt, world: World) -> bytes:
        """What a destination signs of what it has."""
        signer = self.signers[receipt.destination, receipt.certificate]
        return signer.receipt(self.camera.serial, self.heads[receipt.chain])

    def _annotation(self, note: str) -> Request[Any]:
        kind, _, which = note.partition(" ")
        of = {"recording": self.first.recording, "manifest_sha256": self.first.manifest_sha256}
        if kind == "hold":
            return HoldRecording(**of, reason="asked for", hold=which)
        if kind == "lift":
            return LiftHold(**of, reason="over", hold=which)
        return CategoriseRecording(**of, category=note)

    def _erase(self, chain: Chain) -> EraseRecording:
        return EraseRecording(
            recording=self.first.recording,
            manifest_sha256=self.first.manifest_sha256,
            annotations_sha256=self.heads[chain].annotations_sha256,
        )

    def _read_all(self) -> None:
        of = {"recording": self.first.recording, "manifest_sha256": self.first.manifest_sha256}
        table = self.desk.read_stream(OpenTable(**of, segment=0))
        facts = self.camera.listing(0, 1)[0].manifest.segments[0]
        verify_table(table, facts)
        source = OpenSegment(**of, segment=0, offset=0, length=min(4_096, facts.size_bytes))
        self.desk.ask(source)
        stream, length = self.desk.streams[self.desk._number]
        assert hashlib.sha256(bytes(stream.read(0, length))).digest() == table[:32]

    # What can be seen

    def _listed(self) -> RecordingEntry:
        return next(
            one for one in self.desk.ask(ListRecordings()).recordings if one.recording == self.first.recording
        )

    def _tombstones(self) -> list[Tombstone]:
        page = self.desk.ask(ReadTombstones(after=0, limit=8))
        return [Tombstone.decode(SignedDocument.decode(one.document).payload) for one in page.tombstones]

    def _seen(self) -> tuple[Any, ...]:
        """Annotations, holds, how many destinations count, released, and what the tombstone says."""
        tombstones = self._tombstones()
        if tombstones:
            (one,) = tombstones
            return one.annotations - self.first.annotations, len(one.receipts), one.reason
        entry = self._listed()
        state = self.desk.ask(ReadRelease(recording=self.first.recording))
        return (
            entry.annotations - self.first.annotations,
            state.holds,
            len(state.receipts),
            state.released,
            state.needed,
        )

    def _of(self, camera: Camera) -> tuple[Any, ...]:
        """The same, of the model."""
        count = counted(camera.receipts, camera.chain)
        if camera.tombstone is not None:
            reason = EraseReason.NO_ROOM if camera.tombstone.for_room else EraseReason.ASKED
            return (
                len(camera.tombstone.chain),
                counted(camera.tombstone.receipts, camera.tombstone.chain),
                reason,
            )
        held = len(holds(camera.chain))
        return len(camera.chain), held, count, released(self.scope, camera), self.scope.needed

    def compare(self, world: World) -> None:
        """Raises `AssertionError` where the camera is not what the model is."""
        camera = world.camera
        assert self._seen() == self._of(camera)
        assert not self.camera.storage.damaged and not self.camera.missing()
        listed = [one.recording for one in self.desk.ask(ListRecordings()).recordings]
        assert listed[-1] == self.other.recording, "the other recording is not touched"
        if camera.tombstone is None:
            assert self._listed().annotations_sha256 == self.heads[camera.chain].annotations_sha256
        else:
            assert listed == [self.other.recording]
            if not camera.blocks:
                assert not self.camera.storage.unfreed_bytes
                left = [name for name in self.flash.contents() if self.first.recording.hex() in name]
                assert not left, "its blocks are free"

    # What must be refused

    def _try_what_is_refused(self, camera: Camera) -> None:
        """Requests that the model does not know, since they change nothing."""
        of = {"recording": self.first.recording, "manifest_sha256": self.first.manifest_sha256}
        if camera.tombstone is not None:
            refused: list[Request[Any]] = [
                HoldRecording(**of, reason="too late", hold="z"),
                CategoriseRecording(**of, category="late"),
                ReadManifest(recording=self.first.recording),
                *(
                    DeliverReceipt(recording=self.first.recording, receipt=one)
                    for one in self.signed.values()
                ),
            ]
            for request in refused:
                assert self.desk.refused(request) is ErrorCode.NOT_FOUND, request
            self.desk.ask(self._erase(camera.tombstone.chain))
            return
        entry = self.heads[camera.chain]
        store = self.signers[0, "first"]
        forged = [
            self.stolen.receipt(self.camera.serial, entry),
            store.receipt(self.camera.serial, self.other),
            store.receipt("SIM-OTHER", entry),
            store.receipt(self.camera.serial, entry, manifest_sha256=bytes(32)),
        ]
        one = self.rng.choice(forged)
        assert self.desk.refused(DeliverReceipt(recording=self.first.recording, receipt=one))
        for chain in self.heads:
            if chain != camera.chain:
                assert self.desk.refused(self._erase(chain)) is ErrorCode.CONFLICT, spoken(chain)
        if not released(self.scope, camera):
            why = self.desk.refused(self._erase(camera.chain))
            expected = (
                ErrorCode.HELD
                if holds(camera.chain)
                else ErrorCode.NEEDS_RECEIPT
                if counted(camera.receipts, camera.chain) < self.scope.needed
                else ErrorCode.WRONG_STATE
            )
            assert why is expected


def story(taken: list[Step]) -> str:
    """What had happened."""
    return "\n".join(f"{number:3}. {sentence(step)}" for number, step in enumerate(taken, 1))
