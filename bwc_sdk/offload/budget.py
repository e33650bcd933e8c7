"""A bandwidth budget that offloads which run at once share: a token bucket, asked wherever credit is granted.

A camera sends no footage without credit (spec: Streams), so bytes that are not paid for never travel. Marked and held
recordings are served first, whichever camera has them; among equals every camera gets the same; and what has waited
for `AGED_S` is served like what is urgent, so that nobody starves.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

AGED_S: Final = 10.0
"""Waiting time after which an ordinary request counts as urgent. With the step below each of 64 cameras is certain of
half a percent of the budget, and urgent footage of two thirds."""
STEP_S: Final = 0.05
"""What is paid at once, as a share of a second's budget: a grant is a message, and twenty a second cost nothing."""
STEP_MIN_BYTES: Final = 16 * 1024
STEP_MAX_BYTES: Final = 1024 * 1024
"""Between a few frames and what the window of one stream holds several times."""
WAIT_MIN_S: Final = 0.001
"""A shorter wait may be rounded to none, and then never end."""
RATE_MIN_BYTES_PER_S: Final = 1_000
"""Below this the smallest step would take longer than links take to call a device dead."""


@dataclass(slots=True)
class _Request:
    size: int
    urgent: bool
    paid: Callable[[int], None]
    since_s: float
    tag: float
    """Start of its service in the fair order: bytes served to its camera so far, and no less than to others."""


class Budget:
    """`bytes_per_s` for everything that has a share of it. Raises `ValueError` below 1000.

    Counted is footage. It lives on one event loop.
    """

    def __init__(self, bytes_per_s: float) -> None:
        if not bytes_per_s >= RATE_MIN_BYTES_PER_S:
            raise ValueError(f"a budget is at least {RATE_MIN_BYTES_PER_S} bytes/s, not {bytes_per_s:g}")
        self.bytes_per_s = bytes_per_s
        self._tokens = float(self.step_bytes)
        self._filled_s: float | None = None
        self._served = 0.0
        self._waiting: dict[Share, _Request] = {}
        self._timer: asyncio.TimerHandle | None = None

    @property
    def step_bytes(self) -> int:
        """What is paid at once."""
        return round(min(max(self.bytes_per_s * STEP_S, STEP_MIN_BYTES), STEP_MAX_BYTES))

    def share(self) -> Share:
        """A share for one camera."""
        return Share(self)

    def limits(self, urgent: bool) -> bool:
        """See `Share.limits`."""
        return True

    def arrived(self, share: Share, size: int, now_s: float) -> None:
        """See `Share.arrived`."""

    def paid(self, size: int) -> None:
        """Told of what is paid for, in bytes."""

    def ask(self, share: Share, size: int, urgent: bool, paid: Callable[[int], None]) -> None:
        """See `Share.ask`."""
        tag = max(self._served, share.served)
        now = asyncio.get_running_loop().time()
        self._waiting[share] = _Request(min(size, self.step_bytes), urgent, paid, now, tag)
        self._serve_later(0.0)

    def withdraw(self, share: Share) -> None:
        """See `Share.withdraw`."""
        self._waiting.pop(share, None)
        if not self._waiting and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def give_back(self, share: Share, size: int) -> None:
        """See `Share.give_back`."""
        share.served -= size
        self._tokens += size

    def _serve_later(self, wait_s: float) -> None:
        loop = asyncio.get_running_loop()
        if self._timer is None or self._timer.cancelled():
            self._timer = loop.call_later(wait_s, self._serve)

    def _serve(self) -> None:
        self._timer = None
        now = asyncio.get_running_loop().time()
        self._refill(now)
        while self._waiting:
            share = min(self._waiting, key=lambda share: self._order(self._waiting[share], now))
            request = self._waiting[share]
            if self._tokens < request.size:
                self._serve_later(max(WAIT_MIN_S, self._wait_s(request.size - self._tokens)))
                return
            del self._waiting[share]
            self._tokens -= request.size
            self._served = max(self._served, request.tag)
            share.served = request.tag + request.size
            self.paid(request.size)
            request.paid(request.size)

    def _refill(self, now_s: float) -> None:
        since = now_s if self._filled_s is None else self._filled_s
        self._filled_s = now_s
        # What nobody wanted is not saved up, beyond what a timer that comes late would lose.
        self._tokens = min(self._tokens + (now_s - since) * self.bytes_per_s, 2.0 * self.step_bytes)

    def _wait_s(self, missing: float) -> float:
        return missing / self.bytes_per_s

    @staticmethod
    def _order(request: _Request, now_s: float) -> tuple[bool, float, float]:
        first = request.urgent or now_s - request.since_s >= AGED_S
        return not first, request.tag, request.since_s


class Share:
    """One camera's share of a budget. At most one request of it waits at a time."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self.served = 0.0
        """Bytes in the fair order; the budget's own."""

    @property
    def ahead_bytes(self) -> int:
        """Credit that is worth holding before its bytes arrive; more would only be kept from others."""
        return 2 * self._budget.step_bytes

    def limits(self, urgent: bool) -> bool:
        """Whether credit has to be asked for now; otherwise it is free."""
        return self._budget.limits(urgent)

    def arrived(self, size: int, now_s: float) -> None:
        """Tells of urgent footage that came."""
        self._budget.arrived(self, size, now_s)

    def ask(self, size: int, urgent: bool, paid: Callable[[int], None]) -> None:
        """Asks for `size` bytes; `paid` is called on the loop, later, with how many of them are paid for."""
        self._budget.ask(self, size, urgent, paid)

    def withdraw(self) -> None:
        """Forgets the request that waits, if there is one."""
        self._budget.withdraw(self)

    def give_back(self, size: int) -> None:
        """Returns bytes that were paid for and never came."""
        self._budget.give_back(self, size)
