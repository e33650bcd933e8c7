"""The offload for blocking programs: the same events and the same result."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from bwc_protocol.declare import Role
from bwc_sdk.offload import OffloadEvent, OffloadJob, OffloadPolicy, OffloadResult
from bwc_sdk.offload import offload as offload_async
from bwc_sdk.sync.loop import BlockingIterator, loop_thread
from bwc_sdk.world import World


class SyncOffloadJob(Iterator[OffloadEvent]):
    """An offload: iterate it for its events, then look at `result`. It begins with the first iteration.

    Between two events the copying goes on; an iteration that is abandoned or closed is ended.
    """

    def __init__(self, twin: OffloadJob) -> None:
        self._twin = twin
        self._events = BlockingIterator(loop_thread(), twin)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> OffloadEvent:
        return next(self._events)

    @property
    def result(self) -> OffloadResult:
        """What became of every recording. Raises `RuntimeError` before the iteration has ended."""
        return self._twin.result

    def run(self) -> OffloadResult:
        """Runs it to its end for a caller who does not want the events."""
        for _ in self:
            pass
        return self.result

    def close(self) -> None:
        """Stops it where it is; what arrived stays for the next offload."""
        self._events.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def offload(
    device: str,
    destination: Path,
    *,
    recordings: Collection[int] | None = None,
    role: Role = Role.DOCK_OFFLOAD,
    expect: str | None = None,
    allow_insecure: bool = False,
    capture: Path | None = None,
    policy: OffloadPolicy | None = None,
    world: World | None = None,
) -> SyncOffloadJob:
    """Copies recordings off a camera, verified; see `bwc_sdk.offload.offload`."""
    job = offload_async(
        device,
        destination,
        recordings=recordings,
        role=role,
        expect=expect,
        allow_insecure=allow_insecure,
        capture=capture,
        policy=policy,
        world=world,
    )
    return SyncOffloadJob(job)
