"""How many requests are under way at once: as many as the device takes, in the order in which they were asked."""

import asyncio
from collections import deque


class Turns:
    """At most `most` are in it at once; the others wait for their turn. `most` may sink, never to nothing."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._taken = 0
        self._waiting: deque[asyncio.Future[None]] = deque()  # one a caller that waits

    async def __aenter__(self) -> None:
        if self._taken < self.most and not self._waiting:
            self._taken += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn  # whoever ends it has taken the place for it
        except asyncio.CancelledError:
            if not turn.cancelled():
                self._leave()  # it was given its turn in the moment in which its caller gave up
            elif turn in self._waiting:
                self._waiting.remove(turn)
            raise

    async def __aexit__(self, *_: object) -> None:
        self._leave()

    def fewer_than(self, most: int) -> None:
        """So many are too many: from now on there are fewer."""
        self.most = max(1, min(self.most, most - 1))

    def _leave(self) -> None:
        self._taken -= 1
        while self._waiting and self._taken < self.most:
            turn = self._waiting.popleft()
            if not turn.done():
                self._taken += 1
                turn.set_result(None)
