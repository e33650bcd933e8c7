"""What a camera erased is accounted for by its tombstones, which go into the store that has the recording."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from bwc_protocol.declare import Role
from bwc_protocol.documents.tombstone import read_tombstone
from bwc_protocol.messages.recordings import RecordingEntry
from bwc_protocol.session.tls import KeyCredentials
from bwc_sdk.clients.camera import Camera
from bwc_sdk.clients.connecting import connect
from bwc_sdk.errors import EvidenceMismatch
from bwc_sdk.host.world import InlineWorkers, World
from bwc_sdk.identity.host_identity import HostIdentity
from bwc_sdk.offload import (
    FollowUp,
    FollowUpFailed,
    OffloadEvent,
    OffloadResult,
    RecordingsMissing,
    offload,
)
from firmware_sim.camera.camera import SimCamera
from firmware_sim.ports.memory import MemoryTransport
from firmware_sim.scenarios import make_camera
from firmware_sim.storage.tombstones import KeptTombstone
from firmware_sim.virtual_time import run_virtual
from tools.testkit import agencies
from tools.testkit.destination_signer import DestinationSigner

UTC_NS = 1_800_000_000_000_000_000


class Bench:
    """An enrolled camera with four recordings, its dock, and its final destination."""

    def __init__(self, path: Path) -> None:
        self.path, self.agency = path, agencies.lab()
        self.events: list[OffloadEvent] = []
        """Of the last offload."""
        self.camera: SimCamera = make_camera(seed=3, recordings=4, mib=1, utc_ns=UTC_NS, agency=self.agency)
        self.transport = MemoryTransport(self.camera)
        self.world = World(utc_ns=lambda: UTC_NS, entropy=random.Random(3).randbytes, workers=InlineWorkers())
        self.store = DestinationSigner.of(self.agency)
        made = self.agency.host("dock-7", Role.DOCK_OFFLOAD)
        self.dock = HostIdentity.of(KeyCredentials(made.chain, made.key), self.agency.anchors, source="test")

    async def connect(self) -> Camera:
        return await connect(self.transport, role=Role.DOCK_OFFLOAD, identity=self.dock, world=self.world)

    def offload(self, **options: object) -> OffloadResult:
        self.events.clear()

        async def main() -> OffloadResult:
            job = offload(self.connect, self.path, world=self.world, **options)
            self.events.extend([event async for event in job])
            return job.result

        return run_virtual(main(), limit_s=86_400)

    def erase(self, *which: int) -> list[RecordingEntry]:
        async def main() -> list[RecordingEntry]:
            found = []
            async with await self.connect() as camera:
                for entry in await camera.recordings.list():
                    if entry.sequence in which:
                        document = self.store.receipt(camera.identity, entry)
                        state = await camera.recordings.deliver_receipt(entry.recording, document)
                        assert state.released
                        await camera.recordings.erase_entry(entry)
                        found.append(entry)
            return found

        return run_virtual(main(), limit_s=86_400)

    def stored(self) -> set[int]:
        return {
            read_tombstone(path.read_bytes()).tombstone.sequence for path in self.path.glob("*.tombstone")
        }


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def gaps(result: OffloadResult) -> list[tuple[int, int]]:
    return [(one.first, one.last) for one in result.missing]


@pytest.mark.rule("REC-017", "REC-069")
def test_what_was_erased_is_not_missing_and_its_tombstone_lies_beside_it(bench: Bench) -> None:
    assert bench.offload(recordings=[1, 2]).missing == ()
    bench.erase(2, 4)
    result = bench.offload()
    assert gaps(result) == [] and len(result.outcomes) == 2
    assert bench.stored() == {2}, "of what this store has"
    assert gaps(bench.offload()) == [] and bench.stored() == {2}, "and again"


def test_the_newest_may_be_erased_and_the_count_is_right(bench: Bench) -> None:
    bench.erase(1, 2, 4)  # the third is held
    result = bench.offload()
    assert gaps(result) == [] and len(result.outcomes) == 1
    bench.camera.storage._last_sequence += 2  # it says that it closed two more
    assert gaps(bench.offload()) == [(5, 6)]


def _left_out(camera: SimCamera) -> None:
    del camera.storage.tombstones._kept[0]


def _of_nobody(camera: SimCamera) -> None:
    kept = camera.storage.tombstones._kept
    document = bytearray(kept[-1].document)
    document[-1] ^= 1
    kept[-1] = KeptTombstone(kept[-1].tombstone, bytes(document), kept[-1].sha256)


def _swapped(camera: SimCamera) -> None:
    camera.storage.tombstones._kept.reverse()


@pytest.mark.rule("REC-069")
@pytest.mark.parametrize("spoil", [_left_out, _of_nobody, _swapped])
def test_tombstones_that_do_not_verify_account_for_nothing(
    bench: Bench, spoil: Callable[[SimCamera], None]
) -> None:
    bench.erase(1, 2)
    spoil(bench.camera)
    result = bench.offload()
    assert gaps(result) == [(1, 2)] and len(result.outcomes) == 2, "and the others are copied all the same"
    assert bench.stored() == set()
    kinds = [type(one) for one in bench.events]
    assert kinds.index(FollowUpFailed) < kinds.index(RecordingsMissing), (
        "first why, and then what it comes to"
    )
    (why,) = [one for one in bench.events if isinstance(one, FollowUpFailed)]
    assert why.step is FollowUp.TOMBSTONES and why.recording is None and not why.cut_short
    assert isinstance(why.error, EvidenceMismatch) and "tombstone" in why.error.rule


@pytest.mark.rule("REC-070")
def test_a_manifest_that_follows_another_one_than_was_erased_is_found(bench: Bench) -> None:
    bench.erase(2)
    kept = bench.camera.storage.tombstones
    false = b"\x01" * 32
    object.__setattr__(kept.all[0].tombstone, "manifest_sha256", false)
    tombstone = kept.all[0].tombstone
    from bwc_protocol.documents.signed_document import SignedDocument

    trust = bench.camera.trust
    assert trust is not None and trust.signer is not None
    signed = SignedDocument(tombstone.encode()).signed_by(trust.signer)
    kept._kept[0] = KeptTombstone(tombstone, signed.encode(), signed.sha256)
    assert gaps(bench.offload()) == [(2, 2)]
