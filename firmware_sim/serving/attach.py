"""Puts a device behind a pipe, with or without a fault plan between them."""

from typing import Protocol

from firmware_sim.camera.camera import SimCamera
from firmware_sim.device.pipe import LinkUser, Pipe
from firmware_sim.faults.fault_pipe import FaultyPipe
from firmware_sim.faults.plan import FaultCount
from firmware_sim.serving.port import CameraPort


class Station(Protocol):
    """A docking station, which brings its own kind of port."""

    def new_port(self, pipe: Pipe, name: str) -> LinkUser:
        """Serves `pipe`."""

    def crash(self) -> None:
        """Resets at once."""

    def lose_recording(self) -> None:
        """What a fault plan's `vanish` asks for."""


def attach(
    device: SimCamera | Station,
    pipe: Pipe,
    name: str,
    faults: FaultCount | None = None,
    *,
    reads_only: bool = False,
) -> LinkUser:
    """Serves `pipe` as `device`; returns whom the pipe tells what comes. `name` is for logs.

    With `reads_only` hosts on it may ask, and change or carry off nothing, whatever their role.
    """

    def port(at: Pipe) -> LinkUser:
        if isinstance(device, SimCamera):
            return CameraPort(device, at, name, reads_only=reads_only)
        return device.new_port(at, name)

    if faults is None or not faults.plan.on_link:
        return port(pipe)
    faulty = FaultyPipe(device, pipe, faults)
    faulty.user = port(faulty)
    return faulty
