"""One bay of a simulated docking station: contacts, charger, switches, sensors, light (spec: Station commands)."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Callable
from typing import Final, Protocol

from bwc_protocol.link import LinkDownReason, ResetReason
from bwc_protocol.messages.audit import AuditKind
from bwc_protocol.messages.battery import ChargeState
from bwc_protocol.messages.station import BayAlarm, BayState, BayStatus, BayVerdict, LedMeaning
from bwc_protocol.relay import Relay
from firmware_sim.camera.camera import SimCamera
from firmware_sim.device.audit_log import AuditLog
from firmware_sim.device.device_time import DeviceTime
from firmware_sim.faults.plan import FaultCount
from firmware_sim.station.lease import Lease
from firmware_sim.station.model import AMBIENT_DC

HOT_DC: Final = 600
"""Contact temperature that alarms, tenths of a degree: cells vent above 80 °C, and cases lag behind."""
COOL_DC: Final = 450
"""Below this the alarm is over: charging is allowed again, and the bay can be touched."""
REPLUG_S: Final = 1.0
"""A camera that reset itself is on its contacts again after this."""
LINKED: Final = (BayState.LINKED, BayState.IDENTIFIED)
"""States in which the camera answers."""


class DataLines(Protocol):
    """What serves the camera in a bay, from the moment that it is plugged until it is pulled."""

    @property
    def deserted(self) -> bool:
        """Whether the loop that it belongs to is closed."""

    def pull(self, reason: ResetReason, *, orderly: bool = False) -> None:
        """Takes the camera off: what a host has open on it ends with `reason`."""

    def pump(self) -> None:
        """Sends what there is to send, as far as the pipe takes it."""


class BayOwner(Protocol):
    """The station, as its bays and their data lines see it."""

    serial: str
    time: DeviceTime
    audit: AuditLog
    relay: Relay
    entropy: random.Random

    @property
    def serving(self) -> bool:
        """Whether it runs, on a loop."""

    def changed(self) -> None:
        """A bay may be in another state."""

    def alarmed(self, bay: SimBay) -> None:
        """A bay was switched off."""

    def stir(self) -> None:
        """Passes on what can be passed on."""

    def save_if_possible(self) -> None:
        """Keeps what has happened."""


PlugIn = Callable[["SimBay", FaultCount | None], DataLines]
"""Plugs the camera that stands in a bay into its data lines: a bay is given its port, and imports none."""


class SimBay:
    """Bay `number` of `station`. It never learns which camera stands in it, nor how it does: `label` and `verdict` are
    what a host told."""

    def __init__(self, station: BayOwner, number: int, plug: PlugIn) -> None:
        self.station = station
        self.number = number
        self.camera: SimCamera | None = None
        self.rate: float | None = None
        """Bytes/s of its data lines; None: as fast as the processor."""
        self.docking = 0
        self.incident = 0
        self.power = True
        self.data = True
        self.quarantined = False
        self.label = ""
        self.heat_dc: int | None = None
        """Temperature at the contacts, when a scenario says so."""
        self.swollen = False
        self._lease_until_s = 0.0
        self._verdict = BayVerdict.NONE
        self._verdict_lease, self._lock_lease = Lease(station.time), Lease(station.time)
        self._blink_until_s = 0.0
        self._plug_in = plug
        self._port: DataLines | None = None
        self._replug: asyncio.TimerHandle | None = None
        self._faults: FaultCount | None = None
        self._linked = False
        self._mute = False  # it was called, and did not answer
        self._busy_ms = 0

    # The camera comes and goes

    def dock(self, camera: SimCamera, faults: FaultCount | None = None) -> None:
        """Puts a camera in; `faults` is played on its contacts. Raises `ValueError` for an occupied bay."""
        self.demand_empty()
        self.camera, self._faults = camera, faults
        self.docking += 1
        camera.dock()
        camera.dock_feeds = self.power
        self.plug()

    def demand_empty(self) -> None:
        """Raises `ValueError` for an occupied bay."""
        if self.camera is not None:
            raise ValueError(f"bay {self.number} is occupied")

    def undock(self) -> SimCamera:
        """Takes the camera out, wherever it is with anything. Raises `ValueError` for a bay that is empty or locked,
        and what `SimCamera.undock` raises: then it still stands there."""
        camera = self.camera
        if camera is None:
            raise ValueError(f"bay {self.number} is empty")
        if self.lock_s:
            raise ValueError(f"bay {self.number} is locked: its latch opens by hand, or in {self.lock_s} s")
        camera.undock()
        self.unplug(ResetReason.UNDOCKED)
        self.camera, self._faults = None, None
        self.label, self._lease_until_s = "", 0.0
        self.end_verdict()
        self.swollen, self.heat_dc = False, None  # whatever was wrong is carried away with it
        camera.dock_feeds = False
        return camera

    # The data lines

    def plug(self) -> None:
        """Connects the data lines, if there is something on them and the station runs."""
        wanted = self.camera is not None and self.data and not self.quarantined and self.station.serving
        if wanted and self._port is None and self._replug is None:
            self._port = self._plug_in(self, self._faults)

    def unplug(self, reason: ResetReason, *, orderly: bool = False) -> None:
        """Disconnects the data lines: what a host has open on them ends with `reason`."""
        if self._replug is not None:
            self._replug.cancel()
            self._replug = None
        port, self._port = self._port, None
        if port is not None and not port.deserted:
            port.pull(reason, orderly=orderly)
        self._linked = self._mute = False
        self._busy_ms = 0
        self.end_take_me()

    def pump(self) -> None:
        """Sends what waits for the camera."""
        if self._port is not None:
            self._port.pump()

    # From the port

    def linked(self) -> None:
        """A link to the camera has come about."""
        self._linked, self._mute, self._busy_ms = True, False, 0
        self.end_take_me()
        self.station.changed()

    def unlinked(self, reason: LinkDownReason, retry_after_ms: int) -> None:
        """The link is over, or did not come about."""
        self._linked = False
        busy = reason is LinkDownReason.BUSY
        self._busy_ms = max(1, retry_after_ms) if busy else 0
        self._mute = not busy and reason is not LinkDownReason.CLOSED_BY_PEER
        self.end_take_me()
        self.station.changed()

    def unplugged(self) -> None:
        """The camera let go of the lines, and still stands there: it resets itself."""
        self._port = None
        self._linked = self._mute = False
        self.end_take_me()
        self._replug = asyncio.get_running_loop().call_later(REPLUG_S, self._again)
        self.station.changed()

    def opened(self) -> None:
        """A host opens its channel: whatever it does there, the station cannot read."""
        self.end_take_me()
        self.station.changed()

    def _again(self) -> None:
        self._replug = None
        self.plug()

    # Switches

    def switch_power(self, on: bool) -> None:
        """Switches what the camera is charged with."""
        if self.camera is not None:
            self.camera.settle()
            self.camera.dock_feeds = on
        self.power = on

    def switch_data(self, on: bool) -> None:
        """Switches the data lines."""
        self.data = on
        if on:
            self.plug()
        else:
            self.unplug(ResetReason.NO_DEVICE, orderly=True)

    def blink(self, seconds: int) -> None:
        """Lets the light blink."""
        self._blink_until_s = self.station.time() + seconds

    def lease(self, label: str, seconds: int) -> None:
        """Shows `label` for so long; 0 = no longer."""
        self.label = label if seconds else ""
        self._lease_until_s = self.station.time() + seconds

    @property
    def lease_s(self) -> int:
        """What is left of the lease, in whole seconds begun."""
        left = self._lease_until_s - self.station.time()
        return math.ceil(left) if self.label and left > 0 else 0

    def judge(self, verdict: BayVerdict, seconds: int) -> None:
        """Shows a host's verdict for so long; 0 = no longer."""
        self._verdict = verdict
        self._verdict_lease.begin(seconds)

    def end_verdict(self) -> None:
        """No host says anything of what is in it."""
        self.judge(BayVerdict.NONE, 0)

    def end_take_me(self) -> None:
        """Something happened to its camera since a host looked at it (STA-020). A warning stays."""
        if self._verdict is BayVerdict.TAKE_ME:
            self.end_verdict()

    @property
    def verdict(self) -> BayVerdict:
        """A host's verdict that is in force."""
        return self._verdict if self.verdict_lease_s else BayVerdict.NONE

    @property
    def verdict_lease_s(self) -> int:
        """What is left of its lease, in whole seconds begun."""
        return self._verdict_lease.left_s

    def lock(self, seconds: int) -> None:
        """Holds the camera for so long; 0 = lets it go."""
        self._lock_lease.begin(seconds)

    def unlatch(self) -> None:
        """Opens the lock by hand, at its latch: that takes neither a host nor power."""
        self._lock_lease.end()

    @property
    def lock_s(self) -> int:
        """What is left of its lock, in whole seconds begun; 0: it is open."""
        return self._lock_lease.left_s

    def forget(self) -> None:
        """It has no power: what hosts told is gone, and the lock opens, since only its magnet holds it."""
        self.lease("", 0)
        self.end_verdict()
        self.unlatch()

    # Safety

    def settle(self) -> None:
        """Reads the sensors; an alarm switches the bay off before anything else is done with it."""
        if self.camera is not None:
            self.camera.glance()
        if self.label and not self.lease_s:
            self.label = ""
        if not self.quarantined and self.alarms:
            self.quarantined = True
            self.incident += 1
            self.switch_power(False)
            self.switch_data(False)
            self.end_verdict()  # whoever said it did not know of this
            self.unlatch()  # what burns is not held
            # It is off whatever the state directory says to that: this is about fire.
            detail = f"bay {self.number}: {self.alarms}, {self.temperature_dc / 10:.1f} °C"
            self.station.audit.note(AuditKind.BAY_ALARM, detail, self.station.serial)
            self.station.save_if_possible()
            self.station.alarmed(self)

    def release(self) -> None:
        """Ends the quarantine; power and data are on again."""
        self.quarantined = False
        self.switch_power(True)
        self.switch_data(True)

    @property
    def alarms(self) -> BayAlarm:
        """What is wrong now. In quarantine it has to cool down further than it had to heat up."""
        found = BayAlarm(0)
        if self.temperature_dc >= (COOL_DC if self.quarantined else HOT_DC):
            found |= BayAlarm.OVER_TEMPERATURE
        if self.swollen:
            found |= BayAlarm.SWELLING
        return found

    # What it shows

    @property
    def temperature_dc(self) -> int:
        """Temperature at the contacts, tenths of a degree."""
        if self.heat_dc is not None:
            return self.heat_dc
        return self.camera.battery.temperature_dc if self.camera is not None else AMBIENT_DC

    @property
    def charge(self) -> ChargeState:
        """What the charger does."""
        if self.camera is None:
            return ChargeState.IDLE
        if not self.power:
            return ChargeState.DISCHARGING
        return self.camera.battery.charge_state

    @property
    def charge_ma(self) -> int:
        """Current into the camera."""
        return max(0, self.camera.battery.current_ma) if self.camera is not None and self.power else 0

    @property
    def state(self) -> BayState:
        """Where it stands."""
        if self.quarantined:
            return BayState.QUARANTINE
        if self.camera is None:
            return BayState.EMPTY
        if self._linked:
            return BayState.IDENTIFIED if self.lease_s else BayState.LINKED
        if self._busy_ms:
            return BayState.BUSY
        return BayState.FAULT if self._mute else BayState.DETECTED

    @property
    def led(self) -> LedMeaning:
        """What the light says: danger first, then who looks for it, then what stands against using it, then what is
        done with it. A host's verdict that it can be taken comes after all that the station knows by itself."""
        if self.quarantined:
            return LedMeaning.QUARANTINE
        if self.station.time() < self._blink_until_s:
            return LedMeaning.IDENTIFY
        if self.camera is None:
            return LedMeaning.EMPTY
        if self.verdict is BayVerdict.DO_NOT_USE:
            return LedMeaning.DO_NOT_USE
        if not self.power or self.state is BayState.FAULT or self.charge is ChargeState.FAULT:
            return LedMeaning.ATTENTION
        if self.verdict is BayVerdict.BUSY:
            return LedMeaning.IN_WORK
        if self.state is BayState.BUSY or self.station.relay.spliced(self.number):
            return LedMeaning.TRANSFERRING
        if self.verdict is BayVerdict.NEEDS_ATTENTION:
            return LedMeaning.NEEDS_ATTENTION
        if self.verdict is BayVerdict.TAKE_ME and self.state in LINKED and not self.lock_s:
            return LedMeaning.TAKE_ME
        return LedMeaning.READY if self.charge is ChargeState.FULL else LedMeaning.CHARGING

    def status(self) -> BayStatus:
        """All of it."""
        return BayStatus(
            bay=self.number,
            state=self.state,
            present=self.camera is not None,
            docking=self.docking,
            power=self.power,
            data=self.data,
            charge=self.charge,
            charge_ma=self.charge_ma,
            temperature_dc=self.temperature_dc,
            led=self.led,
            alarms=self.alarms,
            incident=self.incident,
            retry_after_ms=self._busy_ms if self.state is BayState.BUSY else 0,
            label=self.label if self.lease_s else "",
            lease_s=self.lease_s,
            verdict=self.verdict,
            verdict_lease_s=self.verdict_lease_s,
            lock_s=self.lock_s,
        )
