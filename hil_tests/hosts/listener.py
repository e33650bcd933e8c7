"""Plays the cases one after the other, each for one visit of a host."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from firmware_sim.device.pipe import Pipe
from firmware_sim.device.trust.kept import Agency
from hil_tests.hosts.port import WatchedPipe, serve
from hil_tests.hosts.visit import Case, Visit

WAIT_S: Final = 120.0
"""How long a host is waited for: whoever runs a program by hand reads what it should try first."""
SETTLE_S: Final = 3.0
"""Connections that follow each other within this time are one visit: a host may well try again by itself."""
IDLE_S: Final = 8.0
"""A host that has said nothing but PING for so long is done, and is let go: longer than any wait that a case makes."""
CASE_S: Final = 180.0
"""The longest visit: a host that goes on for ever is judged by what it did until then."""
LOOK_S: Final = 0.05


class Listener:
    """Runs on one event loop. `tell` is told each case when the device for it stands ready."""

    def __init__(
        self,
        cases: Sequence[Case],
        agency: Agency | None,
        tell: Callable[[Case, int], None],
        *,
        wait_s: float = WAIT_S,
        settle_s: float = SETTLE_S,
    ) -> None:
        self.visits: list[Visit] = []
        self.ended_early = ""
        self._cases = cases
        self._agency = agency
        self._tell = tell
        self._wait_s, self._settle_s = wait_s, settle_s
        self._pipes: list[Pipe] = []
        self._ready = False

    def admit(self, pipe: Pipe, name: str) -> WatchedPipe | None:
        """A host connects; None while no case is ready for one."""
        if not self._ready:
            return None
        self._pipes.append(pipe)
        return serve(self.visits[-1], pipe, name)

    async def run(self) -> list[Visit]:
        """Plays all cases, or those until no host comes any more."""
        for number, case in enumerate(self._cases):
            script = case.make()
            visit = Visit(case, script, script.camera(number, self._agency))
            self.visits.append(visit)
            try:
                await self._play(visit, number)
            finally:
                visit.camera.close()
            if not visit.came:
                self.ended_early = f"no host came for {self._wait_s:g} s to the case {case.name!r}"
                break
        return self.visits

    async def _play(self, visit: Visit, number: int) -> None:
        loop = asyncio.get_running_loop()
        began = visit.last = loop.time()
        self._ready = True
        self._tell(visit.case, number + 1)
        while not self._is_over(visit, began, loop.time()):  # noqa: ASYNC110  # by time that passes, and no event
            await asyncio.sleep(LOOK_S)
        self._ready = False
        visit.script.over()
        pipes, self._pipes = self._pipes, []
        for pipe in pipes:
            pipe.pull()

    def _is_over(self, visit: Visit, began: float, now: float) -> bool:
        if not visit.came:
            return now - began >= self._wait_s
        quiet_s = now - visit.last
        return now - began >= CASE_S + self._wait_s or quiet_s >= (IDLE_S if visit.open else self._settle_s)
