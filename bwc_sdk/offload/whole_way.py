"""What an offload does beyond storing, and only when it is told: receipts are signed, delivered, and the camera is
asked to erase (spec: Receipts of a destination).

Stored and verified < receipt durable < delivered < erase asked < confirmed by the camera. Nothing of it makes a stored
recording a failure: what goes wrong is told, and the next docking goes on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from bwc_protocol.messages.recordings import RecordingEntry, ReleaseState
from bwc_sdk.errors import BwcError, CommandError, DestinationBusy
from bwc_sdk.evidence.naming import ANNOTATIONS_SUFFIX, annotations_stem
from bwc_sdk.offload.context import OffloadContext
from bwc_sdk.offload.defect import failure_of
from bwc_sdk.offload.directory_store import DirectoryStore
from bwc_sdk.offload.events import (
    Erased,
    NotErased,
    ReceiptDelivered,
    ReceiptNotDelivered,
    ReceiptNotSigned,
    ReceiptSigned,
)
from bwc_sdk.offload.outcome import Outcome, StoredVerified
from bwc_sdk.offload.receipt_delivery import LyingReceipt, ReceiptShelf
from bwc_sdk.offload.receipt_signing import NotReceipted, ReceiptMade, Signing, sign_receipts
from bwc_sdk.offload.reconnect import Reconnector, Unreached
from bwc_sdk.offload.tombstones import erased_by, keep_tombstones

if TYPE_CHECKING:
    from bwc_sdk.clients.camera import Camera
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

    async def go(self, outcomes: Sequence[Outcome]) -> None:
        """Goes as far as the policy says. Raises nothing."""
        stored = {one.entry.recording for one in outcomes if isinstance(one, StoredVerified)}
        if not stored or not self._reconnector.connected:
            return  # the next docking goes on
        try:
            await self._go(stored)
        except Unreached as failed:
            log.warning("the camera went before its recordings were dealt with: %s", failed.error)
        except BwcError as error:
            log.warning("the recordings stay on the camera: %s", error)
        except Exception as error:
            failure_of(error, f"what follows the offload of {self._context.identity}")

    async def _go(self, stored: set[bytes]) -> None:
        async def listed(camera: Camera) -> list[RecordingEntry]:
            return [one async for one in camera.recordings.iterate() if one.recording in stored]

        entries = await self._reconnector.keep(listed)  # as they are now: more may have been said of them
        for entry in entries:
            if entry.annotations:
                await self._store_annotations(entry)
        if self._policy.sign_by is not None:
            await self._sign(self._policy.sign_by, entries)
        shelves = [] if self._policy.receipts_from is None else [self._policy.receipts_from]
        if self._policy.sign_by is not None:
            shelves.append(self._context.destination.path)
        for directory in shelves:
            shelf = await self._context.blocking(partial(ReceiptShelf, directory))
            for entry in entries:
                await self._deliver(shelf, entry)
        if self._policy.erase:
            gone = [entry for entry in entries if await self._erase(entry)]
            if gone:
                erased = await self._reconnector.keep(erased_by)
                await self._context.blocking(partial(keep_tombstones, self._context.destination, erased))

    # Signing, where one host is the whole site

    async def _sign(self, identity: HostIdentity, entries: Sequence[RecordingEntry]) -> None:
        for entry in entries:
            try:
                (made,) = await self._signings(identity, entry) or (
                    NotReceipted("", "it is not in the store"),
                )
            except BwcError as error:
                if isinstance(error, Unreached):
                    raise
                made = NotReceipted("", error.rule)
            match made:
                case NotReceipted(reason=reason):
                    self._context.emit(ReceiptNotSigned(entry.sequence, reason))
                case ReceiptMade(receipt=receipt):
                    self._context.emit(
                        ReceiptSigned(
                            entry.sequence,
                            receipt.destination,
                            made.path,
                            made.sha256,
                            one_site=receipt.one_site,
                            fresh=made.fresh,
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

    async def _store_annotations(self, entry: RecordingEntry) -> None:
        """Stores what was said of a recording up to the listed head, if it is not in the store."""
        found = await self._reconnector.keep(lambda camera: camera.recordings.read_signed_annotations(entry))
        if found is None:
            return
        content = found.encode()
        name = annotations_stem(
            self._context.identity, entry.recording, entry.manifest_sha256, entry.annotations_sha256
        )

        def store() -> None:
            destination = self._context.destination
            store = DirectoryStore(destination)
            try:
                with store.signing_lock() as alone:
                    if not alone:
                        raise DestinationBusy("another process signs receipts there")
                    if destination.read_final(name + ANNOTATIONS_SUFFIX, 0) is None:
                        store.create(name + ANNOTATIONS_SUFFIX, content)
            except OSError as error:
                raise destination.error(error, "storing annotations") from error

        for _ in range(BUSY_LOOKS):
            try:
                return await self._context.blocking(store)
            except DestinationBusy:
                await asyncio.sleep(BUSY_S)

    # What the camera is told

    async def _deliver(self, shelf: ReceiptShelf, entry: RecordingEntry) -> None:
        lying = await self._context.blocking(lambda: list(shelf.of(self._context.identity, entry)))
        if not lying:
            return
        kept = await self._reconnector.keep(partial(_release_of, entry))
        if isinstance(kept, CommandError):
            return  # an old camera, or one that has it no longer
        for one in lying:
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
        state = await self._reconnector.keep(partial(_release_of, entry))
        if isinstance(state, CommandError):
            self._context.emit(NotErased(entry.sequence, state.rule))
            return False
        if not state.released:
            self._context.emit(NotErased(entry.sequence, what_is_missing(state)))
            return False
        refused = await self._reconnector.keep(partial(_ask_to_erase, entry))
        if refused is not None:
            self._context.emit(NotErased(entry.sequence, refused.rule))
            return False
        self._context.emit(Erased(entry.sequence, entry.recording, entry.manifest_sha256))
        return True


async def _release_of(entry: RecordingEntry, camera: Camera) -> ReleaseState | CommandError:
    try:
        return await camera.recordings.release(recording=entry.recording)
    except CommandError as error:  # an answer: the connection is as good as before
        return error


async def _give(entry: RecordingEntry, one: LyingReceipt, camera: Camera) -> ReleaseState | CommandError:
    try:
        return await camera.recordings.receipt(recording=entry.recording, receipt=one.document)
    except CommandError as error:
        return error


async def _ask_to_erase(entry: RecordingEntry, camera: Camera) -> CommandError | None:
    try:
        await camera.recordings.erase(
            recording=entry.recording,
            manifest_sha256=entry.manifest_sha256,
            annotations_sha256=entry.annotations_sha256,
        )
    except CommandError as error:
        return error
    return None


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
