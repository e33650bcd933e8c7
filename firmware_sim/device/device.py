"""The base of every simulated device: its life on a flash, power, clock, log, and the hosts that it serves.

Nothing here has timers. `settle` brings a device up to the present; whoever drives it calls it when `deadline` has
come and before anything is read.
"""

from __future__ import annotations

import logging
import math
import random
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, ClassVar, Final, Protocol

from bwc_protocol.declare import Event
from bwc_protocol.link import DeviceGate
from bwc_protocol.messages.audit import AuditKind
from bwc_protocol.messages.clock import TimeSource
from bwc_protocol.messages.identity import Capability
from bwc_protocol.vocabulary import ErrorCode, PeerKind
from firmware_sim.device.audit_log import AuditLog
from firmware_sim.device.conversation_profile import ConversationProfile
from firmware_sim.device.device_time import DeviceTime
from firmware_sim.device.footage_facts import FootageFacts
from firmware_sim.device.make import Make
from firmware_sim.device.mishaps import Mishaps
from firmware_sim.device.refusal import Refusal
from firmware_sim.device.seen import Seen
from firmware_sim.device.session import DeviceSession
from firmware_sim.device.snapshot import IDENTITY
from firmware_sim.device.trust.kept import STATE_NAME as TRUST
from firmware_sim.device.trust.kept import Agency, KeptTrust
from firmware_sim.device.trust.trust import DeviceTrust
from firmware_sim.flash.flash import Flash, PowerCut, StateError, Unsynced
from firmware_sim.physics.clock import DeviceClock
from firmware_sim.state.commit import Change
from firmware_sim.state.directory import StateDirectory, StateOfAnother

log = logging.getLogger(__name__)
BOOT_S: Final = 2.0
"""From reset to the first byte that is answered."""
REBOOT_DELAY_S: Final = 0.2
"""Long enough for the reply to leave over a slow line."""
SAVE_S: Final = 60.0
"""How often the slow state (battery, clock, wear) is kept."""
SET_WITHIN_NS: Final = 5_000_000
"""Uncertainty of the clock of a device that is made anew, when it was set last."""


class Port(Protocol):
    """What a device knows of whoever serves it."""

    @property
    def deserted(self) -> bool:
        """Whether the loop that it belongs to is closed."""

    def drop(self, orderly: bool) -> None:
        """The device goes down; in order it still says so."""

    def pump(self) -> None:
        """Sends what there is to send."""

    by_radio: bool

    def pull(self) -> None:
        """Its cable is pulled: what is under way is gone."""


