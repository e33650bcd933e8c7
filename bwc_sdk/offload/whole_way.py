"""What an offload does beyond storing, and only when it is told: receipts are signed, delivered, and the camera is
asked to erase (spec: Receipts of a destination).

Stored and verified < receipt durable < delivered < erase asked < confirmed by the camera < its tombstone kept. Nothing
of it makes a stored recording a failure: what goes wrong is told, and the next docking goes on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from bwc_protocol.messages.recordings import RecordingEntry, ReleaseState
from bwc_protocol.vocabulary import ErrorCode
from bwc_sdk.destination.receipt_delivery import LyingReceipt, ReceiptShelf, UnreadableReceipt
from bwc_sdk.destination.receipt_signing import NotReceipted, ReceiptMade, Signing, sign_receipts
from bwc_sdk.errors import BwcError, CommandError, DestinationBusy
from bwc_sdk.evidence.naming import recording_name
from bwc_sdk.offload.annotations import keep_annotations, said_of
from bwc_sdk.offload.context import OffloadContext
from bwc_sdk.offload.defect import failure_of
from bwc_sdk.offload.events import (
    Erased,
    FollowUp,
    FollowUpFailed,
    NotErased,
    ReceiptDelivered,
    ReceiptNotDelivered,
    ReceiptNotSigned,
    ReceiptSigned,
)
from bwc_sdk.offload.outcome import Outcome, StillOnCamera, StoredVerified
from bwc_sdk.offload.reconnect import Failed, Reconnector, Unreached
from bwc_sdk.offload.tombstones import keep_tombstones

if TYPE_CHECKING:
    from bwc_sdk.clients.camera import Camera
    from bwc_sdk.clients.tombstones import ErasedRecording
    from bwc_sdk.identity.host_identity import HostIdentity

log = logging.getLogger(__name__)

BUSY_S: Final = 0.2
BUSY_LOOKS: Final = 3_000
"""Ten minutes in which other cameras of a dock have their recordings receipted: one after the other, each is read."""


class WholeWay:
    """The way of one camera's recordings from the store to a camera that has erased them."""

    def __init__(self, context: OffloadContext, reconnector: Reconnector) -> None:
        self._context = context
        self._policy = context.policy
        self._reconnector = reconnector
        self._step = FollowUp.LISTING
        self._answered: set[bytes] = set()
        """Recordings of which it is told whether they are erased."""

    async def go(self, outcomes: Sequence[Outcome]) -> None:
        """Goes as far as the policy says. Raises nothing; of each stored recording it tells, where erasing was asked
        for, whether the camera has erased it."""
        stored = {one.entry.recording: one.entry for one in outcomes if isinstance(one, StoredVerified)}
        if not stored:
            return
        why: BwcError | None = None
        try:
            if not self._reconnector.connected and any(isinstance(one, StillOnCamera) for one in outcomes):
                raise Unreached(self._reconnector.error)  # it was waited for long enough
            await self._go(stored)
        except Unreached as failed:
            why = failed.error
        except OSError as error:
            why = self._context.destination.error(error, "keeping what belongs to a recording")
        except Exception as error:
            why = failure_of(error, f"what follows the offload of {self._context.identity}")
        if why is not None:
            self._failed(self._step, None, why)
        if self._policy.erase:
            for entry in stored.values():
                if entry.recording not in self._answered:
                    self._stays(entry, "it was not dealt with to the end: the next docking goes on", why)

    async def _go(self, stored: dict[bytes, RecordingEntry]) -> None:
        async def listed(camera: Camera) -> list[RecordingEntry]:
            return [one async for one in camera.recordings.iterate() if one.recording in stored]

        entries = []
        for entry in await self._reconnector.keep(listed):  # as they are now: more may have been said of them
            if entry.manifest_sha256 == stored[entry.recording].manifest_sha256:
                entries.append(entry)

        async def keep(entry: RecordingEntry) -> None:
            if entry.annotations_sha256 != stored[entry.recording].annotations_sha256:
                await self._keep_annotations(entry)

        whole = await self._each(FollowUp.ANNOTATIONS, entries, keep)
        if self._policy.sign_by is not None:
            await self._each(FollowUp.SIGNING, whole, partial(self._sign, self._policy.sign_by))
        await self._deliver_all(entries)
        if self._policy.erase:
            self._step = FollowUp.ERASING
            if any([await self._erase(entry) for entry in entries]):
                self._step = FollowUp.TOMBSTONES
                erased = await self._reconnector.keep(_tombstones)
                await self._context.blocking(partial(keep_tombstones, self._context.destination, erased))

    async def _each(
        self,
        step: FollowUp,
        entries: Sequence[RecordingEntry],
        act: Callable[[RecordingEntry], Awaitable[None]],
    ) -> list[RecordingEntry]:
        """Does a step for each recording, and gives those for which it was done: what is wrong with one keeps no other
        one. Raises `Unreached` where the camera is out of reach."""
        self._step, done = step, []
        for entry in entries:
            try:
                await act(entry)
            except Failed as failed:
                if failed.passing:  # and did not pass, as often as it was tried
                    raise
                self._failed(step, entry, failed.error)
            except BwcError as error:
                self._failed(step, entry, error)
            except OSError as error:
                self._failed(step, entry, self._context.destination.error(error, "keeping annotations"))
            else:
                done.append(entry)
        return done

    def _failed(self, step: FollowUp, entry: RecordingEntry | None, error: BwcError) -> None:
        log.info("%s: %s", step, error)  # of which the event tells
        self._context.emit(FollowUpFailed(step, None if entry is None else entry.sequence, error))

    # What was said since the footage was stored

    async def _keep_annotations(self, entry: RecordingEntry) -> None:
        """Stores what was said of a recording up to the listed head."""
        context = self._context
        said = await self._reconnector.keep(lambda camera: said_of(camera, entry, context.verify_by))
        if said is not None:
            fact = await context.blocking(partial(keep_annotations, context.destination, said))
            await context.name_in_chain([fact])

    # Signing, where one host is the whole site

    async def _sign(self, identity: HostIdentity, entry: RecordingEntry) -> None:
        name = recording_name(self._context.identity, entry.recording, entry.manifest_sha256)
        made: Signing = NotReceipted(name, "it is not in the store")
        why: BwcError | None = None
        try:
            for one in await self._signings(identity, entry):
                made = one if one.name == name else made
        except BwcError as error:
            made, why = NotReceipted(name, error.rule), error
        match made:
            case NotReceipted(reason=reason):
                self._context.emit(ReceiptNotSigned(entry.sequence, reason, why))
            case ReceiptMade(receipt=receipt):
                self._context.emit(
                    ReceiptSigned(
                        entry.sequence,
                        receipt.destination,
                        made.path,
                        made.sha256,
                        one_site=receipt.one_site,
                        fresh=made.fresh,
                        passed_by=made.passed_by,
                    )
                )

    async def _signings(self, identity: HostIdentity, entry: RecordingEntry) -> list[Signing]:
        def sign() -> list[Signing]:
            path, world = self._context.destination.path, self._context.world
            return list(
                sign_receipts(path, identity, one_site=True, recordings={entry.recording}, world=world)
            )

        for _ in range(BUSY_LOOKS):
            try:
                return await self._context.blocking(sign)
            except DestinationBusy:
                await asyncio.sleep(BUSY_S)
        raise DestinationBusy("other processes sign receipts there all the time")

    # What the camera is told

    async def _deliver_all(self, entries: Sequence[RecordingEntry]) -> None:
        for directory in (
            self._policy.receipts_from,
            self._context.destination.path if self._policy.sign_by is not None else None,
        ):
            if directory is None:
                continue
            self._step = FollowUp.RECEIPTS
            opening = partial(ReceiptShelf.open, self._context.world.files, directory)
            try:
                shelf = await self._context.blocking(opening)
            except BwcError as error:
                self._failed(FollowUp.RECEIPTS, None, error)
                continue
            try:
                await self._each(FollowUp.DELIVERY, entries, partial(self._deliver, shelf))
            finally:
                shelf.close()

    async def _deliver(self, shelf: ReceiptShelf, entry: RecordingEntry) -> None:
        lying = await self._context.blocking(partial(shelf.of, self._context.identity, entry))
        for one in lying:
            if isinstance(one, UnreadableReceipt):
                self._context.emit(ReceiptNotDelivered(entry.sequence, one.path, one.error))
        good = [one for one in lying if isinstance(one, LyingReceipt)]
        if not good:
            return
        kept = await self._reconnector.keep(partial(_release_of, entry))
        if isinstance(kept, CommandError):
            raise kept
        for one in good:
            if one.sha256 in {receipt.sha256 for receipt in kept.receipts}:
                continue
            answer = await self._reconnector.keep(partial(_give, entry, one))
            if isinstance(answer, CommandError):
                self._context.emit(ReceiptNotDelivered(entry.sequence, one.path, answer))
            else:
                receipt = one.receipt
                self._context.emit(
                    ReceiptDelivered(
                        entry.sequence, receipt.destination, one.sha256, one_site=receipt.one_site
                    )
                )

    async def _erase(self, entry: RecordingEntry) -> bool:
        """Whether the camera says that it has erased the recording."""
        refused: str | BwcError | None
        try:
            refused = await self._what_holds_it(entry) or await self._reconnector.keep(
                partial(_ask_to_erase, entry)
            )
        except Failed as failed:
            if failed.passing:
                raise
            refused = failed.error
        match refused:
            case None:
                self._answered.add(entry.recording)
                self._context.emit(Erased(entry.sequence, entry.recording, entry.manifest_sha256))
                return True
            case str():
                self._stays(entry, refused)
            case BwcError():
                self._stays(entry, refused.rule, refused)
        return False

    async def _what_holds_it(self, entry: RecordingEntry) -> str | CommandError | None:
        """What the recording lacks, or why the camera does not say; None if it is released."""
        state = await self._reconnector.keep(partial(_release_of, entry))
        if isinstance(state, CommandError):
            return state
        return None if state.released else what_is_missing(state)

    def _stays(self, entry: RecordingEntry, reason: str, error: BwcError | None = None) -> None:
        self._answered.add(entry.recording)
        self._context.emit(NotErased(entry.sequence, reason, error))


