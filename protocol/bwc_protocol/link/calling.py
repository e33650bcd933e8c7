"""How a host gets a link: HELLO until it is granted one, PING until it is used (spec: Link)."""

from collections.abc import Callable, Sequence
from typing import Final

from bwc_protocol.frame import MIN_PAYLOAD, Bye, ByeReason, Frame, FrameType, Hello, HelloAck
from bwc_protocol.link.channel import FIRST_EPOCH
from bwc_protocol.link.counters import LinkTally
from bwc_protocol.link.events import LinkDown, LinkDownReason, LinkState, ended_by
from bwc_protocol.link.handshake import Decision, Farewell, Grant
from bwc_protocol.link.params import LinkParams
from bwc_protocol.link.refused import DiscardReason, RefusedFrame

REFUSALS: Final[dict[int, LinkDownReason]] = {
    ByeReason.BUSY: LinkDownReason.BUSY,
    ByeReason.VERSION: LinkDownReason.VERSION,
    ByeReason.PROTOCOL: LinkDownReason.PROTOCOL,
}
"""What a device answers to a HELLO that it does not grant."""


class Caller:
    """The host's opening: CLOSED, CALLING, CHECKING, and CLOSED again once the link is live or the attempt failed.

    `nonce` gives 32 random bits.
    """

    def __init__(self, params: LinkParams, tally: LinkTally, nonce: Callable[[], int]) -> None:
        self.state = LinkState.CLOSED
        self.granted: Grant | None = None
        self.max_payload = params.max_payload
        self._params = params
        self._tally = tally
        self._nonce = nonce
        self._host_nonce = 0
        self._open_until = 0.0
        self._phase_until = 0.0
        self._again_at = 0.0  # next HELLO or PING

    def open(self, now: float) -> Sequence[Decision]:
        """Begins to call."""
        self._open_until = now + self._params.connect_within_s
        return self._call(now)

    def _call(self, now: float) -> Sequence[Decision]:
        """Says HELLO, with a fresh nonce: an answer to an earlier HELLO must not count."""
        self.state = LinkState.CALLING
        self.granted = None
        self.max_payload = self._params.max_payload
        self._host_nonce = self._nonce() & 0xFFFF_FFFF
        self._phase_until = now + self._params.hello_for_s
        return self._send_hello(now)

    def _send_hello(self, now: float) -> Sequence[Decision]:
        params = self._params
        hello = Hello(
            host_nonce=self._host_nonce,
            max_payload=params.max_payload,
            lowest=params.lowest_version,
            highest=params.highest_version,
            max_window=params.max_window,
        )
        self._again_at = now + params.hello_every_s
        return (Frame(FrameType.HELLO, payload=hello.encode()),)

    def hear(self, frame: Frame, now: float) -> Sequence[Decision]:
        """Takes HELLO_ACK while calling. A late one is ignored, and so is the HELLO of another host, echoed."""
        if frame.type is not FrameType.HELLO_ACK or self.state is not LinkState.CALLING:
            return ()
        ack = HelloAck.decode(frame.payload)
        if ack.host_nonce != self._host_nonce:
            wanted = self._host_nonce
            self._tally.refuse(
                RefusedFrame(DiscardReason.STALE_LINK, "HELLO_ACK", "host_nonce", ack.host_nonce, wanted)
            )
            return ()
        fault = self._fault(frame.link, ack)
        if fault is not None:
            self._tally.refuse(fault)
            down = LinkDown(LinkDownReason.PROTOCOL)
            # The device may forget what it granted.
            return (down, Farewell(Bye(reason=ByeReason.PROTOCOL), frame.link)) if frame.link else (down,)
        self.granted = Grant(frame.link, ack.version, ack.max_payload, ack.window, ack.host_nonce)
        self.max_payload = ack.max_payload
        self.state = LinkState.CHECKING
        self._phase_until = now + self._params.hello_for_s
        return self._ask(self.granted, now)

    def _fault(self, link: int, ack: HelloAck) -> RefusedFrame | None:
        """Why a grant is none that could be answered to our HELLO."""
        params = self._params
        for field, came, low, high in (
            ("link", link, 1, 0xFFFF_FFFF),
            ("version", ack.version, params.lowest_version, params.highest_version),
            ("max_payload", ack.max_payload, MIN_PAYLOAD, params.max_payload),
            ("window", ack.window, 1, params.max_window),
        ):
            if not low <= came <= high:
                hint = (
                    "the nonce of the link goes there" if field == "link" else f"it has to be {low} to {high}"
                )
                return RefusedFrame(DiscardReason.MALFORMED, "HELLO_ACK", field, came, hint=hint)
        return None

    def _ask(self, granted: Grant, now: float) -> Sequence[Decision]:
        """Uses the granted link: only then does the device make it its own."""
        granted.sent(now)
        self._again_at = now + self._params.hello_every_s
        return (Frame(FrameType.PING, link=granted.nonce, epoch=FIRST_EPOCH, version=granted.version),)

    def hear_bye(self, link: int, bye: Bye, now: float) -> Sequence[Decision]:
        """Takes the refusal of our HELLO, or the end of the link that was granted and not yet used."""
        granted = self.granted
        if link == 0:
            if self.state is not LinkState.CALLING:
                return ()  # a refusal that comes late
            if bye.host_nonce != self._host_nonce:  # for another host
                came, wanted = bye.host_nonce, self._host_nonce
                self._tally.refuse(RefusedFrame(DiscardReason.STALE_LINK, "BYE", "host_nonce", came, wanted))
                return ()
            reason = REFUSALS.get(bye.reason)
            after_ms = bye.retry_after_ms if bye.reason is ByeReason.BUSY else None
        elif granted is None or link != granted.nonce:
            self._tally.refuse(
                RefusedFrame(DiscardReason.STALE_LINK, "BYE", "link", link, granted.nonce if granted else 0)
            )
            return ()
        elif bye.reason is ByeReason.UNKNOWN_LINK:
            return self._call(now)  # the device forgot the grant before it was used
        else:
            reason, after_ms = ended_by(bye.reason), None
        if reason is None:
            self._tally.refuse(RefusedFrame(DiscardReason.MALFORMED, "BYE", "reason", int(bye.reason)))
            return ()
        return (LinkDown(reason, after_ms),)

    def tick(self, now: float) -> Sequence[Decision]:
        """Says HELLO or PING again, or gives up."""
        granted = self.granted
        if self.state is LinkState.CLOSED:
            return ()
        if now >= min(self._phase_until, self._open_until):
            if granted is None:
                return (LinkDown(LinkDownReason.NO_ANSWER),)
            return (LinkDown(LinkDownReason.SILENT), Farewell(Bye(reason=ByeReason.SILENT), granted.nonce))
        if now < self._again_at:
            return ()
        return self._send_hello(now) if granted is None else self._ask(granted, now)

    def deadline(self) -> float | None:
        """When `tick` has something to do."""
        if self.state is LinkState.CLOSED:
            return None
        return min(self._again_at, self._phase_until, self._open_until)

    def used(self) -> None:
        """The first frame came: nothing more is to be said."""
        self.ended()

    def withdraw(self) -> None:
        """A host grants nothing that it could take back."""

    def ended(self) -> None:
        """Nothing is called until the next `open`."""
        self.state = LinkState.CLOSED
        self.granted = None
