"""Serves one pipe as a device: a thin shell around `Endpoint` in the device's role (spec: Link).

A device never speaks first. All pipes of one device share its gate, so that a second host is told BUSY.
"""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Final

from bwc_protocol.conversation import (
    Closed,
    Conversation,
    ConversationEvent,
    Established,
    Failed,
    PeerInfo,
    RequestNotPermitted,
    RequestReceived,
    StreamCancelled,
    StreamFinished,
    StreamReceived,
)
from bwc_protocol.endpoint import COARSE_S, Answer, Endpoint, OnChannel
from bwc_protocol.frame import MAX_PAYLOAD, Reset, ResetReason
from bwc_protocol.link import (
    ChannelReset,
    LinkDown,
    LinkEvent,
    LinkParams,
    LinkRole,
    LinkState,
    LinkUp,
)
from bwc_protocol.session.interface import SessionFactory
from firmware_sim.device.device import SimDevice
from firmware_sim.device.pipe import Pipe
from firmware_sim.device.session import DeviceSession

log = logging.getLogger(__name__)

BURST: Final = 1_048_576
"""Bytes handed to the pipe at once: fewer, larger writes are what makes a fast link fast."""

NO_ROOM_MS: Final = 1_000
"""When a host that was refused for want of room may come again."""
ROUNDING_S: Final = 1e-6
"""The device's time is computed out of the loop's, and may come out lower in its last digits."""


