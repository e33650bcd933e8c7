"""Battery charge and health (spec: Battery, 0x02xx)."""

from bwc_protocol.declare import (
    ANYONE,
    Event,
    Request,
    Subject,
    Unknown,
    Wire,
    choice,
    command,
    event,
    i16,
    i32,
    method,
    opt_u32,
    u8,
    u16,
    wire,
)
from bwc_protocol.vocabulary import ErrorCode
from bwc_protocol.word import Word


class ChargeState(Word):
    """What the charger does."""

    DISCHARGING = 0
    CHARGING = 1
    FULL = 2
    STOPPED_BY_TEMPERATURE = 3
    FAULT = 4
    IDLE = 5
    """A bay's alone: there is nothing in it that could be charged."""


@wire
class BatteryStatus(Wire):
    """One cell: level, load and health."""

    charge_pct: int = u8("state of charge", unit="%", max=100)
    state: ChargeState | Unknown = choice(ChargeState, "what the charger does")
    voltage_mv: int = u16("terminal voltage under the present load", unit="mV")
    current_ma: int = i32("current; positive while charging", unit="mA")
    temperature_dc: int = i16("cell temperature, tenths of a degree", unit="0.1 °C")
    cycles: int = u16("equivalent full cycles")
    health_pct: int = u8("state of health: capacity against the capacity when new", unit="%", max=100)
    time_left_s: int | None = opt_u32("time left at the present load; not known while charging", unit="s")


@command(
    0x0201,
    "battery.status",
    roles=ANYONE,
    errors=((ErrorCode.NOT_FOUND, "no such cell"),),
    while_expired=True,
)
class ReadBattery(Request[BatteryStatus]):
    """Read level, load and health of one cell."""

    cell: int = u8("cell, from 0", default=0)


@event(0x02F0, "battery.alarm")
class BatteryAlarm(Event):
    """The charge fell below the alarm level, or the temperature left its range."""

    cell: int = u8("cell, from 0")
    charge_pct: int = u8("state of charge", unit="%", max=100)
    temperature_dc: int = i16("cell temperature, tenths of a degree", unit="0.1 °C")


class Battery(Subject):
    """Charge and health of the battery."""

    status = method(ReadBattery)
