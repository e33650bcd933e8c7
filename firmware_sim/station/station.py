"""The simulated docking station: bays with cameras, one uplink, and a relay between that cannot read (spec: Station).

Unlike a camera it keeps time by itself while it is served: an over-hot bay is switched off whether or not a host
looks on. It lives on one event loop at a time, that of whoever serves it.
"""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any, Final

from bwc_protocol.evidence import ClockState
from bwc_protocol.link import ResetReason
from bwc_protocol.messages.audit import AuditKind
from bwc_protocol.messages.clock import ClockChanged
from bwc_protocol.messages.identity import CameraState, Capability, Fault
from bwc_protocol.messages.station import (
    BAYS_MAX,
    BayAlarmed,
    BayChanged,
    BayState,
    BayVerdict,
    Docked,
    StationFault,
    Undocked,
)
from bwc_protocol.relay import UPLINK, Relay
from bwc_protocol.versions import NEWEST, Version
from bwc_protocol.vocabulary import PeerKind
from firmware_sim.camera.camera import SimCamera
from firmware_sim.device.conversation_profile import ConversationProfile
from firmware_sim.device.device import SimDevice
from firmware_sim.device.footage_facts import FootageFacts
from firmware_sim.device.trust.kept import Agency, KeptTrust
from firmware_sim.faults.plan import FaultCount
from firmware_sim.flash.flash import Flash
from firmware_sim.physics.clock import DeviceClock, tcxo
from firmware_sim.state.directory import StateOfAnother
from firmware_sim.station.bay import PlugIn, SimBay
from firmware_sim.station.model import (
    AMBIENT_DC,
    STATION_MAKE,
    SUPPLY_LOSS_MV_PER_A,
    SUPPLY_MV,
    SUPPLY_RANGE_MV,
    WARMTH_DC_PER_A,
)
from firmware_sim.station.snapshot import bays_kept, kept_of, take_up

START_LOOK_S: Final = 0.02
START_LOOKS: Final = 50
"""One second: a camera that takes longer boots, and is told of when it is there."""
SYNCED_S: Final = 3_600.0
"""A station that is made anew had its clock set an hour ago."""


