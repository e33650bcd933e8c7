"""How a camera signs what it states of its recordings (spec: Signatures of recordings)."""

from collections.abc import Callable
from typing import Protocol

from firmware_sim.flash.flash import StateError

Statement = Callable[[str], bytes]
"""What is stated, by the lab that the camera belongs to; empty for an agency, or none. Whose it is can change between
two recordings: so lab and key are asked for together, when it is signed."""


class Signing(Protocol):
    """Signs statements of a camera, and knows its own signatures again."""

    def sign(self, stated: Statement) -> bytes:
        """A signature over it, as whose the camera is now; empty of a camera that is nobody's."""

    def check(self, stated: Statement, signature: bytes) -> None:
        """Raises `StateError` unless the signature is this camera's over exactly this, as its flash has it."""


class Unsigned:
    """Development firmware: it has no key, so that nothing of it is signed."""

    def sign(self, stated: Statement) -> bytes:
        return b""

    def check(self, stated: Statement, signature: bytes) -> None:
        if signature:
            raise StateError("it is signed, which development firmware does not do")
