"""What a connection had seen when it did not come about: facts, the fault that they show, and what has to come next.

For whoever builds the other end: each names one thing, in the specification's words (spec: Link, Channel, Session).
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from bwc_protocol.conversation import State
from bwc_protocol.frame import SYNC, FrameType
from bwc_protocol.link import (
    ChannelCounters,
    DiscardReason,
    Link,
    LinkCounters,
    LinkState,
    RefusedFrame,
    Standing,
)
from bwc_protocol.session.preamble import SIZE as PREAMBLE_SIZE

SHOWN_BYTES: Final = 16
"""Bytes of what is no frame that a message shows."""


class ConnectStage(enum.Enum):
    """How far a connection came. The values say what it waited for."""

    HELLO = "HELLO was said, and no link was granted"
    PING = "a link was granted, and nothing came on it"
    PREAMBLE = "the channel was opened by our preamble, and no whole preamble came back"
    HANDSHAKE = "both preambles are there, and the session was not made"
    INFO = "the session was made, and no session.info came"
    READY = "it was ready"


_OF_LINK: Final = {LinkState.CALLING: ConnectStage.HELLO, LinkState.CHECKING: ConnectStage.PING}
_OF_STATE: Final = {
    State.PREAMBLE: ConnectStage.PREAMBLE,
    State.HANDSHAKE: ConnectStage.HANDSHAKE,
    State.INFO: ConnectStage.INFO,
    State.READY: ConnectStage.READY,
}


class Fault(NamedTuple):
    """What the facts show: what does not hold, and what the device has to send, or to do."""

    rule: str
    next: str


@dataclass(frozen=True, slots=True)
class LinkSeen:
    """What had been seen of a device when a connection ended."""

    stage: ConnectStage
    link: LinkCounters = field(default_factory=LinkCounters)
    """Of the whole pipe."""
    channel: ChannelCounters = field(default_factory=ChannelCounters)
    """Of the connection's own channel."""
    refused: tuple[RefusedFrame, ...] = ()
    """Of each reason for which frames were thrown away the last one, with what did not hold."""
    standing: Standing | None = None
    """Where the channel stood; None if it never was open."""
    strange: bytes = b""
    """The first bytes that belonged to no frame."""

    @property
    def fault(self) -> Fault | None:
        """The first thing to mend; None where the facts show none."""
        return next(_faults(self), None)

    @property
    def next(self) -> str:
        """What the device should have sent next."""
        fault = self.fault
        return fault.next if fault is not None else _NEXT[self.stage]

    def lines(self) -> Iterator[str]:
        """The facts, for people; none of a port that was silent."""
        if not self.link.bytes_in:
            return
        kinds = ", ".join(f"{count} {kind.name}" for kind, count in self.link.came.items() if count)
        frames = f"frames: {self.link.frames_in} ({kinds})" if kinds else "no frame"
        yield f"{frames} in {self.link.bytes_in} bytes; sent: {self.link.frames_out}"
        last = {one.reason: one for one in self.refused}
        for reason, count in self.link.discarded.items():
            if count:
                rule = f", the last: {last[reason].rule}" if reason in last else ""
                yield f"thrown away as {reason.value!r}: {count}{rule}"
        if self.link.skipped_bytes and self.strange:
            yield f"{self.link.skipped_bytes} bytes that belong to no frame: {shown(self.strange)}"
        yield f"it stopped here: {self.stage.value}"

    def plain(self) -> dict[str, Any]:
        """The same for JSON."""
        return {
            "stage": self.stage.name.lower(),
            "next": self.next,
            "link": self.link.plain(),
            "channel": self.channel.plain(),
            "refused": [
                {
                    "reason": one.reason.name.lower(),
                    "frame": one.frame,
                    "field": one.field,
                    "came": one.came,
                    "wanted": one.wanted,
                    "rule": one.rule,
                }
                for one in self.refused
            ],
            "standing": None if self.standing is None else self.standing._asdict(),
            "strange": self.strange.hex(),
        }


def seen_on(link: Link, channel: int, reached: State | None, during: LinkState | None = None) -> LinkSeen:
    """What `link` shows now of the connection on `channel`, whose conversation `reached` that state, None for none.

    `during` is where the link stood before it went down.
    """
    stage = _OF_LINK.get(during or link.state)
    if stage is None:
        stage = _OF_STATE.get(reached, ConnectStage.PREAMBLE) if reached is not None else ConnectStage.PING
    return LinkSeen(
        stage=stage,
        link=link.counters,
        channel=link.channel_counters(channel),
        refused=link.refused,
        standing=link.standing(channel),
        strange=link.strange,
    )


def shown(data: bytes) -> str:
    """Bytes in hexadecimal, and as text where they are that."""
    head = data[:SHOWN_BYTES]
    text = head.decode("ascii", "replace")
    said = f" ({text!r})" if text.isprintable() and "\ufffd" not in text else ""
    return head.hex(" ") + (" …" if len(data) > SHOWN_BYTES else "") + said


_NEXT: Final = {
    ConnectStage.HELLO: "HELLO_ACK, with the host_nonce of the HELLO in its payload, and a new nonce as `link`",
    ConnectStage.PING: "PONG, with the `link`, `channel`, `epoch` and `seq` of the PING",
    ConnectStage.PREAMBLE: f"its own preamble, {PREAMBLE_SIZE} bytes of DATA from `seq` 0 in the host's epoch",
    ConnectStage.HANDSHAKE: "the device's flight of the session, right behind its preamble: the client speaks first",
    ConnectStage.INFO: "session.info, once it has the host's flight of the session",
    ConnectStage.READY: "",
}

