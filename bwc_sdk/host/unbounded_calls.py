"""Calls of the system that may block for as long as they like: each in a thread of its own, which nobody waits for.

`loop.run_in_executor(None, …)` is no place for them: the threads of the default executor are joined when the loop ends
and again when the process does, so that one name server that does not answer keeps a program that was told to end.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor, Future
from typing import Any, Final, TypeVar

from bwc_sdk.errors import HostExhausted
from bwc_sdk.host.exhaustion import lack_of
from bwc_sdk.host.forking import in_child

T = TypeVar("T")

UNDER_WAY_MAX: Final = 256
"""Errands at once: four for each bay of the largest station. Beyond, calls of the system never return here."""


class UnboundedCalls(Executor):
    """For `loop.run_in_executor`: threads are daemons, made for one call each, and end with the process."""

    def __init__(self) -> None:
        self._renew()
        in_child(self._renew)

    def _renew(self) -> None:
        self._under_way = 0
        self._lock = threading.Lock()

    def submit(self, work: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Begins `work(*args)`. Raises `HostExhausted` when no thread can be had for it."""
        future: Future[T] = Future()
        with self._lock:
            if self._under_way >= UNDER_WAY_MAX:
                raise HostExhausted(
                    f"{UNDER_WAY_MAX} calls of the system do not return",
                    advice="look for devices and name servers that hang ('dmesg'), and start this program again",
                )
            try:
                threading.Thread(
                    target=self._run, args=(future, work, args, kwargs), name="bwc-errand", daemon=True
                ).start()
            except RuntimeError as error:
                raise lack_of(error) from error
            self._under_way += 1
        return future

    def _run(
        self, future: Future[T], work: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        try:
            if future.set_running_or_notify_cancel():
                try:
                    result = work(*args, **kwargs)
                except BaseException as error:
                    future.set_exception(error)
                else:
                    future.set_result(result)
        finally:
            del future, work, args, kwargs
            with self._lock:
                self._under_way -= 1


UNBOUNDED_CALLS: Final = UnboundedCalls()
"""Those of this process."""


def closing(loop: asyncio.AbstractEventLoop, work: Callable[[], None]) -> Awaitable[None]:
    """Begins `work`, which closes something and so has to be done: where no thread can be had for it, here."""
    try:
        return loop.run_in_executor(UNBOUNDED_CALLS, work)
    except HostExhausted:
        work()
        done = loop.create_future()
        done.set_result(None)
        return done
