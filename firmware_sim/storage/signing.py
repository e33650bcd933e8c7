"""How a camera signs what it states of its recordings (spec: Signatures of recordings)."""

from typing import Protocol

from firmware_sim.flash.flash import StateError


class Signing(Protocol):
    """Signs statements of a camera, and knows its own signatures again."""

    @property
    def lab(self) -> str:
        """The lab that the camera belongs to; empty for an agency, or none."""

    def sign(self, payload: bytes) -> bytes:
        """A signature over the payload; empty of a camera that has no identity."""

    def check(self, payload: bytes, signature: bytes) -> None:
        """Raises `StateError` unless the signature is this camera's over exactly this payload."""


class Unsigned:
    """Development firmware: it has no key, so that nothing of it is signed."""

    lab = ""

    def sign(self, payload: bytes) -> bytes:
        return b""

    def check(self, payload: bytes, signature: bytes) -> None:
        if signature:
            raise StateError("it is signed, which development firmware does not do")