_FORGOTTEN: Final = Fault(
    "it grants a link, and says BYE to the PING on it",
    "PONG: the PING carries the nonce that stood in the header of its HELLO_ACK",
)
_FIELDS: Final = {
    "host_nonce": "the host_nonce of the HELLO that it answers",
    "link": "the `link` that its HELLO_ACK named",
    "epoch": "the `epoch` of the host's DATA: the host alone counts it up",
    "seq": "`seq` 0 first in each epoch, then one more with each DATA frame, and the same again in a repeat",
    "header CRC-32C": "CRC-32C (Castagnoli) over bytes 0 to 19 of the header, little-endian",
    "payload CRC-32C": "CRC-32C (Castagnoli) over bytes 0 to 19 of the header, then the payload, little-endian",
    "channel": "channel 0, or the number of a bay",
    "type": "one of the types of frames",
}
"""What has to be in a field that did not fit."""

_PRECEDENCE: Final = (
    DiscardReason.HEADER_CRC,
    DiscardReason.PAYLOAD_CRC,
    DiscardReason.OVERSIZE,
    DiscardReason.MALFORMED,
    DiscardReason.STALE_LINK,
    DiscardReason.STALE_EPOCH,
    DiscardReason.OUT_OF_WINDOW,
)
"""From the lowest layer up: what is wrong below is to be mended first. Duplicates are no fault of their own."""


def _faults(seen: LinkSeen) -> Iterator[Fault]:
    """The most telling first."""
    met = seen.link
    if seen.stage is ConnectStage.READY or not met.bytes_in:
        return
    if not met.frames_in and not met.discarded.total:
        if seen.strange.startswith(SYNC[::-1]):
            rule = "its frames begin with the two bytes of sync the wrong way round"
            yield Fault(rule, f"frames that begin with {SYNC.hex(' ')}, as all numbers go little-endian")
            return
        yield Fault(f"it sends bytes, but speaks another protocol: {shown(seen.strange)}", "")
        return
    refused = {one.reason: one for one in seen.refused}
    for reason in _PRECEDENCE:
        one = refused.get(reason)
        if one is not None and _tells(seen, one):
            wanted = _FIELDS.get(one.field, "")
            yield Fault(f"it sent {one.rule}", f"{one.frame} with {wanted}" if wanted else _NEXT[seen.stage])
    if seen.stage is ConnectStage.HELLO:
        yield from _without_link(met)
    elif seen.stage is ConnectStage.PING:
        if met.came[FrameType.BYE]:
            yield _FORGOTTEN
        yield Fault("it granted a link, and answers no PING on it", _NEXT[ConnectStage.PING])
    else:
        yield from _on_channel(seen)


def _tells(seen: LinkSeen, last: RefusedFrame) -> bool:
    """Whether what was thrown away for that reason stands in the way, and is no accident of the line or old news."""
    count, frames = seen.link.discarded[last.reason], seen.link.frames_in
    match last.reason:
        case DiscardReason.HEADER_CRC | DiscardReason.PAYLOAD_CRC:
            return count > 0 and (bool(last.hint) or count * 4 >= frames)
        case DiscardReason.STALE_LINK if seen.stage is ConnectStage.HELLO:
            return count > 0 and last.field == "host_nonce"  # else frames of a link that was never granted
        case DiscardReason.STALE_LINK if seen.stage is not ConnectStage.PING:
            return count > 1  # one may come from the link before
        case _:
            return count > 0


def _without_link(met: LinkCounters) -> Iterator[Fault]:
    if met.came[FrameType.HELLO]:
        yield Fault("it returns what it is sent: is it a loop?", "")
    elif met.came[FrameType.HELLO_ACK] and met.came[FrameType.BYE]:
        yield _FORGOTTEN
    else:
        kinds = " and ".join(kind.name for kind, count in met.came.items() if count)
        yield Fault(f"it answers HELLO with {kinds}, not with HELLO_ACK", _NEXT[ConnectStage.HELLO])


def _on_channel(seen: LinkSeen) -> Iterator[Fault]:
    met, now = seen.channel, seen.standing
    if met.early_acks:
        rule = "it acknowledges frames that were never sent"
        yield Fault(rule, "`ack` is the number of the next frame that it expects: 1 behind frame 0")
    if now is not None and now.sack:
        yield Fault(
            f"its DATA with `seq` {now.ack} is missing, and later ones came",
            f"DATA with `seq` {now.ack}, again until it is acknowledged",
        )
    if met.missing_acks:
        rule = "it answers on the channel, and its `ack` stays 0"
        yield Fault(
            rule,
            "`ack` 1 in all of its frames, once frame 0 has come: the number of the next that it expects",
        )
    if now is not None and now.in_flight and not met.bytes_in:
        rule = f"it acknowledges none of {met.frames_out} DATA frames that were sent to it"
        yield Fault(rule, "ACK with `ack` 1 and a `window`, in the channel and the epoch of the DATA")
    if now is not None and not now.in_flight and not now.window and now.waiting_bytes:
        rule = f"its window stays 0, and {now.waiting_bytes} bytes wait for it"
        yield Fault(rule, "ACK or PONG with a `window` above 0, as soon as there is room for a frame")
    if seen.stage is ConnectStage.PREAMBLE:
        if met.bytes_in:
            rule = f"only {met.bytes_in} of the {PREAMBLE_SIZE} bytes of its preamble came"
        else:
            rule = "it took our preamble, and sent none"
        yield Fault(rule, _NEXT[seen.stage])
    else:
        yield Fault(f"it came to a stop: {seen.stage.value}", _NEXT[seen.stage])
