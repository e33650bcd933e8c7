"""What a docking station does between its uplink and its bays: it joins streams that it cannot read (spec: Station).

A station is the device of its uplink and the host of each bay's link. Both are terminated here; only bytes pass
between channel n of the uplink and channel 0 of the camera in bay n. Sans-IO: the owner of the links hands their
events in, and sends what `stirred` names.
"""

from collections import deque
from dataclasses import dataclass
from typing import ClassVar, Final

from bwc_protocol.link import (
    ChannelData,
    ChannelOpened,
    ChannelReset,
    Link,
    LinkDown,
    LinkDownReason,
    LinkEvent,
    LinkUp,
    ResetReason,
)

CAMERA_CHANNEL: Final = 0  # the device itself, on the link of a bay
UPLINK: Final = 0  # what `Relay.stirred` calls the uplink: there is no bay 0
SPLICE_AHEAD_S: Final = 0.5
"""What waits in each of a splice's two buffers on a way stays under what the sink carries in this time, and is never
less than one frame: with sixteen busy bays behind a slow uplink, an answer would else wait behind sixteen windows."""
RETRY_MAX_MS: Final = 65_535
"""Longest time that a RESET can name; a camera that says more is asked again earlier, and says so again."""


class Way:
    """One direction of a splice: at most one window, and a frame, wait for the sink.

    Where the sink is slow, less than a window waits: the source's slots are given back only as far as what then comes
    is carried within `SPLICE_AHEAD_S`.
    """

    __slots__ = ("_bound", "_from", "_held", "_kept", "_sink", "_slots", "_source", "_to")

    def __init__(self, source: Link, source_channel: int, sink: Link, sink_channel: int) -> None:
        self._source, self._from = source, source_channel
        self._sink, self._to = sink, sink_channel
        self._bound = sink.window_bytes(sink_channel)
        self._slots = source.window_bytes(source_channel) // source.max_payload
        self._held: deque[bytes] = deque()  # not yet taken: each occupies a slot of the source's window
        self._kept = self._slots - self._slots_for(
            self._pace()
        )  # slots kept back: of what was passed on, or never given
        source.withhold(source_channel, self._kept)

    @property
    def waiting(self) -> bool:
        """Whether bytes wait for room on the other side."""
        return bool(self._held)

    def take(self, data: bytes, now: float) -> bool:
        """The next bytes of the source; whether any were passed on."""
        self._held.append(data)
        return self.flow(now)

    def flow(self, now: float) -> bool:
        """Reads from the source while the sink's buffer has room; whether anything moved, bytes or the window."""
        held = self._held
        pace = self._pace()
        ahead = min(self._bound, max(1.0, pace))
        moved = False
        while held and self._sink.outstanding(self._to) < ahead:
            self._sink.send(self._to, held.popleft(), now)  # a silence before was no waiting
            self._kept += 1
            moved = True
        return self._give_back(pace) or moved

    def _pace(self) -> float:
        """Bytes that the sink carries within `SPLICE_AHEAD_S`."""
        return self._sink.channel_rate(self._to) * SPLICE_AHEAD_S

    def _slots_for(self, pace: float) -> int:
        """How many of the source's slots may be taken or free."""
        return max(1, min(self._slots, int(pace) // self._source.max_payload))

    def _give_back(self, pace: float) -> bool:
        """Frees slots of what was passed on; whether any."""
        free = self._kept - (self._slots - self._slots_for(pace))
        if free <= 0:
            return False
        self._kept -= free
        self._source.consumed(self._from, free)
        return True


class Splice:
    """One epoch of an uplink's channel, joined to one epoch of a camera's channel.

    When either ends it is dropped, and both buffers with it; it is never used again. That the camera's channel
    opens only after the RESET of its last epoch was answered is the link's own rule: what is passed on before
    waits inside it.
    """

    __slots__ = ("_bay", "channel", "down", "up", "uplink")
    way_type: ClassVar[type[Way]] = Way

    def __init__(self, uplink: Link, channel: int, bay: Link) -> None:
        bay.open_channel(CAMERA_CHANNEL)
        self.uplink = uplink
        self.channel = channel
        self._bay = bay
        self.down = self.way_type(uplink, channel, bay, CAMERA_CHANNEL)
        self.up = self.way_type(bay, CAMERA_CHANNEL, uplink, channel)

    def uplink_ended(self, reason: ResetReason, now: float) -> None:
        """The uplink's epoch is over: resets the camera's channel."""
        self._bay.reset(CAMERA_CHANNEL, reason, now)

    def bay_ended(self, reason: ResetReason, now: float, retry_after_ms: int = 0) -> None:
        """The camera's epoch is over: resets the uplink's channel."""
        self.uplink.reset(self.channel, reason, now, retry_after_ms)


@dataclass(frozen=True, slots=True)
class _Absent:
    """Why a bay cannot be opened."""

    reason: ResetReason = ResetReason.NO_DEVICE
    retry_after_ms: int = 0


NOTHING_THERE: Final = _Absent()


class Relay:
    """All splices of one station with `bays` bays, which are numbered from 1 and are their channels' numbers.

    A station may have several uplink pipes; its gate keeps all but one of them out. After each call, `stirred`
    names the links that have something to send.
    """

    splice_type: ClassVar[type[Splice]] = Splice

    def __init__(self, bays: int) -> None:
        self.bays = bays
        self._links: dict[int, Link] = {}  # the live link of each bay
        self._absent: dict[int, _Absent] = {}
        self._splices: dict[int, Splice] = {}
        self._waiting: set[int] = set()  # bays whose bytes wait for room on the uplink
        self._stirred: set[int] = set()

    def live(self, bay: int) -> bool:
        """Whether the camera in a bay can be opened."""
        return bay in self._links

    def spliced(self, bay: int) -> bool:
        """Whether a host uses the camera in a bay."""
        return bay in self._splices

    def stirred(self) -> set[int]:
        """Drains which links have something to send: numbers of bays, and `UPLINK`."""
        stirred, self._stirred = self._stirred, set()
        return stirred

    # The uplink

    def uplink_event(self, uplink: Link, event: LinkEvent, now: float) -> bool:
        """Takes what concerns a bay's channel; False for what is not for the relay, or not for it alone."""
        match event:
            case ChannelData(channel=channel, data=data) if channel:
                splice = self._splices.get(channel)
                if splice is not None and splice.uplink is uplink and splice.down.take(data, now):
                    self._stirred.add(channel)
                return True
            case ChannelOpened(channel=channel) if channel:
                self._opened(uplink, channel, now)
                return True
            case ChannelReset(channel=channel, reason=reason) if channel:
                self._uplink_ended(channel, reason, now)
                return True
            case LinkDown():
                for bay in [bay for bay, splice in self._splices.items() if splice.uplink is uplink]:
                    self._uplink_ended(bay, ResetReason.NORMAL, now)
                return False
            case _:
                return False

    def _opened(self, uplink: Link, channel: int, now: float) -> None:
        self._uplink_ended(channel, ResetReason.NORMAL, now)  # of another pipe, which has not been missed yet
        link = self._links.get(channel)
        if link is None:
            absent = self._absent.get(channel, NOTHING_THERE)
            uplink.reset(channel, absent.reason, now, absent.retry_after_ms)
            self._stirred.add(UPLINK)
        else:
            self._splices[channel] = self.splice_type(uplink, channel, link)

    def _uplink_ended(self, bay: int, reason: ResetReason, now: float) -> None:
        splice = self._splices.pop(bay, None)
        if splice is not None:
            splice.uplink_ended(reason, now)
            self._stirred.add(bay)

    # The bays

    def bay_event(self, bay: int, link: Link, event: LinkEvent, now: float) -> None:
        """Takes what happened on the link of a bay."""
        match event:
            case LinkUp():
                self._absent.pop(bay, None)
                self._links[bay] = link
            case LinkDown(reason=LinkDownReason.BUSY, retry_after_ms=retry_after_ms):
                self.leave(bay, ResetReason.BUSY, now, min(retry_after_ms or 0, RETRY_MAX_MS))
            case LinkDown():
                self.leave(bay, ResetReason.NO_DEVICE, now)
            case ChannelData(data=data):
                splice = self._splices.get(bay)
                if splice is None:
                    link.consumed(CAMERA_CHANNEL)
                else:
                    if splice.up.take(data, now):
                        self._stirred.add(UPLINK)
                    if splice.up.waiting:
                        self._waiting.add(bay)
            case ChannelReset(reason=reason, retry_after_ms=retry_after_ms):
                self._bay_ended(bay, _Absent(reason, retry_after_ms), now)
            case ChannelOpened():
                pass  # a host opens channels; a device never does

    def leave(self, bay: int, reason: ResetReason, now: float, retry_after_ms: int = 0) -> None:
        """The link of a bay is over: UNDOCKED ends what a host has open, and openings get NO_DEVICE from now on;
        any other `reason` is what openings get, too."""
        self._links.pop(bay, None)
        ending = _Absent(reason, retry_after_ms)
        self._absent[bay] = NOTHING_THERE if reason is ResetReason.UNDOCKED else ending
        self._bay_ended(bay, ending, now)

    def _bay_ended(self, bay: int, why: _Absent, now: float) -> None:
        splice = self._splices.pop(bay, None)
        if splice is not None:
            splice.bay_ended(why.reason, now, why.retry_after_ms)
            self._stirred.add(UPLINK)

    # Room

    def flow(self, link: int, now: float) -> None:
        """Passes on what has waited for room on a link, named as `stirred` names it: to be called when
        acknowledgements may have come on it.

        What is passed on stirs both ends: the one that carries it, and the one whose window it leaves, which has to
        hear so at once. Its sender waits with a closed window, and would find out only by a probe.
        """
        if link != UPLINK:
            splice = self._splices.get(link)
            if splice is not None and splice.down.waiting and splice.down.flow(now):
                self._stirred.update((link, UPLINK))
            return
        for bay in tuple(self._waiting):
            splice = self._splices.get(bay)
            if splice is not None and splice.up.flow(now):
                self._stirred.update((UPLINK, bay))
            if splice is None or not splice.up.waiting:
                self._waiting.discard(bay)
