"""How long a list of many pages may take: by what it brings, since nobody knows its length beforehand."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from bwc_sdk.errors import StreamStalled

T = TypeVar("T")

BEGIN_S: Final = 60.0
"""What any list may take."""
LEAST_PER_S: Final = 2
"""Entries a second beyond that: 300 bytes/s, a third of the slowest serial line, of which pages come in hundreds."""


class Patience:
    """Counts the time in which pages were waited for, not the time that their reader takes."""

    def __init__(self, what: str, *, device: str) -> None:
        self._what = what
        self._device = device
        self._waited_s = 0.0
        self._came = 0

    async def wait_for(self, page: Awaitable[T], came: Callable[[T], int]) -> T:
        """The next page. Raises `StreamStalled` when the pages so far brought too little for the time they took."""
        loop = asyncio.get_running_loop()
        begun_s = loop.time()
        got = await page
        self._waited_s += loop.time() - begun_s
        self._came += came(got)
        if self._waited_s > BEGIN_S + self._came / LEAST_PER_S:
            raise StreamStalled(
                f"only {self._came} entries of {self._what} came in {self._waited_s:.0f} s",
                device=self._device,
            )
        return got
