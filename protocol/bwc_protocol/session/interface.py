"""What protects a channel's byte stream (spec: Session): the states of any session, and how a side makes its own.

Everything above sees only `Session`, and gets it from a `SessionFactory`. Which one is decided in two places: `World`
of the host, and the conversation profile of a simulated device.
"""

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from bwc_protocol.certificates.checks import Check, Standing
from bwc_protocol.certificates.facts import CertificateFacts
from bwc_protocol.declare import Role

RECORD_MAX: Final = 65_536
"""Largest record body that is read: the largest message, in one record."""


class Alert(enum.IntEnum):
    """Why a session ends."""

    CLOSE = 0
    """The orderly end."""
    REFUSED = 1
    """The peer's identity or role is not accepted."""
    MALFORMED = 2
    """What the peer said breaks a rule of the session, or of the messages inside it."""


class SessionFailed(Exception):
    """The session is over and must not be used again. `alert` is what the peer is or was told.

    `check` is what did not hold of this end's own checks, or of the peer's as far as it says.
    """

    def __init__(self, alert: Alert, detail: str, *, by_peer: bool, check: Check | None = None) -> None:
        super().__init__(detail)
        self.alert = alert
        self.detail = detail
        self.by_peer = by_peer
        self.check = check


@dataclass(frozen=True, slots=True)
class PeerCredentials:
    """Who the session says that the peer is."""

    identity: str
    roles: Role
    """Of a host: those that it may have."""
    certificate: CertificateFacts | None = None
    """What proves it; None where nothing does."""
    standing: Standing = Standing.GOOD
    """What the certificate is worth now, by this end's time."""


class Session(Protocol):
    """The states of any session: handshake, established, closed or failed.

    The device is the client and speaks first; the host is the server.
    """

    secure: bool
    """Whether what it yields can be relied on; an insecure session marks every report."""
    protection: int
    """What the preamble says of it: both ends must say the same."""
    lifetime_s: float | None
    """How long it may last from the opening of its channel; None: as long as the link."""

    @property
    def peer(self) -> PeerCredentials | None:
        """Who the peer is; None until this side has finished its handshake."""

    @property
    def closed(self) -> bool:
        """Whether the peer has closed in order."""

    @property
    def worn_out(self) -> bool:
        """Whether it has protected as much as its keys are good for: it must end."""

    failure: "SessionFailed | None"
    """What ended the session, behind the plaintext that `receive` gave last."""

    def start(self) -> None:
        """Both preambles are known: begin."""

    def receive(self, data: bytes | memoryview) -> list[bytes | memoryview]:
        """Takes bytes of the channel and gives the plaintext in them. It may have something to say by itself then:
        look at `pending`.

        When the session fails, `failure` is set; raises it when no plaintext came before that in `data`: what came
        before the failure is the peer's word, however the bytes were cut.
        """

    def overhead(self, length: int) -> int:
        """Bytes that sealing adds to a plaintext of `length` bytes."""

    @property
    def pending(self) -> bool:
        """Whether `outgoing` has something."""

    def seal(self, *parts: bytes | memoryview) -> None:
        """Protects the parts as one plaintext, of at most the peer's `max_plaintext` bytes, and queues it for
        `outgoing`. The parts are not kept."""

    def close(self, alert: Alert = Alert.CLOSE) -> None:
        """Queues the end of the session. Allowed in any state, and more than once. A session that has no words for
        it yet queues nothing: the end of the channel says it then."""

    def outgoing(self) -> list[bytes]:
        """Drains the bytes to be sent on the channel."""


def anybody(peer: PeerCredentials) -> bool:
    """Accepts every peer."""
    return True


@dataclass(frozen=True, slots=True)
class SessionSide:
    """What one side brings into a session."""

    client: bool
    """The device is the client, the host the server."""
    identity: str
    roles: Role
    """What a host may do; a device has none."""
    entropy: Callable[[int], bytes]
    """So many fresh random bytes."""
    accept: Callable[[PeerCredentials], bool] = anybody
    """Whether the peer may be talked to, as a check of its certificate would say."""


SessionFactory = Callable[[SessionSide], Session]
"""Makes a side's end of the session, for a channel that was just opened."""
