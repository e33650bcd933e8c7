"""How a device grants links: one candidate a pipe, which its host's first frame makes the live link (spec: Link)."""

from collections.abc import Callable, Sequence
from typing import Final

from bwc_protocol.frame import MIN_PAYLOAD, Bye, ByeReason, Frame, FrameType, Hello, HelloAck
from bwc_protocol.link.counters import LinkTally
from bwc_protocol.link.events import LinkState, LinkStateError
from bwc_protocol.link.gate import DeviceGate
from bwc_protocol.link.handshake import Decision, Farewell, Grant
from bwc_protocol.link.params import LinkParams
from bwc_protocol.link.refused import DiscardReason, RefusedFrame

NONCE_DRAWS: Final = 16
"""A source of nonces that gives a used one so often is broken; better a loud end than a link that is confused."""


class Listener:
    """The device's opening: it answers HELLO at any time, and keeps what it granted last.

    `nonce` gives 32 random bits. `forgotten` is called when the candidate is void, and what was to be said of it.
    """

    state: Final = LinkState.LISTENING

    def __init__(
        self,
        params: LinkParams,
        tally: LinkTally,
        nonce: Callable[[], int],
        gate: DeviceGate,
        forgotten: Callable[[], None],
    ) -> None:
        self.granted: Grant | None = None  # the candidate
        self._live: Grant | None = None
        self._params = params
        self._tally = tally
        self._nonce = nonce
        self._gate = gate
        self._forgotten = forgotten
        self._last_nonce = 0

    @property
    def max_payload(self) -> int:
        """The larger agreement of the live link and the candidate; before there is one, what is offered."""
        known = [grant.max_payload for grant in (self._live, self.granted) if grant is not None]
        return max(known, default=self._params.max_payload)

    def hear(self, frame: Frame, now: float) -> Sequence[Decision]:
        """Takes HELLO, and grants a link or refuses one. The live link, if there is one, goes on."""
        if frame.type is not FrameType.HELLO:
            return ()
        hello = Hello.decode(frame.payload)
        version = min(hello.highest, self._params.highest_version)
        if not self._gate.admits(self):
            return self._refuse(hello, ByeReason.BUSY, self._gate.retry_after_ms)
        if version < max(hello.lowest, self._params.lowest_version):
            return self._refuse(hello, ByeReason.VERSION)
        if not hello.max_payload >= MIN_PAYLOAD or not hello.max_window >= 1:
            small = hello.max_payload < MIN_PAYLOAD
            field, came, low = (
                ("max_payload", hello.max_payload, MIN_PAYLOAD)
                if small
                else ("max_window", hello.max_window, 1)
            )
            hint = f"it has to be {low} at least"
            self._tally.refuse(RefusedFrame(DiscardReason.MALFORMED, "HELLO", field, came, hint=hint))
            return self._refuse(hello, ByeReason.PROTOCOL)
        grant = self._known(hello.host_nonce) or self._nominate(hello, version)
        grant.sent(now)
        ack = HelloAck(
            host_nonce=grant.host_nonce,
            max_payload=grant.max_payload,
            version=grant.version,
            window=grant.window,
        )
        payload = ack.encode()
        return (Frame(FrameType.HELLO_ACK, link=grant.nonce, payload=payload, version=grant.version),)

    def _refuse(self, hello: Hello, reason: ByeReason, retry_after_ms: int = 0) -> Sequence[Decision]:
        bye = Bye(reason=reason, host_nonce=hello.host_nonce, retry_after_ms=retry_after_ms)
        return (Farewell(bye),)

    def _known(self, host_nonce: int) -> Grant | None:
        """What this host was granted already: its HELLO was repeated before our answer came."""
        for grant in (self._live, self.granted):
            if grant is not None and grant.host_nonce == host_nonce:
                return grant
        return None

    def _nominate(self, hello: Hello, version: int) -> Grant:
        """Makes a candidate, in place of the one before."""
        self.granted = Grant(
            nonce=self._fresh_nonce(),
            version=version,
            max_payload=min(hello.max_payload, self._params.max_payload),
            window=min(hello.max_window, self._params.max_window),
            host_nonce=hello.host_nonce,
        )
        self._gate.nominate(self)
        return self.granted

    def _fresh_nonce(self) -> int:
        """Names a link. 0 means none, and a name must not come twice: frames of the earlier link would revive."""
        used = {0, self._last_nonce}
        if self._live is not None:
            used.add(self._live.nonce)
        for _ in range(NONCE_DRAWS):
            nonce = self._nonce() & 0xFFFF_FFFF
            if nonce not in used:
                self._last_nonce = nonce
                return nonce
        raise LinkStateError("the source of nonces repeats itself")

    def hear_bye(self, link: int, bye: Bye, now: float) -> Sequence[Decision]:
        """The host does not want what it was granted."""
        if self.granted is not None and link == self.granted.nonce:
            self.withdraw()
        elif link:  # else the refusal of some HELLO, which is no business of a device
            wanted = self.granted.nonce if self.granted is not None else 0
            self._tally.refuse(RefusedFrame(DiscardReason.STALE_LINK, "BYE", "link", link, wanted))
        return ()

    def tick(self, now: float) -> Sequence[Decision]:
        """A device that listens waits for nothing."""
        return ()

    def deadline(self) -> float | None:
        """Never."""
        return None

    def used(self) -> None:
        """The host uses the link that it was granted: the candidates of all pipes are forgotten."""
        self._live, self.granted = self.granted, None
        self._gate.elect(self)

    def forget_candidate(self) -> None:
        """A link went live, on this pipe or another, so that a half-open one here is void."""
        self.granted = None
        self._forgotten()

    def withdraw(self) -> None:
        """Gives the candidate up."""
        self._gate.withdraw(self)
        self.forget_candidate()

    def ended(self) -> None:
        """The live link is over, and others may have the device. A candidate stays one."""
        self._live = None
        self._gate.release(self)
