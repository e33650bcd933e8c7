"""Offloads for blocking programs: the same events and the same results, one after the other."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncIterator, Callable
from typing import Generic, Protocol, TypeVar

from bwc_sdk.clients.station import DockingStation
from bwc_sdk.offload import (
    CameraEvent,
    DockWatch,
    FleetJob,
    FleetResult,
    OffloadEvent,
    OffloadJob,
    OffloadResult,
)
from bwc_sdk.sync.loop import BlockingIterator, LoopThread, loop_thread

E = TypeVar("E")
R = TypeVar("R")
S = TypeVar("S", bound="Lendable")
R_co = TypeVar("R_co", covariant=True)


class _Ending(Protocol[R_co]):
    """What comes to an end and then has a result."""

    @property
    @abstractmethod
    def result(self) -> R_co: ...


class _Events(BlockingIterator[E]):
    """Events of work on the loop, which goes on between two of them and ends when nobody iterates any more."""

    def __init__(self, twin: AsyncIterator[E], timeout: float | None = None) -> None:
        super().__init__(loop_thread(), twin, timeout)

    def close(self) -> None:
        """Stops it where it is; what arrived stays for the next offload. Idempotent."""
        super().close()


class _Job(_Events[E], Generic[E, R]):
    _twin: _Ending[R]

    @property
    def result(self) -> R:
        """What became of it. Raises `RuntimeError` before the iteration has ended."""
        return self._twin.result

    def run(self) -> R:
        """Runs it to its end for a caller who does not want the events.

        Raises `CallTimeout` when none came within `timeout`; it goes on, and may be run again.
        """
        for _ in self:
            pass
        return self.result


class SyncOffloadJob(_Job[OffloadEvent, OffloadResult]):
    """An offload: iterate it for its events, then look at `result`. It begins with the first iteration.

    Between two events the copying goes on; an iteration that is abandoned or closed is ended. With `timeout`, `next()`
    raises `CallTimeout` when no event came for so many seconds, and may be called again: nothing is lost by it.
    """

    def __init__(self, twin: OffloadJob, timeout: float | None = None) -> None:
        super().__init__(twin, timeout)
        self._twin = twin


class SyncFleetJob(_Job[CameraEvent, FleetResult]):
    """An offload of many cameras: iterate it for the events of all, then look at `result`.

    It begins with the first iteration and goes on between two events; an iteration that is abandoned or closed is
    ended. `timeout` is as in `SyncOffloadJob`.
    """

    def __init__(self, twin: FleetJob, timeout: float | None = None) -> None:
        super().__init__(twin, timeout)
        self._twin = twin


class Lendable(Protocol):
    """A blocking client over a link that belongs to something else."""

    lent: bool


class DockWatchTwin(_Events[CameraEvent], Generic[S]):
    """The watch behind `SyncDockWatch`, which says what the client of a station is."""

    _client: Callable[[DockingStation, LoopThread], S]
    """The blocking client of a docking station."""

    def __init__(self, twin: DockWatch, timeout: float | None = None) -> None:
        super().__init__(twin, timeout)
        self._watch = twin

    def station(self, *, timeout: float | None = None) -> S:
        """The station, over the link that the watch has: for lights, locks, power and leases meanwhile.

        The link stays the watch's, which makes it anew when it is lost: ask again for each use, and do not close it.
        Raises what `connect_station` raises while it is lost, `RuntimeError` when the watch does not run.
        """
        thread = loop_thread()
        client = self._client(thread.run(self._watch.station(), timeout), thread)
        client.lent = True
        return client
