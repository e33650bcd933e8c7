"""The simulated docking station: bays with cameras, one uplink, and a relay between that cannot read (spec: Station).

Unlike a camera it keeps time by itself while it is served: an over-hot bay is switched off whether or not a host
looks on. It lives on one event loop at a time, that of whoever serves it.
"""

from __future__ import annotations

import asyncio
import logging
import random
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from bwc_protocol.declare import Event
from bwc_protocol.evidence import ClockState
from bwc_protocol.link import DeviceGate, ResetReason
from bwc_protocol.messages.audit import AuditKind
from bwc_protocol.messages.clock import ClockChanged, TimeSource
from bwc_protocol.messages.identity import CameraState, Capability, Fault
from bwc_protocol.messages.station import (
    BAYS_MAX,
    BayAlarmed,
    BayChanged,
    BayState,
    Docked,
    StationFault,
    Undocked,
)
from bwc_protocol.relay import UPLINK, Relay
from bwc_protocol.vocabulary import PeerKind
from firmware_sim.camera.camera import BOOT_S, REBOOT_DELAY_S, SAVE_S, Port, SimCamera
from firmware_sim.device.audit_log import AuditLog
from firmware_sim.device.conversation_profile import ConversationProfile
from firmware_sim.device.device_time import DeviceTime
from firmware_sim.device.pipe import LinkUser, Pipe
from firmware_sim.device.session import DeviceSession
from firmware_sim.faults.plan import FaultCount
from firmware_sim.physics.clock import DeviceClock, tcxo
from firmware_sim.serving.station_port import StationPort
from firmware_sim.state.commit import Change
from firmware_sim.state.directory import StateDirectory, StateError, StateOfAnother
from firmware_sim.station.bay import SimBay
from firmware_sim.station.model import (
    AMBIENT_DC,
    STATION_MAKE,
    SUPPLY_LOSS_MV_PER_A,
    SUPPLY_MV,
    SUPPLY_RANGE_MV,
    WARMTH_DC_PER_A,
)
from firmware_sim.station.snapshot import bays_kept, kept_of, take_up

log = logging.getLogger(__name__)
STATE_NAME: Final = "station"
LOOK_S: Final = 2.0
"""How often the sensors are read: a cell that runs away takes tens of seconds."""
START_LOOK_S: Final = 0.02
START_LOOKS: Final = 50
"""One second: a camera that takes longer boots, and is told of when it is there."""
SYNCED_S: Final = 3_600.0
"""A station that is made anew had its clock set an hour ago."""
UNCERTAINTY_NS: Final = 5_000_000