class SimDevice(ABC):
    """A device of any kind. `utc_ns` is the true time at which a scenario has it made; None: the system's, in real
    time. `state` is the flash on which it lives on, or the directory of that; None: one in memory."""

    make: ClassVar[Make]
    state_name: ClassVar[str]
    """Under which its state is kept in the directory."""
    look_s: ClassVar[float]
    """How often it looks after itself; so often it tries again what could not be kept."""

    serial: str
    clock: DeviceClock
    audit: AuditLog
    entropy: random.Random

    trust: DeviceTrust | None = None
    """Whom it belongs to; None for development firmware, which has no identity and is never enrolled."""

    def __init__(
        self,
        profile: ConversationProfile,
        state: Path | Flash | None,
        utc_ns: int | None,
        agency: Agency | None = None,
        *,
        enrolled: bool = True,
        sealed: bool = True,
    ) -> None:
        self._agency, self._made_enrolled, self._made_sealed = agency, enrolled, sealed
        self.time = DeviceTime(utc_ns)
        self.gate = DeviceGate()
        self.profile = profile
        self.seen = Seen()
        self.sessions: set[DeviceSession] = set()
        self.ports: list[Port] = []
        """Who serves it, on whatever loop."""
        self.mishaps = Mishaps()
        self.plugged = True
        """Whether its cable is in; hosts by radio need none."""
        self.boot_counter = 0
        self.running = False
        self.unkept: Exception | None = None
        """Why something that happened by itself is not on the flash; None: all of it is."""
        self._reboot_at_s: float | None = None
        self._boot_at_s: float | None = None
        self._held = ExitStack()
        self._memory_is_gone = False
        """Whether the next boot has to read all that it knows from the flash."""
        self._directory: StateDirectory | None = StateDirectory(state)
        """Until it is closed."""
        self._held.callback(self._directory.close)

    def _begin(self) -> None:
        """Makes the models, and boots. Raises `StateError`, and `OSError` when the boot cannot be kept."""
        try:
            self._take_up()
            self._boot()
        except BaseException:
            self._held.close()
            raise

    def _take_up(self) -> None:
        """Makes the models, of what the flash has. Raises `StateError`, `OSError`."""
        kept = self._directory.load_only(self.state_name) if self._directory is not None else None
        trust = self._trust_of_device(kept)
        if trust is not None and trust.destroying:
            self._destroy_kept()
        self._assemble(kept, trust)
        if trust is not None:
            assert self._directory is not None
            self.trust = DeviceTrust(self, trust, self._directory)
        else:
            self.profile.capabilities |= Capability.LAB

    def _take_up_again(self) -> None:
        """The same for a device that lost its memory; what is no memory stays as it is. Raises the same."""
        if self._directory is not None:
            self._directory = StateDirectory(self._directory.flash)
        self._take_up()

    # What the kind of device adds

    @property
    @abstractmethod
    def new_serial(self) -> str:
        """The serial number of one that is made anew."""

    @abstractmethod
    def footage_facts(self) -> FootageFacts:
        """Where its recordings end, and how many there are."""

    @property
    @abstractmethod
    def has_footage(self) -> bool:
        """Whether anything is recorded on it, or being recorded."""

    @abstractmethod
    def _footage_is_kept(self) -> bool:
        """Whether the directory has recordings, before anything of it is taken up."""

    @abstractmethod
    def _destroy_kept(self) -> None:
        """Destroys what the directory has of footage, settings and people. Raises `OSError`."""

    @abstractmethod
    def _forget(self) -> None:
        """The same for what is in memory, once nothing of it is in the directory."""

    @abstractmethod
    def _assemble(self, kept: dict[str, Any] | None, trust: KeptTrust | None) -> None:
        """Makes the models, as they were kept or as the seed draws them; `trust` is what is kept of that."""

    @abstractmethod
    def kept(self, **instead: Any) -> dict[str, Any]:
        """The state to be kept, with what is given in the place of what is."""

    @abstractmethod
    def _started(self) -> None:
        """It has booted. Raises `OSError`, `StateError` when it cannot go on."""

    @abstractmethod
    def go_down(self) -> None:
        """Switches itself off in order: hosts are told, the state is kept."""

    @abstractmethod
    def _memory_is_lost(self) -> None:
        """It goes dark without a word: links end, and what is in memory is gone."""

    @abstractmethod
    def settle(self) -> None:
        """Lets the time since the last call pass for everything, and tells what changed."""

    @abstractmethod
    def glance(self) -> None:
        """Settles where that can make a difference: for every request, and cheap."""

    @abstractmethod
    def deadline(self) -> float | None:
        """When `settle` is due, in seconds of `time`."""

    def appointment_s(self) -> float:
        """When something happens to it that has to happen then, in seconds of `time`; infinite: nothing is known of."""
        known = (self.mishaps.next_s, self._reboot_at_s if self.running else self._boot_at_s)
        return min((at for at in known if at is not None), default=math.inf)

    @abstractmethod
    def lose_recording(self) -> None:
        """What a fault plan's `vanish` asks for."""

    def sanitise(self, detail: str, actor: str) -> None:
        """Erases all footage by an order. Raises `Refusal` of a device that has none, and `OSError`."""
        raise Refusal(ErrorCode.OUT_OF_RANGE, "it has no footage")

    @abstractmethod
    def clock_was_set(self) -> None:
        """Tells the hosts."""

    # Life

    @property
    def flash(self) -> Flash:
        """On which it lives, until it is closed."""
        assert self._directory is not None
        return self._directory.flash

    def _trust_of_device(self, kept: dict[str, Any] | None) -> KeptTrust | None:
        """Its trust as it was kept, or as its factory, and perhaps an agency, makes it. Raises `StateError`."""
        serial = self._serial_of(kept)
        assert self._directory is not None
        found = self._directory.load(TRUST)
        if found is not None:
            if self._agency is None:
                where = self._directory.flash.at("")
                raise StateOfAnother(
                    f"in {where} lives a device that has an identity, which development firmware has not"
                )
            return KeptTrust.of_part(found, serial, self.kind)
        if kept is not None and kept.get(IDENTITY):
            raise StateError("the kept state cannot be read: its identity is gone")
        if self._agency is None:
            return None
        if kept is not None and self._footage_is_kept():
            where = self._directory.flash.at("")
            raise StateOfAnother(
                f"in {where} lives development firmware with recordings: none of them is signed, "
                "and a device with an identity has no other"
            )
        made = KeptTrust.new(
            serial, self.kind, self._agency, enrolled=self._made_enrolled, sealed=self._made_sealed
        )
        self._directory.save(TRUST, made.to_part())
        return made

    def _serial_of(self, kept: dict[str, Any] | None) -> str:
        """Its name as it was kept, whatever one that is made anew would have."""
        # Of a state that has none, or a false one, that is said when the rest of it is read.
        return str((kept or {}).get("serial", self.new_serial))

    def _log_of_device(self) -> AuditLog:
        commits = self._directory.commits if self._directory is not None else None
        return AuditLog(self.clock.utc_ns, commits, speaks=self.profile.newest)

    @property
    def kind(self) -> PeerKind:
        """Camera or station."""
        return self.profile.kind

    @property
    def deny_counter(self) -> int:
        """Of its deny list; 0 without one."""
        return self.trust.deny_counter if self.trust is not None else 0

    def _clock_was_set_before(self, ago_s: float) -> None:
        """A device that is made anew had its clock set some time ago."""
        then_ns = self.time.utc_ns() - round(ago_s * 1e9)
        self.clock.set_utc_ns(then_ns, SET_WITHIN_NS, TimeSource.NTP)
        self.clock.restore(self.clock.snapshot(), off_s=ago_s)

    def save(self) -> None:
        """Keeps the state, and what of the log waits for that. Raises `OSError`."""
        self._saved_s = self.time()
        self.audit.write_waiting()
        if self._directory is not None:
            self._directory.save(self.state_name, self.kept())
        self.unkept = None

    def state_change(self, **instead: Any) -> tuple[Change, ...]:
        """What keeps the state as it would be (see `kept`): to be kept before it is so."""
        if self._directory is None:
            return ()
        return (self._directory.part(self.state_name, self.kept(**instead)),)

    def save_if_possible(self) -> None:
        """Keeps what has happened by itself. Where it cannot be, that is told, and tried again."""
        try:
            self.save()
        except (OSError, StateError) as error:
            self.unkept = error
            self.storage_failed(error)

    def _save_when_due(self) -> None:
        behind = self.unkept is not None or self.audit.waiting
        if self.time() - self._saved_s >= (self.look_s if behind else SAVE_S):
            self.save_if_possible()

    def storage_failed(self, error: Exception) -> None:
        """The flash did not take something: the device says so, and goes on."""
        log.warning("%s: the storage failed: %s", self.serial, error)

    def close(self) -> None:
        """Ends the simulation in order: the state is kept, the flash let go."""
        self.go_down()
        self._held.close()
        self._directory = None

    # Power

    def _boot(self) -> None:
        """Raises `OSError` if that cannot be kept, and what `_started` raises: then it has not booted."""
        if self._memory_is_gone:
            self._take_up_again()
            self._memory_is_gone = False
        if self.trust is not None:
            self.trust.window.close()
            self.trust.nonces.forget()
            if self.trust.kept.destroying:
                self._destroy_kept()
                self._forget()
                self.trust.destroyed()
        number = self.boot_counter + 1
        self.audit.boot_counter = number
        changes = self.state_change(boot_counter=number)
        self.audit.append(AuditKind.BOOT, f"boot {number}", self.serial, *changes)
        self.boot_counter = number
        self.running = True
        self._reboot_at_s = self._boot_at_s = None
        self._booted_s = self._saved_s = self.time()
        self._started()

    def awake(self) -> bool:
        """Whether it runs; brings about what has come due meanwhile: a reboot that was asked for, and the boot."""
        if self.running and self._reboot_at_s is not None and self.time() >= self._reboot_at_s:
            # At its own time: nobody may have looked since, and a host that comes later finds it up again.
            self._boot_at_s, self._reboot_at_s = self._reboot_at_s + BOOT_S, None
            self.go_down()
        if not self.running and self._boot_at_s is not None and self.time() >= self._boot_at_s:
            try:
                self._boot()
            except PowerCut as lost:
                self.power_failed(lost.unsynced)
            except (OSError, StateError) as error:  # tried again, as by one that cannot start
                self.running = False
                self._reboot_at_s, self._boot_at_s = None, self.time() + BOOT_S
                self.storage_failed(error)
        return self.running

    def crash(self, unsynced: Unsynced = Unsynced.TORN) -> None:
        """Resets at once, as a watchdog or a loose cell does: what is in memory is gone, and of what was not synced
        the flash has what `unsynced` says."""
        if self.running:
            self._memory_is_lost()
            self._lose_power(unsynced)

    @contextmanager
    def powered(self) -> Iterator[None]:
        """What its firmware does inside ends where its flash loses power: then it is off, and boots again."""
        try:
            yield
        except PowerCut as lost:
            self.power_failed(lost.unsynced)

    def power_failed(self, unsynced: Unsynced) -> None:
        """The power went in the middle of an operation of its flash, which takes nothing more until it is back."""
        was_running, self.running = self.running, False
        if was_running:
            self._memory_is_lost()
        self._lose_power(unsynced)

    def _lose_power(self, unsynced: Unsynced = Unsynced.TORN) -> None:
        """It is off at once: what is in memory is gone, and of what was not synced the flash has what it has. It boots
        again."""
        self.running = False
        self._reboot_at_s, self._boot_at_s = None, self.time() + BOOT_S
        if self._directory is not None:
            self._memory_is_gone = True
            entropy = random.Random(f"loss {self.serial} {self.boot_counter}")
            self._directory.flash.lose_power(entropy, unsynced)

    def request_reboot(self, delay_s: float = REBOOT_DELAY_S) -> None:
        """Goes down in order after `delay_s`, and boots again."""
        self._reboot_at_s = self.time() + delay_s

    def press_enroll(self) -> str:
        """Somebody presses the button by which it can be enrolled for two minutes. Why that does nothing; "" if not."""
        if not self.awake():
            return "it is off"
        if self.trust is None:
            return "it has development firmware, which is never enrolled"
        if self.trust.enrolled:
            return f"it is enrolled, by {self.trust.state().agency}"
        if self.trust.kept.retired:
            return "it is out of service for ever"
        if self.has_footage:
            return "it has footage, which is of nobody: only a physical reset helps"
        self.trust.window.open()
        self.audit.note(AuditKind.ENROLMENT_OPENED, f"for {self.trust.window.left_s} s", self.serial)
        return ""

    def reset_by_opening(self) -> str:
        """Somebody opens the case and resets it: keys and footage go. Why that does nothing; "" if not.

        Raises `OSError` if it cannot be kept: then nothing was destroyed.
        """
        if self.trust is None:
            return "it has development firmware, and no keys"
        from bwc_protocol.documents.reset_record import ResetCause
        from firmware_sim.device.trust.reset import forgotten

        kept, facts = forgotten(self, self.trust, ResetCause.OPENED_CASE), self.footage_facts()
        detail = f"generation {kept.generation}, {facts.recordings} recordings destroyed, {facts.held} of them held"
        self.trust.keep(kept, AuditKind.RESET, detail, self.serial)
        self.crash()
        self._boot_at_s = self.time() + BOOT_S
        return ""

    def start_anew(self, kept: KeptTrust, kind: AuditKind, detail: str, actor: str) -> None:
        """Destroys keys at once, and footage at the reboot that follows. Raises `OSError`, and then nothing happens."""
        assert self.trust is not None
        self.trust.keep(kept, kind, detail, actor)
        self.request_reboot()

    @property
    def uptime_s(self) -> int:
        """Time since it booted."""
        return int(self.time() - self._booted_s)

    # Hosts

    def serve_by(self, port: Port) -> None:
        """Adds a port. One whose loop ended without a farewell lets go: it would hold the device for ever."""
        for other in list(self.ports):
            if other.deserted:
                other.drop(orderly=False)
        self.awake()  # a reboot that came due before this port was there does not end it
        self.ports.append(port)

    def unplug(self) -> None:
        """Pulls its cable out; until `plug` no host is heard that does not come by radio."""
        self.plugged = False
        for port in list(self.ports):
            if not port.by_radio:
                port.pull()

    def plug(self) -> None:
        """Puts its cable in again."""
        self.plugged = True

    def _drop_hosts(self, *, orderly: bool) -> None:
        for port in list(self.ports):
            port.drop(orderly)

    def broadcast(self, event: Event) -> None:
        """Sends an event to every host."""
        for session in list(self.sessions):
            session.send_event(event)
