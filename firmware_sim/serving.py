"""Puts a camera behind a pipe, with or without a fault plan between them."""

from firmware_sim.camera import SimCamera
from firmware_sim.fault_pipe import FaultyPipe
from firmware_sim.faults import FaultCount
from firmware_sim.pipe import Pipe, PipeUser
from firmware_sim.port import DevicePort


def attach(camera: SimCamera, pipe: Pipe, name: str, faults: FaultCount | None = None) -> PipeUser:
    """Serves `pipe` as `camera`; returns whom the pipe tells what comes. `name` is for logs."""
    if faults is None or not faults.plan.on_link:
        return DevicePort(camera, pipe, name)
    faulty = FaultyPipe(camera, pipe, faults)
    faulty.user = DevicePort(camera, faulty, name)
    return faulty
