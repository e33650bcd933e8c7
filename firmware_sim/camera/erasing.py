"""Receipts, and what is erased against them (spec: Receipts and erasing).

Whether a recording may go is derived each time (`firmware_sim.storage.release`). A signed tombstone is durable before
the first block is freed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from bwc_protocol.messages.audit import AuditKind
from bwc_protocol.vocabulary import ErrorCode
from firmware_sim.device.refusal import Refusal
from firmware_sim.state.commit import Change
from firmware_sim.storage.receipts import KeptReceipt, counting
from firmware_sim.storage.release import Block, EraseRules, Release, release_of
from firmware_sim.storage.storage import StoredRecording
from firmware_sim.storage.tombstones import TOMBSTONES_MAX, KeptTombstone

if TYPE_CHECKING:
    from bwc_protocol.documents.tombstone import EraseReason, Tombstone
    from firmware_sim.camera.body import CameraBody
    from firmware_sim.device.session import DeviceSession

DAY_MIN: Final = 24 * 60
DAY_NS: Final = 86_400 * 1_000_000_000


class Erasing:
    """What one camera keeps of receipts, and erases."""

    def __init__(self, camera: CameraBody) -> None:
        self._camera = camera

    # Where a recording stands

    @property
    def rules(self) -> EraseRules:
        """What the configuration asks for."""
        settings = self._camera.settings
        return EraseRules(receipts=settings.number("erase.receipts"), keep_h=settings.number("erase.keep_h"))

    def counting(self, recording: StoredRecording) -> tuple[KeptReceipt, ...]:
        """Receipts that count for what the recording is now; those of a destination that is denied do not."""
        trust = self._camera.trust
        if not recording.receipts or trust is None:
            return ()
        denies = trust.denied.denies if trust.denied is not None else None
        return tuple(counting(recording.receipts, recording.annotations_sha256, denies).values())

    def release(self, recording: StoredRecording) -> Release:
        """Whether it may be erased, and what it lacks."""
        return release_of(
            (one.facts for one in self.counting(recording)),
            annotations_sha256=recording.annotations_sha256,
            holds=len(recording.holds),
            rules=self.rules,
            powered_min=self._camera.powered_min,
            proof_needed=self._proof_needed(recording),
        )

    def _proof_needed(self, recording: StoredRecording) -> bool:
        """Whether nobody proved of late that what is encrypted like this recording can be opened: by the clock, which
        may be wrong, and by the time that it has been running."""
        days, trust = self._camera.settings.number("erase.proof_days"), self._camera.trust
        if not days or trust is None or recording.manifest.protection is None:
            return False
        utc_ns, powered_min = self._camera.clock.utc_ns(), self._camera.powered_min
        return not any(
            utc_ns - one.utc_ns <= days * DAY_NS and powered_min - one.powered_min <= days * DAY_MIN
            for one in trust.kept.proofs
        )

    @property
    def undelivered(self) -> int:
        """Recordings that fewer destinations have than have to."""
        needed = self.rules.receipts
        return sum(
            len(self.counting(recording)) < needed
            for recording in self._camera.storage.page(0, len(self._camera.storage))
        )

    # Receipts

    def take(self, session: DeviceSession, recording: StoredRecording, document: bytes) -> None:
        """Keeps a receipt; one of a destination that has a receipt already adds nothing.

        Raises `Refusal`, `OSError`: then nothing is kept.
        """
        from bwc_protocol.documents.receipt import Receipted, verify_receipt
        from bwc_protocol.documents.tombstone import RECEIPTS_MAX
        from firmware_sim.device.trust.signed import refusing

        camera = self._camera
        trust = camera.trust
        if trust is None or not trust.enrolled:
            raise Refusal(ErrorCode.WRONG_STATE, "it is not enrolled: it knows no destination")
        about = Receipted(
            camera=camera.serial,
            recording_id=recording.recording_id,
            manifest_sha256=recording.manifest_sha256,
            annotations=len(recording.annotations),
            annotations_sha256=recording.annotations_sha256,
            size_bytes=recording.manifest.size_bytes,
        )
        with refusing():
            found = verify_receipt(document, trust.kept.roots, trust.checks, about)
        destination = found.receipt.destination
        if destination in {one.receipt.destination for one in self.counting(recording)}:
            return
        kept = [
            one
            for one in recording.receipts
            if one.receipt.annotations_sha256 == recording.annotations_sha256
            and one.receipt.destination != destination
        ]
        if len(kept) >= RECEIPTS_MAX:
            raise Refusal(ErrorCode.FULL, f"recording {recording.sequence} has {len(kept)} receipts")
        kept.append(KeptReceipt.of(document, camera.powered_min))
        camera.storage.keep_receipts(
            recording.recording_id,
            tuple(kept),
            lambda changes: session.audit(
                AuditKind.RECEIPT_KEPT,
                f"recording {recording.sequence}: {destination}, {found.sha256.hex()[:16]}",
                *changes,
            ),
        )

    # Erasing

    def erase(self, session: DeviceSession, recording: StoredRecording) -> None:
        """Erases a recording that a host asks for. Raises `Refusal`, `OSError`: then nothing was erased."""
        from bwc_protocol.documents.tombstone import EraseReason

        self.demand_released(recording)
        (kept,) = self.tombstones((recording,), EraseReason.ASKED, session.identity)
        self._camera.storage.erase(
            (kept,), lambda changes: session.audit(AuditKind.ERASED, _said(kept.tombstone), *changes)
        )

    def demand_released(self, recording: StoredRecording) -> None:
        """Raises `Refusal` for the first thing that keeps it."""
        release, what = self.release(recording), f"recording {recording.sequence}"
        match release.block:
            case None:
                return
            case Block.HELD:
                raise Refusal(ErrorCode.HELD, f"{what} is held, {release.holds} times")
            case Block.RECEIPTS:
                raise Refusal(
                    ErrorCode.NEEDS_RECEIPT,
                    f"{what} has {len(release.counting)} receipts that count, and needs {release.needed}",
                )
            case Block.PROOF:
                raise Refusal(ErrorCode.WRONG_STATE, f"{what}: nobody proved of late that it can be opened")
            case Block.KEPT:
                raise Refusal(ErrorCode.WRONG_STATE, f"{what} stays for {release.left_min} powered minutes")

    def make_room(self) -> bool:
        """Erases the oldest recording that is released, whatever hours it was to stay for; says whether there was one.

        Raises `OSError`: then nothing was erased.
        """
        from bwc_protocol.documents.tombstone import EraseReason

        camera = self._camera
        if camera.trust is not None and camera.trust.kept.case:
            return False  # seized: nothing of it goes
        if camera.storage.unfreed_bytes:
            return camera.storage.free_rest()  # else all would go, and nothing would be freed
        if len(camera.storage.tombstones) >= TOMBSTONES_MAX:
            return False
        for recording in camera.storage.page(0, len(camera.storage)):
            if self.release(recording).gives_way:
                break
        else:
            return False
        (kept,) = self.tombstones((recording,), EraseReason.NO_ROOM, camera.serial)

        def keep(changes: tuple[Change, ...]) -> None:
            said = _said(kept.tombstone)
            camera.audit.append(AuditKind.ERASED_FOR_ROOM, said, camera.serial, *changes)

        camera.storage.erase((kept,), keep)
        return True

    def sanitise(self, detail: str, actor: str) -> None:
        """Erases everything, by an order; each recording has a tombstone. Raises `Refusal`, `OSError`."""
        from bwc_protocol.documents.tombstone import EraseReason

        camera = self._camera
        kept = self.tombstones(camera.storage.page(0, len(camera.storage)), EraseReason.SANITISED, actor)

        def keep(changes: tuple[Change, ...]) -> None:
            camera.audit.append(AuditKind.ORDERED, detail, actor, *changes)

        camera.storage.erase(kept, keep, everything=True)

    def tombstones(
        self, recordings: Sequence[StoredRecording], reason: EraseReason, actor: str
    ) -> tuple[KeptTombstone, ...]:
        """Signed tombstones of recordings that are to be erased, in a chain. Raises `Refusal`."""
        from bwc_protocol.documents.signed_document import SignedDocument
        from bwc_protocol.documents.tombstone import Tombstone

        camera, trust = self._camera, self._camera.trust
        signer = trust.signer if trust is not None else None
        if trust is None or signer is None:
            raise Refusal(
                ErrorCode.WRONG_STATE, "it belongs to no agency: it signs nothing, and so erases nothing"
            )
        counter, previous = camera.storage.tombstones.next
        if counter + len(recordings) > TOMBSTONES_MAX + 1:
            raise Refusal(ErrorCode.FULL, f"it has {counter - 1} tombstones, and keeps {TOMBSTONES_MAX}")
        made: list[KeptTombstone] = []
        for recording in recordings:
            receipts = self.counting(recording)
            tombstone = Tombstone(
                lab=trust.lab,
                camera=camera.serial,
                recording_id=recording.recording_id,
                sequence=recording.sequence,
                manifest_sha256=recording.manifest_sha256,
                annotations=len(recording.annotations),
                annotations_sha256=recording.annotations_sha256,
                receipts=tuple(one.sha256 for one in receipts),
                objects=tuple(one.receipt.objects_sha256 for one in receipts),
                counter=counter,
                previous_sha256=previous,
                utc_ns=camera.clock.utc_ns(),
                boot_counter=camera.boot_counter,
                reason=reason,
                actor=actor,
                generation=trust.kept.generation,
            )
            document = SignedDocument(tombstone.encode()).signed_by(signer)
            made.append(KeptTombstone(tombstone, document.encode(), document.sha256))
            counter, previous = counter + 1, document.sha256
        return tuple(made)


def _said(tombstone: Tombstone) -> str:
    receipts = ", ".join(one.hex()[:16] for one in tombstone.receipts[:4])
    return f"recording {tombstone.sequence}, tombstone {tombstone.counter}, receipts {receipts}"


def epitaph(kept: KeptTombstone) -> str:
    """What is answered for a recording that was erased: where to look for it now."""
    tombstone = kept.tombstone
    receipt = tombstone.receipts[0].hex()[:16] if tombstone.receipts else "none"
    objects = tombstone.objects[0].hex()[:16] if tombstone.objects else "none"
    return (
        f"recording {tombstone.sequence} was erased: tombstone {tombstone.counter}, receipt {receipt}, "
        f"list of objects {objects}"
    )
