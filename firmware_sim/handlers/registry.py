"""Where the handlers of the simulated devices are registered."""

from typing import Final

from bwc_protocol.declare import Handlers
from firmware_sim.camera.session import CameraSession
from firmware_sim.station.session import StationSession

CAMERA: Final[Handlers[CameraSession]] = Handlers()
STATION: Final[Handlers[StationSession]] = Handlers()
