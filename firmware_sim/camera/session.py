"""One host's conversation with a camera (spec: Messages, Streams)."""

from __future__ import annotations

from collections.abc import Callable

from bwc_protocol.conversation import Conversation, PeerInfo
from bwc_protocol.declare import Handlers
from firmware_sim.camera.camera import SimCamera
from firmware_sim.device.session import DeviceSession


class CameraSession(DeviceSession):
    """What a camera's handler is given."""

    def __init__(
        self,
        camera: SimCamera,
        conversation: Conversation,
        peer: PeerInfo,
        handlers: Handlers[CameraSession],
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(camera, conversation, peer, handlers, wake)
        self.camera = camera

    def ended(self, why: str) -> None:
        """The conversation is over: what it had staged is dropped."""
        self.camera.settings.abort()
        super().ended(why)
