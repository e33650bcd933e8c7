"""Serves one pipe as a camera: a thin shell around `Endpoint` in the device's role (spec: Link).

A device never speaks first. All pipes of one camera share its gate, so that a second host is told BUSY.
"""

import asyncio
import logging
from typing import Final

from bwc_protocol.conversation import (
    Closed,
    Conversation,
    ConversationEvent,
    Established,
    Failed,
    RequestReceived,
    StreamCancelled,
    StreamFinished,
    StreamReceived,
)
from bwc_protocol.endpoint import Endpoint, OnChannel
from bwc_protocol.link import ChannelReset, Link, LinkDown, LinkParams, LinkRole, LinkUp
from bwc_protocol.messages.audit import AuditKind
from firmware_sim.camera import SimCamera
from firmware_sim.camera_session import CameraSession
from firmware_sim.handlers import CAMERA
from firmware_sim.pipe import Pipe

log = logging.getLogger(__name__)

BURST: Final = 1_048_576
"""Bytes handed to the pipe at once: fewer, larger writes are what makes a fast link fast."""


class DevicePort:
    """One pipe of one camera. Belongs to the event loop that it is made on."""

    def __init__(self, camera: SimCamera, pipe: Pipe, name: str) -> None:
        self.camera = camera
        self.pipe = pipe
        self.name = name
        self._loop = asyncio.get_running_loop()
        camera.time.follow(self._loop)
        params = LinkParams(max_payload=pipe.max_payload)
        link = Link(LinkRole.DEVICE, params, nonce=self._nonce, gate=camera.gate)
        self.endpoint = Endpoint(link, self._converse)
        self._conversations: dict[int, Conversation] = {}
        self._sessions: dict[int, CameraSession] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._pumping = False
        self._over = False
        camera.dropped.append(self._drop)

    def _nonce(self) -> int:
        return self.camera.entropy.getrandbits(32)

    def _converse(self, channel: int) -> Conversation:
        camera = self.camera
        made = camera.manner.conversation(camera.serial, camera.boot_counter, camera.entropy)
        self._conversations[channel] = made
        return made

    # The pipe's user

    def received(self, data: bytes | memoryview) -> None:
        if not self.camera.awake():
            return  # switched off, or still booting: nobody hears it
        self.endpoint.receive(data, self._loop.time())
        self.pump()

    def writable(self) -> None:
        self.pump()

    def host_left(self) -> None:
        self.endpoint.pipe_lost(self._loop.time())
        self._dispatch()
        self._arm()

    def lost(self) -> None:
        if not self._over:
            self._over = True
            self.endpoint.pipe_lost(self._loop.time())
            self._dispatch()
            self.camera.dropped.remove(self._drop)
            self._disarm()

    def _drop(self, orderly: bool) -> None:
        """The camera goes down; in order it says so, else it just falls silent."""
        if orderly:
            self.endpoint.close(self._loop.time())
            self.pump()
        else:
            self.endpoint.pipe_lost(self._loop.time())
            self._dispatch()
        self.pipe.restarted()

    # The pump

    def pump(self) -> None:
        """Moves events up and bytes down until there is nothing more to do now."""
        if self._pumping or self._over:
            return  # the pump that is running does it
        self._pumping = True
        try:
            self._dispatch()
            while True:
                room = self.pipe.room()
                parts = self.endpoint.outgoing(self._loop.time(), min(room, BURST)) if room > 0 else []
                if parts:
                    self.pipe.write(parts)
                self._dispatch()
                if not parts:
                    break
        finally:
            self._pumping = False
        self._arm()

    def _arm(self) -> None:
        """Sets the timer for whatever is due next: of the link, or of a camera that somebody watches."""
        due = [self.endpoint.deadline()]
        if self._sessions:
            camera_due = self.camera.deadline()
            if camera_due is not None:
                due.append(self._loop.time() + camera_due - self.camera.time())
        known = [at for at in due if at is not None]
        if self._over or not known:
            self._disarm()
            return
        deadline = min(known)
        if self._timer is not None:
            if self._timer_at <= deadline:
                return  # it fires early, looks again, and costs less than a new timer for every frame
            self._timer.cancel()
        self._timer_at = deadline
        self._timer = self._loop.call_at(deadline, self._tick)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tick(self) -> None:
        self._timer = None
        if self._sessions:
            self.camera.glance()
        now = self._loop.time()
        deadline = self.endpoint.deadline()
        if deadline is not None and deadline <= now:
            self.endpoint.tick(now)
        self.pump()

    # What happened

    def _dispatch(self) -> None:
        while events := self.endpoint.events():
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
                        for channel in list(self._sessions):
                            self._end(channel, f"link down: {down.value}")

    def _converse_event(self, channel: int, event: ConversationEvent) -> None:
        session = self._sessions.get(channel)
        match event:
            case Established(peer=peer):
                handlers = self.camera.manner.handlers or CAMERA
                session = CameraSession(self.camera, self._conversations[channel], peer, handlers)
                self._sessions[channel] = session
                self.camera.sessions.add(session)
                secure = "secure" if peer.secure else "insecure"
                session.audit(AuditKind.SESSION_OPENED, f"{peer.roles!r}, {secure}, on {self.name}")
            case RequestReceived(request_id=request_id, request=request):
                if session is not None:
                    self.camera.glance()
                    session.answer(request_id, request)
            case StreamReceived(stream=stream, data=data):
                if session is not None:
                    session.upload_data(stream, data)
            case StreamFinished(stream=stream) | StreamCancelled(stream=stream):
                if session is not None:
                    session.upload_gone(stream)
            case Failed(reason=reason, detail=detail):
                log.debug("%s: conversation failed: %s (%s)", self.name, reason.value, detail)
                self._end(channel, f"{reason.value}: {detail}")
            case Closed():
                self._end(channel, "closed by the host")
            case _:
                pass  # replies and events: a conversation in the device's role refuses them by itself

    def _end(self, channel: int, why: str) -> None:
        session = self._sessions.pop(channel, None)
        if session is not None:
            session.ended(why)