class SimStation(SimDevice):
    """A station with `bays` bays (1 to 64). `utc_ns` is the true time at which a scenario has it made; None: the
    system's, in real time. `state` is the flash on which it lives on, or the directory of that; `agency` and
    `enrolled` and `speaks` are as in `CameraOptions`. Raises `StateError`."""

    make = STATION_MAKE
    state_name = "station"
    look_s = 2.0
    """How often the sensors are read: a cell that runs away takes tens of seconds."""
    config_keys: Final = 0

    def __init__(
        self,
        bays: int,
        plug: PlugIn,
        *,
        seed: int = 0,
        utc_ns: int | None = None,
        state: Path | Flash | None = None,
        agency: Agency | None = None,
        enrolled: bool = True,
        speaks: Version = NEWEST,
    ) -> None:
        if not 1 <= bays <= BAYS_MAX:
            raise ValueError(f"a station has 1 to {BAYS_MAX} bays, not {bays}")
        profile = ConversationProfile(
            PeerKind.STATION,
            Capability.SERIAL | Capability.BAY_LIGHTS | Capability.BAY_LOCKS | Capability.SIMULATOR,
            STATION_MAKE.firmware_sha256,
            newest=speaks,
        )
        super().__init__(profile, state, utc_ns, agency, enrolled=enrolled)
        self.seed = seed
        self.relay = Relay(bays)
        self.bays = {number: SimBay(self, number, plug) for number in range(1, bays + 1)}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._look: asyncio.TimerHandle | None = None
        self._stirring = False
        self._begin()

    # Making

    def _assemble(self, kept: dict[str, Any] | None, trust: KeptTrust | None) -> None:
        """Makes clock and log, as they were kept or as the seed draws them."""
        self.serial = self._serial_of(kept)
        self.clock = DeviceClock(self.time, tcxo(random.Random(f"station {self.seed}")))
        self._reported = dict.fromkeys(self.bays, (BayState.EMPTY, BayVerdict.NONE, False))
        self.audit = self._log_of_device()
        if kept is None:
            self._clock_was_set_before(SYNCED_S)
            return
        if self._directory is not None and bays_kept(kept) != len(self.bays):
            raise StateOfAnother(
                f"in {self._directory.flash.at('')} lives a station of {bays_kept(kept)} bays, not {len(self.bays)}"
            )
        take_up(self, kept)

    def kept(self, **instead: Any) -> dict[str, Any]:
        return kept_of(self, **instead)

    @property
    def new_serial(self) -> str:
        return f"DOCK-{self.seed & 0xFFFF_FFFF:08X}"

    @property
    def has_footage(self) -> bool:
        return False

    def footage_facts(self) -> FootageFacts:
        return FootageFacts()

    def _footage_is_kept(self) -> bool:
        return False

    def _destroy_kept(self) -> None:
        """Bays and their counters are not an agency's."""

    def _forget(self) -> None:
        """As above."""

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
        self.broadcast(Docked(bay=bay, docking=at.docking))
        self.changed()

    def undock(self, bay: int) -> SimCamera:
        """Takes the camera out of a bay, whatever runs on it. Raises `ValueError` for an empty or a locked bay, and
        what `SimCamera.undock` raises: then it still stands there."""
        at = self._bay(bay)
        camera = at.undock()
        self.audit.note(AuditKind.UNDOCKED, f"bay {bay}, docking {at.docking}", self.serial)
        self.broadcast(Undocked(bay=bay, docking=at.docking))
        self.changed()
        return camera

    def unlatch(self, bay: int) -> None:
        """Opens the lock of a bay by hand. Raises `ValueError` for a bay that does not exist."""
        at = self._bay(bay)
        if at.lock_s:
            at.unlatch()
            self.audit.note(AuditKind.BAY_SWITCHED, f"bay {bay}: opened by hand", self.serial)
        self.changed()

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
        self.follow(asyncio.get_running_loop())
        for _ in range(START_LOOKS):
            if all(bay.state is not BayState.DETECTED for bay in self.bays.values()):
                return
            await asyncio.sleep(START_LOOK_S)

    @property
    def serving(self) -> bool:
        """Whether it runs, on a loop."""
        return self.running and self._loop is not None and not self._loop.is_closed()

    def follow(self, loop: asyncio.AbstractEventLoop) -> None:
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
                        port.pump()
        finally:
            self._stirring = False

    # Time

    def _watch(self) -> None:
        if self._look is not None:
            self._look.cancel()
        assert self._loop is not None
        due_s = self.mishaps.next_s
        pause_s = self.look_s if due_s is None else min(self.look_s, max(0.0, due_s - self.time()))
        self._look = self._loop.call_later(pause_s, self._look_around)

    def _look_around(self) -> None:
        self._look = None
        self.settle()
        self._watch()

    def settle(self) -> None:
        """Brings everything up to the present, and acts upon alarms."""
        if self.awake():
            for bay in self.bays.values():
                bay.settle()
            self.changed()
            self._save_when_due()
        self.mishaps.carry_out(self.time())

    def glance(self) -> None:
        """The same: sensors are read for every request."""
        self.settle()

    def deadline(self) -> float | None:
        """When a reboot is due; sensors are read by a timer of their own."""
        return self._reboot_at_s if self.running else self._boot_at_s

    # Power

    def _started(self) -> None:
        self.entropy = random.Random(f"station {self.seed} {self.boot_counter}")
        self._plug()

    def _memory_is_lost(self) -> None:
        """Bays lose their links; power stays on, it is switched by relays that latch."""
        self._drop(orderly=False)

    def go_down(self) -> None:
        """Switches itself off in order: hosts and cameras are told."""
        if self.running:
            self._drop(orderly=True)
            self.save_if_possible()

    def _drop(self, *, orderly: bool) -> None:
        self._drop_hosts(orderly=orderly)
        self.running = False
        for bay in self.bays.values():
            bay.unplug(ResetReason.NO_DEVICE, orderly=orderly)
            bay.forget()

    def close(self) -> None:
        """Ends the simulation, and that of the cameras in its bays."""
        self.go_down()
        if self._look is not None:
            self._look.cancel()
        for camera in self.cameras():
            camera.close()
        super().close()

    def lose_recording(self) -> None:
        """A station has none."""

    # What it tells

    def changed(self) -> None:
        """Tells hosts of bays whose state, verdict or lock is another than they know."""
        for number, bay in self.bays.items():
            now = (bay.state, bay.verdict, bay.lock_s > 0)
            if now != self._reported[number]:
                self._reported[number] = now
                state, verdict, locked = now
                self.broadcast(
                    BayChanged(bay=number, state=state, docking=bay.docking, verdict=verdict, locked=locked)
                )

    def alarmed(self, bay: SimBay) -> None:
        """A bay was switched off."""
        self.broadcast(
            BayAlarmed(
                bay=bay.number, alarms=bay.alarms, temperature_dc=bay.temperature_dc, incident=bay.incident
            )
        )

    def clock_was_set(self) -> None:
        """Tells the hosts."""
        self.broadcast(ClockChanged(state=self.clock.state, revision=self.clock.revision))

    # What it is

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
