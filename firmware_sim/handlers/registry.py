"""Where the handlers of the simulated devices are registered."""

from typing import Final

from bwc_protocol.declare import Handlers
from firmware_sim.camera_session import CameraSession
from firmware_sim.station_session import StationSession

CAMERA: Final[Handlers[CameraSession]] = Handlers()
STATION: Final[Handlers[StationSession]] = Handlers()
