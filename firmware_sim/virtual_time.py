"""An event loop whose time is virtual: hours of protocol in milliseconds, the same every time.

When no callback is ready, time jumps to the next timer. It never jumps while work is outstanding outside the
loop (a job in an executor, or anything under `hold()`): the loop then waits for it in real time, during which
virtual time stands still.
"""

import asyncio
import selectors
from collections.abc import Callable, Coroutine, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any, Final, TypeVar, TypeVarTuple, Unpack

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

REAL_WAIT_S: Final = 30.0
"""How long outstanding work may take in real time before the loop calls it stuck; virtual time does not move
meanwhile, so that this bound changes no result."""
DEFAULT_LIMIT_S: Final = 366 * 86_400.0
"""Virtual time after which a run is called endless: longer than any scenario, and a timer that re-arms
itself for ever reaches it."""


class VirtualTimeError(RuntimeError):
    """A run in virtual time that cannot end."""


class Deadlock(VirtualTimeError):
    """Nothing is scheduled, nothing is outstanding, and the program waits: it would wait for ever."""


class TimeLimit(VirtualTimeError):
    """The run passed its limit of virtual time."""


class _VirtualSelector(selectors.BaseSelector):
    """A real selector that lets time jump where the real one would sleep. Owns the virtual clock."""

    def __init__(self, start_s: float, limit_s: float) -> None:
        self.now_s = start_s
        self.limit_s = start_s + limit_s
        self.outstanding = 0
        self.describe: Callable[[], str] = str
        self._real = selectors.DefaultSelector()

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._real.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.modify(fileobj, events, data)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._real.get_map()

    def close(self) -> None:
        self._real.close()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready; if nothing is, jumps by `timeout` (None: no timer is armed)."""
        ready = self._real.select(0)
        if ready or timeout == 0:
            return ready
        if self.outstanding or (timeout is None and self._has_foreign_files()):
            ready = self._real.select(REAL_WAIT_S)
            if not ready:
                raise Deadlock(f"outstanding work did not finish in {REAL_WAIT_S:.0f} s: {self.describe()}")
            return ready
        if timeout is None:
            raise Deadlock(f"nothing is scheduled at {self.now_s:.3f} s, and these wait: {self.describe()}")
        self.now_s += timeout
        if self.now_s > self.limit_s:
            raise TimeLimit(f"{self.limit_s:.0f} s of virtual time have passed: {self.describe()}")
        return ready

    def _has_foreign_files(self) -> bool:
        """Whether a socket or pipe beside the loop's own wake-up pipe is watched."""
        return len(self._real.get_map()) > 1


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """See the module. `time()` starts at `start_s`; a run may last `limit_s` of virtual time."""

    def __init__(self, start_s: float = 0.0, limit_s: float = DEFAULT_LIMIT_S) -> None:
        self._virtual = _VirtualSelector(start_s, limit_s)
        super().__init__(self._virtual)
        self._virtual.describe = self._waiting

    def time(self) -> float:
        """Virtual seconds."""
        return self._virtual.now_s

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Time stands still inside: for work that finishes by `call_soon_threadsafe` or a file descriptor."""
        self._virtual.outstanding += 1
        try:
            yield
        finally:
            self._virtual.outstanding -= 1

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[Unpack[Ts]], T], *args: *Ts
    ) -> asyncio.Future[T]:
        """As usual, and time stands still until the job's result has arrived."""
        future = super().run_in_executor(executor, func, *args)
        self._virtual.outstanding += 1
        future.add_done_callback(self._arrived)
        return future

    def _arrived(self, _future: asyncio.Future[Any]) -> None:
        self._virtual.outstanding -= 1

    async def shutdown_default_executor(self, *args: Any, **kwargs: Any) -> None:
        with self.hold():  # its thread is joined from another thread, which the loop cannot see
            await super().shutdown_default_executor(*args, **kwargs)

    def _waiting(self) -> str:
        return ", ".join(sorted(task.get_name() + " " + _place(task) for task in asyncio.all_tasks(self)))


def _place(task: asyncio.Task[Any]) -> str:
    """The line of source at which a task waits."""
    stack = task.get_stack(limit=1)
    return f"({stack[0].f_code.co_qualname}:{stack[0].f_lineno})" if stack else "(not begun)"


def run_virtual(main: Coroutine[Any, Any, T], *, start_s: float = 0.0, limit_s: float = DEFAULT_LIMIT_S) -> T:
    """Runs `main` to its end on a `VirtualTimeLoop` of its own; raises `VirtualTimeError` if it cannot end."""
    with asyncio.Runner(loop_factory=lambda: VirtualTimeLoop(start_s, limit_s)) as runner:
        return runner.run(main)
