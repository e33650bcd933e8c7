"""What all parts of one offload share."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from bwc_protocol.declare import load_all
from bwc_protocol.evidence import Manifest
from bwc_sdk.destination.custody_log import Fact
from bwc_sdk.destination.destination import Destination
from bwc_sdk.destination.free_room import Room
from bwc_sdk.host.world import World
from bwc_sdk.identity.host_identity import HostIdentity
from bwc_sdk.offload.budget import Share
from bwc_sdk.offload.camera_clock import SessionClock
from bwc_sdk.offload.chain import Chain
from bwc_sdk.offload.events import OffloadEvent
from bwc_sdk.offload.policy import OffloadPolicy
from bwc_sdk.offload.slabs import SHARED, SlabPool
from bwc_sdk.offload.waiting import settled

T = TypeVar("T")

# An offload goes on when no further file can be opened: whatever it may be told of is loaded before it begins.
load_all()


@dataclass(slots=True)
class Tally:
    """Counts of one offload, in bytes of footage."""

    received: int = 0
    verified: int = 0
    """Good as they arrived; grows with every step forward, by which a link that is lost again and again is
    distinguished from one that brings nothing."""
    kept: int = 0


@dataclass(slots=True)
class OffloadContext:
    """The surroundings of one offload."""

    world: World
    destination: Destination
    policy: OffloadPolicy
    emit: Callable[[OffloadEvent], None]
    identity: str
    """The camera that the offload began with; no other is accepted after a reconnection."""
    simulator: bool
    secure: bool
    clock: SessionClock
    """The camera's clock, as it was measured in its connections."""
    verify_by: HostIdentity | None = None
    """Whose roots signatures are verified against; None: the session proves nothing, and nothing is checked."""
    follows: Callable[[Manifest], None] = lambda manifest: None
    """Told of each manifest, for the account of what is missing."""
    share: Share | None = None
    """Of a bandwidth budget; None: as fast as it goes."""
    room: Room | None = None
    """Shared with other cameras; None: this one is by itself."""
    slabs: SlabPool = field(default_factory=lambda: SHARED)
    tally: Tally = field(default_factory=Tally)
    chain: Chain = field(init=False)
    """This host's custody chain in the destination."""

    def __post_init__(self) -> None:
        self.chain = Chain(self.world, self.destination)

    async def name_in_chain(self, facts: Sequence[Fact]) -> None:
        """Names files in the custody chain, durable when it returns. Raises `DestinationError` and its kinds."""
        await self.chain.append(facts)

    async def blocking(self, call: Callable[[], T]) -> T:
        """The result of `call`, which waits for the medium; a cancellation takes effect after it."""
        return await settled(self.world.workers.wait(call))