async def _release_of(entry: RecordingEntry, camera: Camera) -> ReleaseState | CommandError:
    try:
        return await camera.recordings.release(recording=entry.recording)
    except CommandError as error:  # an answer: the connection is as good as before
        return _unless_busy(error)


async def _give(entry: RecordingEntry, one: LyingReceipt, camera: Camera) -> ReleaseState | CommandError:
    try:
        return await camera.recordings.receipt(recording=entry.recording, receipt=one.document)
    except CommandError as error:
        return _unless_busy(error)


async def _ask_to_erase(entry: RecordingEntry, camera: Camera) -> CommandError | None:
    try:
        await camera.recordings.erase_entry(entry)
    except CommandError as error:
        return _unless_busy(error)
    return None


async def _tombstones(camera: Camera) -> tuple[ErasedRecording, ...]:
    return await camera.recordings.read_tombstones()


def _unless_busy(error: CommandError) -> CommandError:
    if error.code is ErrorCode.BUSY:
        raise error  # it is asked again
    return error


def what_is_missing(state: ReleaseState) -> str:
    """What a recording lacks before it may be erased, for people."""
    lacks = []
    if len(state.receipts) < state.needed:
        lacks.append(f"{len(state.receipts)} of {state.needed} destinations have it")
    if state.holds:
        lacks.append("1 hold is not lifted" if state.holds == 1 else f"{state.holds} holds are not lifted")
    if state.left_min:
        lacks.append(f"it stays for {state.left_min} powered minutes more")
    if state.proof_needed:
        lacks.append("somebody has to prove first that the footage can be opened")
    return "; ".join(lacks) or "the camera does not release it"
