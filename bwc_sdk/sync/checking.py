"""Whether cameras are fit for the shift, for blocking programs: the same verdicts."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path

from bwc_protocol.declare import Role
from bwc_sdk import fitness
from bwc_sdk.clients.connecting import connect
from bwc_sdk.errors import BwcError
from bwc_sdk.fitness import Checked, Limits
from bwc_sdk.host.world import World
from bwc_sdk.identity.host_identity import HostIdentity, IdentitySet
from bwc_sdk.sync.generated import SyncCamera, SyncDockingStation
from bwc_sdk.sync.loop import loop_thread


def check(
    camera: SyncCamera, limits: Limits, *, self_test: bool = True, timeout: float | None = None
) -> Checked:
    """Checks a connected camera; see `bwc_sdk.fitness.check`.

    With `timeout`, seconds, a call that takes longer is cancelled and raises `CallTimeout`.
    """
    return loop_thread().run(fitness.check(camera._twin, limits, self_test=self_test), timeout)


def check_many(
    devices: Iterable[str],
    limits: Limits,
    *,
    self_test: bool = True,
    role: Role = Role.TECHNICIAN,
    identity: HostIdentity | IdentitySet | Path | None = None,
    lab: bool = False,
    allow_insecure: bool = False,
    world: World | None = None,
    timeout: float | None = None,
) -> dict[str, Checked | BwcError]:
    """What becomes of each of several cameras, by its URI, all at once; see `bwc_sdk.fitness.check_many`. The other
    arguments are those of `connect`, `timeout` is as in `check`."""
    cameras = {
        uri: partial(
            connect,
            uri,
            role=role,
            identity=identity,
            lab=lab,
            allow_insecure=allow_insecure,
            world=world,
        )
        for uri in devices
    }
    return loop_thread().run(fitness.check_many(cameras, limits, self_test=self_test), timeout)


def check_station(
    station: SyncDockingStation, limits: Limits, *, self_test: bool = True, timeout: float | None = None
) -> dict[str, Checked | BwcError]:
    """The same for every camera that stands in a bay of a connected station; see `bwc_sdk.fitness.check_station`."""
    return loop_thread().run(fitness.check_station(station._twin, limits, self_test=self_test), timeout)