class SimStation:
    """A station with `bays` bays (1 to 64). `utc_ns` is the true time at which a scenario has it made; None: the
    system's, in real time. `state` is the directory in which it lives on between runs; raises `StateError`."""

    make: Final = STATION_MAKE
    config_keys: Final = 0

    def __init__(
        self, bays: int, *, seed: int = 0, utc_ns: int | None = None, state: Path | None = None
    ) -> None:
        if not 1 <= bays <= BAYS_MAX:
            raise ValueError(f"a station has 1 to {BAYS_MAX} bays, not {bays}")
        self.seed = seed
        self.time = DeviceTime(utc_ns)
        self.gate = DeviceGate()
        self.profile = ConversationProfile(
            kind=PeerKind.STATION,
            capabilities=Capability.SERIAL | Capability.SIMULATOR,
            firmware_sha256=STATION_MAKE.firmware_sha256,
        )
        self.relay = Relay(bays)
        self.sessions: set[DeviceSession] = set()
        self.ports: list[Port] = []
        self.running = False
        self.unkept: Exception | None = None
        """Why something that happened by itself is not in the state directory; None: all of it is."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._look: asyncio.TimerHandle | None = None
        self._stirring = False
        self._reboot_at_s: float | None = None
        self._boot_at_s: float | None = None
        self._held = ExitStack()
        self._directory = StateDirectory(state) if state is not None else None
        if self._directory is not None:
            self._held.callback(self._directory.close)
        try:
            self._assemble(
                bays, self._directory.load_only(STATE_NAME) if self._directory is not None else None
            )
            self._boot()
        except BaseException:
            self._held.close()
            raise

    # Making

    def _assemble(self, bays: int, kept: dict[str, Any] | None) -> None:
        """Makes clock, log and bays, as they were kept or as the seed draws them."""
        directory = self._directory
        self.serial = f"DOCK-{self.seed & 0xFFFF_FFFF:08X}"
        self.boot_counter = 0
        self.clock = DeviceClock(self.time, tcxo(random.Random(f"station {self.seed}")))
        self.bays = {number: SimBay(self, number) for number in range(1, bays + 1)}
        self._told = dict.fromkeys(self.bays, BayState.EMPTY)
        self.audit = AuditLog(
            self.clock.utc_ns,
            directory.path / "audit.log" if directory else None,
            commits=directory.commits if directory else None,
        )
        if kept is None:
            hour_ago_ns = self.time.utc_ns() - round(SYNCED_S * 1e9)
            self.clock.set_utc_ns(hour_ago_ns, UNCERTAINTY_NS, TimeSource.NTP)
            self.clock.restore(self.clock.snapshot(), off_s=SYNCED_S)
        else:
            if directory is not None and bays_kept(kept) != bays:
                raise StateOfAnother(
                    f"in {directory.path} lives a station of {bays_kept(kept)} bays, not {bays}"
                )
            take_up(self, kept)

    def save(self) -> None:
        """Keeps the state in the directory, if there is one, and what of the log waits for that. Raises `OSError`."""
        self._saved_s = self.time()
        self.audit.write_waiting()
        if self._directory is not None:
            self._directory.save(STATE_NAME, kept_of(self))
        self.unkept = None

    def state_change(self, **instead: Any) -> tuple[Change, ...]:
        """What keeps the state as it would be (see `kept_of`): to be kept before it is so."""
        if self._directory is None:
            return ()
        return (self._directory.part(STATE_NAME, kept_of(self, **instead)),)

    def save_if_possible(self) -> None:
        """Keeps what has happened. Where it cannot be, that is told, and tried again at the next look."""
        try:
            self.save()
        except (OSError, StateError) as error:
            self.unkept = error
            self.storage_failed(error)

    def storage_failed(self, error: Exception) -> None:
        """The state directory did not take something: the station says so, and goes on."""
        log.warning("%s: the storage failed: %s", self.serial, error)

    # Cameras

    def dock(self, bay: int, camera: SimCamera, faults: FaultCount | None = None) -> None:
        """Puts a camera into a bay; `faults` is played on its contacts. Raises `ValueError` for a bay that does not
        exist or is occupied, and for a camera that stands in another; `OSError` if it cannot be kept, since the number
        of a docking must not come again: then the camera is not in the bay."""
        if any(other.camera is camera for other in self.bays.values()):
            raise ValueError(f"{camera.serial} stands in another bay")
        at = self._bay(bay)
        at.demand_empty()
        docking = at.docking + 1
        changes = self.state_change(bay=bay, change={"docking": docking})
        self.audit.append(AuditKind.DOCKED, f"bay {bay}, docking {docking}", self.serial, *changes)
        at.dock(camera, faults)
        self._tell(Docked(bay=bay, docking=at.docking))
        self.changed()

    def undock(self, bay: int) -> SimCamera:
        """Takes the camera out of a bay, whatever runs on it. Raises `ValueError` for an empty bay, and what
        `SimCamera.undock` raises: then it still stands there."""
        at = self._bay(bay)
        camera = at.undock()
        self.audit.note(AuditKind.UNDOCKED, f"bay {bay}, docking {at.docking}", self.serial)
        self._tell(Undocked(bay=bay, docking=at.docking))
        self.changed()
        return camera

    def cameras(self) -> list[SimCamera]:
        """The cameras that stand in its bays, in their order."""
        return [bay.camera for bay in self.bays.values() if bay.camera is not None]

    def _bay(self, number: int) -> SimBay:
        if number not in self.bays:
            raise ValueError(f"there is no bay {number}")
        return self.bays[number]

    # Being served

    async def start(self) -> None:
        """Begins to serve on the running loop, and waits until the cameras that stand in bays have answered.

        A station that is plugged in has been running for a while; one that begins with its first host would tell
        that host of empty bays.
        """
        self._follow(asyncio.get_running_loop())
        for _ in range(START_LOOKS):
            if all(bay.state is not BayState.DETECTED for bay in self.bays.values()):
                return
            await asyncio.sleep(START_LOOK_S)

    def new_port(self, pipe: Pipe, name: str) -> LinkUser:
        """Serves an uplink pipe on the running loop."""
        self._follow(asyncio.get_running_loop())
        return StationPort(self, pipe, name)

    def serve_by(self, port: Port) -> None:
        """Adds a port. One whose loop ended without a farewell lets go: it would hold the device for ever."""
        for other in list(self.ports):
            if other.deserted:
                other.drop(orderly=False)
        self.ports.append(port)

    @property
    def serving(self) -> bool:
        """Whether it runs, on a loop."""
        return self.running and self._loop is not None and not self._loop.is_closed()

    def _follow(self, loop: asyncio.AbstractEventLoop) -> None:
        """Takes the bays over to another loop; on the one before they can no longer be reached."""
        if loop is self._loop:
            return
        for bay in self.bays.values():
            bay.unplug(ResetReason.NO_DEVICE)
        self._loop = loop
        self.time.follow(loop)
        self._plug()
        self._watch()

    def _plug(self) -> None:
        for bay in self.bays.values():
            bay.plug()

    def stir(self) -> None:
        """Passes on what can be passed on, and sends it."""
        if self._stirring:
            return  # the stir that runs does it
        self._stirring = True
        try:
            while stirred := self.relay.stirred():
                for number in stirred:
                    if number != UPLINK:
                        self.bays[number].pump()
                if UPLINK in stirred:
                    for port in list(self.ports):
                        if isinstance(port, StationPort):
                            port.pump()
        finally:
            self._stirring = False

    # Time

    def _watch(self) -> None:
        if self._look is not None:
            self._look.cancel()
        assert self._loop is not None
        self._look = self._loop.call_later(LOOK_S, self._look_around)

    def _look_around(self) -> None:
        self._look = None
        self.settle()
        self._watch()

    def settle(self) -> None:
        """Brings everything up to the present, and acts upon alarms."""
        now = self.time()
        if self._reboot_at_s is not None and now >= self._reboot_at_s:
            self._reboot_at_s = None
            self.go_down()
            self._boot_at_s = now + BOOT_S
        if self.awake():
            for bay in self.bays.values():
                bay.settle()
            self.changed()
            behind = self.unkept is not None or self.audit.waiting
            if now - self._saved_s >= (LOOK_S if behind else SAVE_S):
                self.save_if_possible()

    def glance(self) -> None:
        """The same: sensors are read for every request."""
        self.settle()

    def deadline(self) -> float | None:
        """When a reboot is due; sensors are read by a timer of their own."""
        return self._reboot_at_s if self.running else self._boot_at_s

    # Power

    def _boot(self) -> None:
        """Raises `OSError` if that cannot be kept: then it has not booted."""
        self.audit.boot_counter = self.boot_counter + 1
        self.audit.append(
            AuditKind.BOOT,
            f"boot {self.boot_counter + 1}",
            self.serial,
            *self.state_change(boot_counter=self.boot_counter + 1),
        )
        self.boot_counter += 1
        self.running = True
        self._reboot_at_s = self._boot_at_s = None
        self._booted_s = self._saved_s = self.time()
        self.entropy = random.Random(f"station {self.seed} {self.boot_counter}")
        self._plug()

    def awake(self) -> bool:
        """Whether it runs; boots it when the time for that has come."""
        if not self.running and self._boot_at_s is not None and self.time() >= self._boot_at_s:
            try:
                self._boot()
            except (OSError, StateError) as error:
                self._boot_at_s = self.time() + BOOT_S
                self.storage_failed(error)
        return self.running

    def request_reboot(self, delay_s: float = REBOOT_DELAY_S) -> None:
        """Goes down in order after `delay_s`, and boots again."""
        self._reboot_at_s = self.time() + delay_s

    def crash(self) -> None:
        """Resets at once. Bays lose their links; power stays on, it is switched by relays that latch."""
        if self.running:
            self._drop(orderly=False)
            self._boot_at_s = self.time() + BOOT_S

    def go_down(self) -> None:
        """Switches itself off in order: hosts and cameras are told."""
        if self.running:
            self._drop(orderly=True)
            self.save_if_possible()

    def _drop(self, *, orderly: bool) -> None:
        for port in list(self.ports):
            port.drop(orderly)
        self.running = False
        for bay in self.bays.values():
            bay.unplug(ResetReason.NO_DEVICE, orderly=orderly)
            bay.lease("", 0)

    def close(self) -> None:
        """Ends the simulation, and that of the cameras in its bays."""
        self.go_down()
        if self._look is not None:
            self._look.cancel()
        for bay in self.bays.values():
            if bay.camera is not None:
                bay.camera.close()
        self._held.close()
        self._directory = None

    def lose_recording(self) -> None:
        """A station has none."""

    # What it tells

    def changed(self) -> None:
        """Tells hosts of bays whose state is another than they know."""
        for number, bay in self.bays.items():
            state = bay.state
            if state is not self._told[number]:
                self._told[number] = state
                self._tell(BayChanged(bay=number, state=state, docking=bay.docking))

    def alarmed(self, bay: SimBay) -> None:
        """A bay was switched off."""
        self._tell(
            BayAlarmed(
                bay=bay.number, alarms=bay.alarms, temperature_dc=bay.temperature_dc, incident=bay.incident
            )
        )

    def clock_was_set(self) -> None:
        """Tells the hosts."""
        self._tell(ClockChanged(state=self.clock.state, revision=self.clock.revision))

    def _tell(self, event: Event) -> None:
        for session in list(self.sessions):
            session.tell(event)

    # What it is

    @property
    def uptime_s(self) -> int:
        """Time since it booted."""
        return int(self.time() - self._booted_s)

    @property
    def state(self) -> CameraState:
        """In the words that all devices share: it can only be ready or at fault."""
        return CameraState.FAULT if self.faults & StationFault.SUPPLY else CameraState.READY

    @property
    def device_faults(self) -> Fault:
        """Of its faults those that all devices share."""
        found = Fault.CLOCK_UNSET if self.clock.state is ClockState.UNSET else Fault(0)
        return found | Fault.STORAGE_ERROR if self.unkept is not None else found

    @property
    def supply_ma(self) -> int:
        """Current of all bays together."""
        return sum(bay.charge_ma for bay in self.bays.values())

    @property
    def supply_mv(self) -> int:
        """Supply voltage, which sags under load."""
        return SUPPLY_MV - self.supply_ma * SUPPLY_LOSS_MV_PER_A // 1000

    @property
    def temperature_dc(self) -> int:
        """Temperature inside, tenths of a degree."""
        return AMBIENT_DC + self.supply_ma * WARMTH_DC_PER_A // 1000

    @property
    def faults(self) -> StationFault:
        """What is wrong now."""
        found = StationFault(0)
        if self.clock.state is ClockState.UNSET:
            found |= StationFault.CLOCK_UNSET
        if not SUPPLY_RANGE_MV[0] <= self.supply_mv <= SUPPLY_RANGE_MV[1]:
            found |= StationFault.SUPPLY
        if any(bay.quarantined for bay in self.bays.values()):
            found |= StationFault.QUARANTINE
        return found
