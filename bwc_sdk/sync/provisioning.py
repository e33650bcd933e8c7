"""Provisioning for blocking programs: the same events, one after the other.

with sync.connect_station("usb:1-4") as station, Records.opened(Path("records")) as records:
    places = sync.places_of(station)
    for event in sync.provision(places, profile, roster=roster, records=records, identity=technician):
        print(event)
"""

from __future__ import annotations

from collections.abc import Sequence

from bwc_sdk import provisioning
from bwc_sdk.host.world import World
from bwc_sdk.identity.host_identity import HostIdentity
from bwc_sdk.provisioning import Place, Profile, ProvisioningEvent, Records, Roster, TimeWord
from bwc_sdk.sync.generated import SyncDockingStation
from bwc_sdk.sync.loop import BlockingIterator, loop_thread


def places_of(station: SyncDockingStation, *, timeout: float | None = None) -> tuple[Place, ...]:
    """The bays of a connected station that have a camera, in their order; see `bwc_sdk.provisioning.places_of`.

    With `timeout`, seconds, a call that takes longer is cancelled and raises `CallTimeout`.
    """
    return loop_thread().run(provisioning.places_of(station._twin), timeout)


def provision(
    places: Sequence[Place],
    profile: Profile,
    *,
    records: Records,
    identity: HostIdentity,
    roster: Roster | None = None,
    plan: bool = False,
    word: TimeWord | None = None,
    world: World | None = None,
    timeout: float | None = None,
) -> BlockingIterator[ProvisioningEvent]:
    """Provisions the cameras at `places`, all at once; see `bwc_sdk.provisioning.provision`.

    It goes on between two events. `close()` ends it, as does abandoning it: the same call goes on with what is left.
    With `timeout`, `next()` raises `CallTimeout` when nothing was told for so many seconds, and may be called again.
    """
    events = provisioning.provision(
        places,
        profile,
        records=records,
        identity=identity,
        roster=roster,
        plan=plan,
        word=word,
        world=world,
    )
    return BlockingIterator(loop_thread(), events, timeout)


def take_back(
    places: Sequence[Place],
    *,
    records: Records,
    identity: HostIdentity,
    world: World | None = None,
    timeout: float | None = None,
) -> BlockingIterator[ProvisioningEvent]:
    """Ends the assignments of the cameras at `places`; see `bwc_sdk.provisioning.take_back`. `timeout` is as in
    `provision`."""
    events = provisioning.take_back(places, records=records, identity=identity, world=world)
    return BlockingIterator(loop_thread(), events, timeout)
