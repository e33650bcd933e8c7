"""Real docks and real destinations beside the real camera, that do what the model does, step by step.

A dock offloads into a disk of its own, and is killed in the middle; a destination has another disk, reads back what is
on it, and signs. What carries files from the one to the other is nobody's code, and is played here: an object that the
model has in memory alone is not synced, and one that it loses is gone. Of each receipt that a destination signs, what
it names is on the medium, and stays there.

Not played: an object that is torn and passed by under the next attempt's name, since no code of ours uploads yet (a
store in which footage is damaged is reported by the real destination, and receipted when somebody has put it right),
and a receipt for an older head while a newer one is there, which a real destination does not sign any more.
"""

from __future__ import annotations

import asyncio
import copy
import random
from pathlib import Path
from typing import Final

from bwc_protocol.declare import Role
from bwc_protocol.documents.signed_document import SignedDocument
from bwc_protocol.session.tls import KeyCredentials
from bwc_sdk.clients.camera import Camera as CameraClient
from bwc_sdk.clients.connecting import connect
from bwc_sdk.destination.receipt_signing import NotReceipted, ReceiptMade, Signing, sign_receipts
from bwc_sdk.evidence.naming import annotations_stem, recording_name
from bwc_sdk.host.world import InlineWorkers
from bwc_sdk.host.world import World as HostWorld
from bwc_sdk.identity.host_identity import HostIdentity
from bwc_sdk.offload import OffloadPolicy, OffloadResult, Refused, offload
from firmware_sim.flash.memory_flash import MemoryFlash
from firmware_sim.ports.memory import MemoryTransport
from firmware_sim.virtual_time import run_virtual
from tests.model.guards import Scope
from tests.model.real_camera import RealCamera
from tests.model.world import Chain, Copy, Dock, Receipt, Step, World, spoken
from tests.sim.conftest import NOON_NS
from tools.testkit import agencies
from tools.testkit.model_disk import Inode, ModelDisk, ModelFiles, PowerCut

STORE: Final = Path("/store")
PIECE_STEPS: Final = (8, 30)
"""Operations of its disk after which a dock is killed that copies a first piece: it ends well after."""


