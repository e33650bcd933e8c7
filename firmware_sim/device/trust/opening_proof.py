"""Proofs that an evidence recipient can open what the camera encrypts for it (spec: Encryption)."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Self

from bwc_protocol.evidence import sealing
from bwc_protocol.evidence.vocabulary import DIGEST_SIZE
from bwc_protocol.vocabulary import ErrorCode
from firmware_sim.device.refusal import Refusal
from firmware_sim.state.kept_values import I64_MAX, U32_MAX, digest, part_of, whole

SECRET_SIZE: Final = 32
"""Random bytes of a challenge."""


@dataclass(frozen=True, slots=True)
class KeptProof:
    """The last proof of one recipient."""

    recipient: bytes
    utc_ns: int
    powered_min: int

    def to_part(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {"recipient": self.recipient.hex(), "utc_ns": self.utc_ns, "powered_min": self.powered_min}

    @classmethod
    def of_part(cls, kept: object) -> Self:
        """What `to_part` gave. Raises `StateError`."""
        found = part_of(kept, "a proof of opening", ("recipient", "utc_ns", "powered_min"))
        return cls(
            digest(found, "recipient", DIGEST_SIZE),
            whole(found, "utc_ns", -I64_MAX, I64_MAX),
            whole(found, "powered_min", 0, U32_MAX),
        )


class Challenges:
    """Gives challenges, one for each recipient at a time, and takes each answer once. None outlives the boot."""

    def __init__(self, camera: Callable[[], str], entropy: Callable[[int], bytes]) -> None:
        self._camera = camera
        self._entropy = entropy
        self._given: dict[bytes, bytes] = {}

    def give(self, recipient: bytes, certificates: tuple[bytes, ...]) -> bytes:
        """A challenge for one of the recipients; the one before is good no more. Raises `Refusal`."""
        from firmware_sim.device.seeded_wrap import seeded_wrap

        public = _key_of(recipient, certificates)
        self._given[recipient] = self._entropy(SECRET_SIZE)
        return sealing.challenge(self._given[recipient], public, self._camera(), seeded_wrap)

    def take(self, recipient: bytes, opened: bytes, certificates: tuple[bytes, ...]) -> None:
        """Raises `Refusal` unless these are the bytes of the last challenge to that recipient."""
        _key_of(recipient, certificates)
        given = self._given.pop(recipient, None)
        if given is None or not hmac.compare_digest(given, opened):
            raise Refusal(
                ErrorCode.CONFLICT, "these are not the bytes of its last challenge: ask for another one"
            )


def _key_of(recipient: bytes, certificates: tuple[bytes, ...]) -> Any:
    for public in map(sealing.public_key_of, certificates):
        if sealing.recipient_id(public) == recipient:
            return public
    raise Refusal(ErrorCode.NOT_FOUND, "it has no such recipient")
