"""A transfer that brings too little is given up: silence and a trickle are the same."""

from typing import Final

from bwc_sdk.errors import StreamStalled

LEAST_BYTES: Final = 1_024
WINDOW_S: Final = 30.0
"""What has to come while it is waited for: 34 bytes/s, a hundredth of the slowest link there is."""


class Trickle:
    """Counts what comes: at least `least_bytes` in any `window_s` in which bytes are waited for."""

    def __init__(self, least_bytes: int, window_s: float, now_s: float) -> None:
        self._least_bytes = least_bytes
        self.window_s = window_s
        self._begun_s = now_s
        self._begun_at = 0
        self.came_bytes = 0
        """In the window that runs."""

    def came(self, total: int, now_s: float) -> None:
        """`total` bytes have come so far."""
        self.came_bytes = total - self._begun_at
        if self.came_bytes >= self._least_bytes:
            self.begin(total, now_s)

    def begin(self, total: int, now_s: float) -> None:
        """A window begins: enough has come, or nothing was waited for until now."""
        self._begun_s, self._begun_at, self.came_bytes = now_s, total, 0

    def stalled(self, what: str, device: str = "") -> StreamStalled:
        """The error for it."""
        came = f"{self.came_bytes} bytes" if self.came_bytes else "no byte"
        rule = f"{came} of {what} in {self.window_s:g} s"
        return StreamStalled(rule, came_bytes=self.came_bytes, window_s=self.window_s, device=device)

    def left_s(self, now_s: float) -> float:
        """Time that is left for what is lacking; none: it is to be given up."""
        return self._begun_s + self.window_s - now_s
