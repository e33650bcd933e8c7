"""Battery charge and health."""

from bwc_protocol.messages.battery import BatteryStatus, ReadBattery
from bwc_protocol.vocabulary import ErrorCode
from firmware_sim.camera.session import CameraSession
from firmware_sim.device.refusal import Refusal
from firmware_sim.handlers.registry import CAMERA


@ReadBattery.handler(CAMERA)
def status(session: CameraSession, request: ReadBattery) -> BatteryStatus:
    if request.cell != 0:
        raise Refusal(ErrorCode.NOT_FOUND, f"there is one cell, 0, and no cell {request.cell}")
    battery = session.camera.battery
    return BatteryStatus(
        charge_pct=battery.charge_pct,
        state=battery.charge_state,
        voltage_mv=battery.voltage_mv,
        current_ma=battery.current_ma,
        temperature_dc=battery.temperature_dc,
        cycles=battery.cycles,
        health_pct=battery.health_pct,
        time_left_s=battery.time_left_s,
    )
