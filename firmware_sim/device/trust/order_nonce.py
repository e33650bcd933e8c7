"""The nonce of the one order that may come: the one that was given last. It does not outlive the boot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bwc_protocol.documents.order import NONCE_S, NONCE_SIZE
from bwc_protocol.vocabulary import ErrorCode
from firmware_sim.device.refusal import Refusal


@dataclass(frozen=True, slots=True)
class _Given:
    value: bytes
    at_s: float


class OrderNonces:
    """Gives them, and knows the one that is good."""

    def __init__(self, now: Callable[[], float], entropy: Callable[[int], bytes]) -> None:
        self._now = now
        self._entropy = entropy
        self._given: _Given | None = None

    def give(self) -> bytes:
        """A fresh one; the one before is good no more."""
        self._given = _Given(self._entropy(NONCE_SIZE), self._now())
        return self._given.value

    @property
    def current(self) -> bytes | None:
        """The one that an order may name now."""
        given = self._given
        return given.value if given is not None and self._now() - given.at_s <= NONCE_S else None

    def demand(self, nonce: bytes) -> None:
        """Raises `Refusal` unless it is the one."""
        if nonce != self.current:
            raise Refusal(
                ErrorCode.CONFLICT, "its nonce was used, has run out, or was never given: ask for one"
            )

    def forget(self) -> None:
        """It was used, or the device boots."""
        self._given = None
