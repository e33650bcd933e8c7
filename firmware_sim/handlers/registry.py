"""Where the handlers of the simulated camera are registered."""

from typing import Final

from bwc_protocol.declare import Handlers
from firmware_sim.camera_session import CameraSession

CAMERA: Final[Handlers[CameraSession]] = Handlers()
