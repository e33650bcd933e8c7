"""Serves one pipe of a camera."""

from bwc_protocol.conversation import Conversation, PeerInfo
from bwc_protocol.session.interface import SessionFactory
from firmware_sim.camera.camera import SimCamera
from firmware_sim.camera.session import CameraSession
from firmware_sim.device.pipe import Pipe
from firmware_sim.device.session import DeviceSession
from firmware_sim.handlers import CAMERA
from firmware_sim.serving.port import DevicePort


class CameraPort(DevicePort):
    """One pipe of one camera, `by_radio` or over a cable. With `reads_only` hosts on it may ask, and change or carry
    off nothing."""

    def __init__(
        self, camera: SimCamera, pipe: Pipe, name: str, *, reads_only: bool = False, by_radio: bool = False
    ) -> None:
        self.camera = camera
        self._reads_only = reads_only
        super().__init__(camera, pipe, name, max_payload=camera.options.max_payload, by_radio=by_radio)

    def new_conversation(self, session: SessionFactory | None) -> Conversation:
        camera = self.camera
        conversation = camera.profile.conversation(
            camera.serial, camera.boot_counter, camera.entropy, session, camera.deny_counter
        )
        if self._reads_only:
            conversation.only_reads(
                "by radio this device tells its state, and nothing more (radio.ble_docked)"
            )
        return conversation

    def new_session(self, conversation: Conversation, peer: PeerInfo) -> DeviceSession:
        handlers = self.camera.profile.handlers or CAMERA
        return CameraSession(self.camera, conversation, peer, handlers, self.pump)