class RealSite(RealCamera):
    """One run, with docks and destinations."""

    def __init__(self, scope: Scope, flash: MemoryFlash, rng: random.Random) -> None:
        super().__init__(scope, flash, rng)
        agency = agencies.lab()
        made = agency.host("dock-1", Role.DOCK_OFFLOAD)
        self._dock = HostIdentity.of(KeyCredentials(made.chain, made.key), agency.anchors)
        self._identities: dict[tuple[int, str], HostIdentity] = {}
        for at in range(scope.destinations):
            for certificate in ("first", "second"):
                host = agency.host(f"store-{at + 1}", Role.DESTINATION)
                credentials = KeyCredentials(host.chain, host.key)
                self._identities[at, certificate] = HostIdentity.of(credentials, agency.anchors)
        self.docks = [ModelDisk() for _ in range(scope.docks)]
        self.destinations = [ModelDisk() for _ in range(scope.destinations)]
        self.copies = self.really_signed = 0
        first = self.camera.listing(0, 1)[0]
        self._footage = bytes(
            self.camera.storage.read(first.recording_id, 0, 0, first.manifest.segments[0].size_bytes)
        )
        self._name = recording_name(self.camera.serial, first.recording_id, first.manifest_sha256)
        before = ModelDisk()
        assert self._offload(ModelFiles(before)).complete
        self._said_first = bytes(before.live[""][self._notes_name(())].live)
        """What the model takes for nothing: a camera says of a recording that it is unclassified."""

    # What happens

    def follow(self, step: Step, before: World, after: World) -> None:
        """As the camera does, and docks and destinations as well."""
        match step:
            case ("copy" | "fetch notes" | "mend", number):
                self._at_dock(int(number) - 1, step[0], after.docks[int(number) - 1])
            case ("dock loses a piece", number):
                self._flip(self.docks[int(number) - 1])
            case ("dock loses its disk", number):
                self.docks[int(number) - 1] = ModelDisk()
            case ("upload ends", number, at, _, _):
                self._bring(int(number) - 1, int(at) - 1, self._footage_names())
            case ("upload", number, at, what, _) if what.startswith("annotations"):
                chain = before.docks[int(number) - 1].notes
                assert chain
                self._bring(int(number) - 1, int(at) - 1, [self._notes_name(chain)])
            case ("sync", at, _, _):
                self._sync(self.destinations[int(at) - 1])
            case ("object gone", at, what, _):
                self._lose(int(at) - 1, what, before)
            case ("destination lost" | "destination lost after it signed", at):
                self.destinations[int(at) - 1] = ModelDisk()
            case _:
                pass
        super().follow(step, before, after)
        self._look(after)

    # A dock

    def _at_dock(self, number: int, what: str, after: Dock) -> None:
        disk = self.docks[number]
        if what == "copy" and after.footage == Copy.PART:
            left = self.rng.randrange(*PIECE_STEPS)

            def killed(step: int, operation: str) -> None:
                if step == left:
                    raise PowerCut

            try:
                self._offload(ModelFiles(disk, killed))
            except PowerCut:
                disk.kill()
            if self.rng.random() < 0.5:
                disk.power_cut(self.rng)
            return
        if what == "mend":
            found = self._offload(ModelFiles(disk))
            assert any(isinstance(one, Refused) for one in found.outcomes), "it reads its copy back"
            (name,) = (name for name in disk.live[""] if ".mp4" in name)
            disk.change(("", name, None))  # somebody had to look, and puts it away
            disk.sync_names("")
        result = self._offload(ModelFiles(disk))
        if after.footage == Copy.ROTTEN:
            assert not result.complete, "what is damaged is not called stored, whatever else is fetched"
            return
        assert result.complete
        self.copies += 1

    def _offload(self, files: ModelFiles) -> OffloadResult:
        world = self._world(files)

        async def run() -> OffloadResult:
            lines: list[MemoryTransport] = []

            async def connecting() -> CameraClient:
                lines.append(MemoryTransport(self.camera))
                return await connect(lines[-1], role=Role.DOCK_OFFLOAD, identity=self._dock, world=world)

            policy = OffloadPolicy(reserve_bytes=0, first_wait_s=0.01)
            job = offload(connecting, STORE, recordings=[self.first.sequence], world=world, policy=policy)
            try:
                return await job.run()
            finally:
                for line in lines:
                    line.unplug()
                await asyncio.sleep(0)

        return run_virtual(run(), limit_s=86_400)

    def _world(self, files: ModelFiles) -> HostWorld:
        return HostWorld(
            utc_ns=lambda: NOON_NS,
            entropy=self.rng.randbytes,
            files=files,
            workers=InlineWorkers(),
            host_id=lambda: b"a host",
        )

    @staticmethod
    def _flip(disk: ModelDisk) -> None:
        """The disk loses a bit of the footage."""
        for name, inode in disk.live[""].items():
            if ".mp4" in name:
                inode.durable[len(inode.durable) // 2] ^= 1
                inode.live = bytearray(inode.durable)

    # The way into a destination

    def _footage_names(self) -> list[str]:
        stem, _, manifest = self._name.rpartition("_")
        segment = f"{stem}_000_{manifest}"
        return [
            self._name + ".manifest",
            self._name + ".manifest.cose",
            segment + ".table",
            segment + ".mp4.sealed",
            self._notes_name(()),
        ]

    def _notes_name(self, chain: Chain) -> str:
        entry = self.heads[chain]
        stem = annotations_stem(
            self.camera.serial, entry.recording, entry.manifest_sha256, entry.annotations_sha256
        )
        return stem + ".annotations"

    def _bring(self, dock: int, at: int, names: list[str]) -> None:
        """Into memory, and not yet onto the medium; nothing is written over."""
        for name in names:
            content = self._said_first
            if name != self._notes_name(()):
                content = bytes(self.docks[dock].live[""][name].live)
            destination = self.destinations[at]
            if name not in destination.live[""]:
                inode = Inode(bytearray(content), bytearray(), [(0, content)])
                destination.change(("", name, inode))

    @staticmethod
    def _sync(disk: ModelDisk) -> None:
        for inode in disk.live[""].values():
            inode.durable, inode.pending = bytearray(inode.live), []
        disk.sync_names("")

    def _lose(self, at: int, what: str, before: World) -> None:
        chains = [one.holds for one in before.destinations[at].objects if one.what == "notes"]
        gone = self._footage_names()
        if what.startswith("annotations"):
            gone = [self._notes_name(chain) for chain in chains if what == f"annotations {spoken(chain)}"]
        disk = self.destinations[at]
        for name in gone:
            disk.change(("", name, None))
        disk.sync_names("")

    # What a destination signs

    def _sign(self, receipt: Receipt, world: World) -> bytes:
        """By the real code, where it signs that; else by somebody who has only its key."""
        disk = self.destinations[receipt.destination]
        newest = self._newest(receipt.destination, world)
        if newest != receipt.chain:
            return super()._sign(receipt, world)
        made = self._signed_by(disk, self._identities[receipt.destination, receipt.certificate])
        assert isinstance(made, ReceiptMade), made
        assert made.receipt.annotations_sha256 == self.heads[receipt.chain].annotations_sha256
        durable = disk.durable[""]
        document = bytes(durable[made.path.name].durable)
        assert SignedDocument.decode(document).sha256 == made.sha256
        self.really_signed += 1
        return document

    def _newest(self, at: int, world: World) -> Chain:
        there = [one.holds for one in world.destinations[at].objects if one.what == "notes"]
        return max(there, key=len, default=())

    def _signed_by(self, disk: ModelDisk, identity: HostIdentity) -> Signing | None:
        found = list(
            sign_receipts(
                STORE,
                identity,
                recordings={self.first.recording},
                world=self._world(ModelFiles(disk)),
            )
        )
        return found[0] if found else None

    # What can be seen

    def _look(self, world: World) -> None:
        """What is whole in the model is whole on a disk, and what is not gets no receipt."""
        for disk, dock in zip(self.docks, world.docks, strict=True):
            footage = [bytes(inode.durable) for name, inode in disk.durable[""].items() if ".mp4" in name]
            if dock.footage == Copy.WHOLE:
                assert footage == [self._footage]
            if dock.footage in (Copy.NONE, Copy.PART):
                assert footage in ([], [self._footage]), "under a final name is nothing that is not whole"
        for at, destination in enumerate(world.destinations):
            whole = any(
                one.what == "segment 1" and one.state in ("cached", "durable") for one in destination.objects
            )
            tried = copy.deepcopy(self.destinations[at])
            made = self._signed_by(tried, self._identities[at, "first"])
            assert isinstance(made, ReceiptMade) == whole, made
            assert whole or made is None or isinstance(made, NotReceipted)
            if isinstance(made, ReceiptMade):
                newest = self.heads[self._newest(at, world)]
                assert made.receipt.annotations_sha256 == newest.annotations_sha256
                tried.power_cut(self.rng)
                assert made.path.name in tried.final() and self._footage in tried.final().values()
