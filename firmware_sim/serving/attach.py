"""Puts a device behind a pipe, with or without a fault plan, and a line that is slower, between them."""

from collections.abc import Callable

from firmware_sim.camera.camera import SimCamera
from firmware_sim.device.pipe import LinkUser, Pipe
from firmware_sim.faults.arming import arm
from firmware_sim.faults.fault_pipe import FaultyPipe
from firmware_sim.faults.plan import FaultCount
from firmware_sim.serving.camera_port import CameraPort
from firmware_sim.serving.station_port import StationPort
from firmware_sim.serving.throttle import ThrottledPipe
from firmware_sim.station.station import SimStation


def attach(
    device: SimCamera | SimStation,
    pipe: Pipe,
    name: str,
    faults: FaultCount | None = None,
    *,
    reads_only: bool = False,
    by_radio: bool = False,
) -> LinkUser:
    """Serves `pipe` as `device`; returns whom the pipe tells what comes. `name` is for logs.

    With `reads_only` hosts on it may ask, and change or carry off nothing, whatever their role; by a pipe `by_radio`
    nobody enrols it.
    """

    def port(at: Pipe) -> LinkUser:
        if isinstance(device, SimCamera):
            return CameraPort(device, at, name, reads_only=reads_only, by_radio=by_radio)
        return StationPort(device, at, name)

    if faults is None:
        return port(pipe)
    if faults.speed is None:
        return _afflicted(device, pipe, faults, port)
    throttled = ThrottledPipe(pipe, faults.speed)
    throttled.user = _afflicted(device, throttled, faults, port)
    return throttled


def _afflicted(
    device: SimCamera | SimStation, pipe: Pipe, faults: FaultCount, port: Callable[[Pipe], LinkUser]
) -> LinkUser:
    if not faults.plan.on_link:
        return port(pipe)
    arm(faults, device)
    faulty = FaultyPipe(device, pipe, faults)
    faulty.user = port(faulty)
    return faulty