class DevicePort(ABC):
    """One pipe of one device. Belongs to the event loop that it is made on."""

    def __init__(
        self,
        device: SimDevice,
        pipe: Pipe,
        name: str,
        *,
        channels: int = 1,
        max_payload: int = MAX_PAYLOAD,
        relayed: Callable[[LinkEvent, float], bool] | None = None,
        by_radio: bool = False,
    ) -> None:
        self.device = device
        self.by_radio = by_radio
        self.pipe = pipe
        self.name = name
        self._loop = asyncio.get_running_loop()
        device.time.follow(self._loop)
        params = LinkParams(max_payload=min(max_payload, pipe.max_payload), channels=channels)
        link = device.profile.link(LinkRole.DEVICE, params, nonce=self._nonce, gate=device.gate)
        self.endpoint = Endpoint(link, self._converse, relayed)
        self._conversations: dict[int, Conversation] = {}
        self._sessions: dict[int, DeviceSession] = {}
        self._shaking: set[int] = set()
        """Channels whose host is not judged yet."""
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._moved = False  # something came or went since the deadlines were looked at
        self._pumping = False
        self._over = False
        device.serve_by(self)

    def _nonce(self) -> int:
        return self.device.entropy.getrandbits(32)

    def _converse(self, channel: int) -> Answer:
        """The device's end of a conversation on a channel that a host opened, or why there is none."""
        trust = self.device.trust
        if trust is None:
            made = self.new_conversation(None)
        else:
            self.device.glance()
            sessions = trust.opening(by_radio=self.by_radio)
            if isinstance(sessions, Reset):
                return sessions
            try:
                made = self.new_conversation(sessions)
            except (OSError, MemoryError) as error:  # it lacks files or memory, which is not the host's fault
                log.warning("%s: no session can be made: %s", self.name, error)
                return Reset(reason=ResetReason.BUSY, retry_after_ms=NO_ROOM_MS)
            self._left(channel)  # another life of the channel has begun
            self._shaking.add(channel)
        self._conversations[channel] = made
        return made

    # What the kind of device adds

    @abstractmethod
    def new_conversation(self, session: SessionFactory | None) -> Conversation:
        """A conversation that `session` protects; None: whatever the device's profile says."""

    @abstractmethod
    def new_session(self, conversation: Conversation, peer: PeerInfo) -> DeviceSession:
        """The session of a host that is ready."""

    def rested(self) -> None:  # noqa: B027  # a camera has nothing to do then
        """Everything that came was acted upon."""

    # The pipe's user

    def received(self, data: bytes | memoryview) -> None:
        if not self.device.awake() or not (self.device.plugged or self.by_radio):
            return  # switched off, still booting, or without its cable: nobody hears it
        with self.device.powered():
            self.endpoint.receive(data, self._loop.time())
            self.pump()

    @property
    def live(self) -> bool:
        return self.endpoint.link.state is LinkState.LIVE

    def writable(self) -> None:
        with self.device.powered():
            self.pump()

    def host_left(self) -> None:
        with self.device.powered():
            self.endpoint.pipe_lost(self._loop.time())
            self._dispatch()
        self._look_soon()
        self.rested()

    def lost(self) -> None:
        if not self._over:
            self._over = True
            with self.device.powered():
                self.endpoint.pipe_lost(self._loop.time())
                self._dispatch()
            self.device.ports.remove(self)
            self._disarm()
            self.rested()

    # The device's port

    def pull(self) -> None:
        self.pipe.pull()
        self.lost()

    @property
    def deserted(self) -> bool:
        return self._loop.is_closed()

    def drop(self, orderly: bool) -> None:
        if self.deserted:
            self.lost()
            return
        if orderly:
            self.endpoint.close(self._loop.time())
            self.pump()
        else:
            self.endpoint.pipe_lost(self._loop.time())
            self._dispatch()
            self.rested()
        self.pipe.restarted()

    # The pump

    def pump(self) -> None:
        """Moves events up and bytes down until there is nothing more to do now."""
        if self._pumping or self._over:
            return  # the pump that is running does it
        self._move()
        self._look_soon()
        self.rested()

    def _move(self) -> None:
        self._pumping = True
        try:
            self._dispatch()
            while True:
                room = min(self.pipe.room(), BURST)
                parts = self.endpoint.outgoing(self._loop.time(), room) if room > 0 else []
                if parts:
                    self.pipe.write(parts)
                if not self._dispatch() and (not parts or sum(map(len, parts)) < room):
                    break  # that was all, and nothing happened that could bring more
        finally:
            self._pumping = False

    def _look_soon(self) -> None:
        """Has the deadlines looked at within `COARSE_S`: cheaper than to look after every frame."""
        self._moved = True
        soon = self._loop.time() + COARSE_S
        if self._over:
            self._disarm()
        elif self._timer is None or self._timer_at > soon:
            self._arm(soon)

    def _arm_exactly(self) -> None:
        """Sets the timer for whatever is due next: of the link, or of a device that somebody watches."""
        due = [self.endpoint.deadline()]
        if self._sessions:
            device_due = self.device.deadline()
            if device_due is not None:
                due.append(self._loop.time() + device_due - self.device.time())
        known = [at for at in due if at is not None]
        self._arm(min(known) if known and not self._over else None)

    def _arm(self, at: float | None) -> None:
        self._disarm()
        if at is not None:
            self._timer_at = at
            self._timer = self._loop.call_at(at, self._tick)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _device_is_due(self) -> bool:
        """Whether the device itself asked to be looked at; most ticks are the link's, every few ms of a transfer."""
        due = self.device.deadline()
        return due is not None and due <= self.device.time() + ROUNDING_S

    def _tick(self) -> None:
        self._timer = None
        with self.device.powered():
            self._tick_powered()

    def _tick_powered(self) -> None:
        if self._sessions and self._device_is_due():
            self.device.glance()
        now = self._loop.time()
        moved, self._moved = self._moved, False
        self.endpoint.tick(now)
        if not self._over:
            self._move()
        if moved and not self._over:
            self._arm(now + COARSE_S)  # while there is traffic, the exact time is not worth finding out
        else:
            self._arm_exactly()
        self.rested()

    # What happened

    def _dispatch(self) -> bool:
        """Acts on what happened; whether anything did."""
        happened = False
        while events := self.endpoint.events():
            happened = True
            for event in events:
                match event:
                    case OnChannel(channel=channel, event=inner):
                        self._converse_event(channel, inner)
                    case ChannelReset(channel=channel, reason=reason):
                        self._end(channel, f"channel reset: {reason.name}")
                    case LinkUp():
                        log.debug("%s: link up, frames of %d bytes", self.name, event.max_payload)
                    case LinkDown(reason=down):
                        log.debug("%s: link down, %s", self.name, down.value)
                        for channel in self._shaking | self._sessions.keys():
                            self._end(channel, f"link down: {down.value}")
        return happened

    def _converse_event(self, channel: int, event: ConversationEvent) -> None:
        session = self._sessions.get(channel)
        match event:
            case Established(peer=peer):
                self._shaking.discard(channel)
                if self.device.trust is not None:
                    self.device.trust.host_came(peer.certificate, peer.roles)
                session = self.new_session(self._conversations[channel], peer)
                self._sessions[channel] = session
                self.device.sessions.add(session)
                secure = "secure" if peer.secure else "insecure"
                session.begun(f"{peer.roles}, {secure}, on {self.name}")
            case RequestReceived(request_id=request_id, request=request):
                if session is not None:
                    self.device.glance()
                    if self.device.running:  # else it went off just now: nobody is left who could answer
                        session.answer(request_id, request)
            case RequestNotPermitted(command=command):
                if session is not None:
                    session.not_permitted(command)
            case StreamReceived(stream=stream, data=data):
                if session is not None:
                    session.upload_data(stream, data)
            case StreamFinished(stream=stream) | StreamCancelled(stream=stream):
                if session is not None:
                    session.upload_gone(stream)
            case Failed(reason=reason, detail=detail, check=check):
                log.debug("%s: conversation failed: %s (%s)", self.name, reason.value, detail)
                self._shaking.discard(channel)
                if session is None and self.device.trust is not None:
                    self.device.trust.handshake_failed(check, detail)
                self._end(channel, f"{reason.value}: {detail}")
            case Closed():
                self._end(channel, "closed by the host")
            case _:
                pass  # replies and events: a conversation in the device's role refuses them by itself

    def _left(self, channel: int) -> None:
        """A handshake that was under way on the channel, if any, has ended before its host was judged."""
        if channel in self._shaking:
            self._shaking.discard(channel)
            if self.device.trust is not None:
                self.device.trust.handshake_left()

    def _end(self, channel: int, why: str) -> None:
        self._left(channel)
        session = self._sessions.pop(channel, None)
        if session is not None:
            session.ended(why)
