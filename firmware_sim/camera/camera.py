"""The simulated camera: it owns the models, and is what handlers, ports and buttons act on."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

from bwc_protocol.evidence import (
    NO_SHA256,
    ActivationEvent,
    Circumstances,
    GivenBy,
    Protection,
    Purpose,
    sealing,
    word_of,
)
from bwc_protocol.messages.assignment import AssignmentState
from bwc_protocol.messages.audit import AuditKind
from bwc_protocol.messages.config import TakesEffect
from bwc_protocol.messages.identity import CameraState
from bwc_protocol.messages.recordings import AnnotationKind
from firmware_sim.camera.appearance import Appearance
from firmware_sim.camera.bench_work import BenchWork
from firmware_sim.camera.erasing import Erasing
from firmware_sim.camera.model import AMBIENT_C, CAMERA_MAKE, IDLE_MA, CameraOptions
from firmware_sim.camera.open_recording import OpenRecording, RecorderSettings
from firmware_sim.camera.radio import Radio
from firmware_sim.camera.recorder import Recorder
from firmware_sim.camera.report import Report
from firmware_sim.camera.settings import STATE_NAME as SETTINGS
from firmware_sim.camera.settings import Settings
from firmware_sim.camera.snapshot import kept_of, take_up
from firmware_sim.camera.supply import Supply
from firmware_sim.camera.wearer import Wearer
from firmware_sim.device.device import BOOT_S, SimDevice
from firmware_sim.device.footage_facts import FootageFacts
from firmware_sim.device.trust.kept import KeptTrust
from firmware_sim.device.trust.own_statements import OwnStatements
from firmware_sim.footage.mp4 import Picture
from firmware_sim.physics.battery import Battery
from firmware_sim.physics.clock import DeviceClock, crystal
from firmware_sim.physics.emmc import EmmcHealth
from firmware_sim.storage.destroy import destroy_footage
from firmware_sim.storage.recording_files import ROOM
from firmware_sim.storage.signing import Signing, Unsigned
from firmware_sim.storage.storage import Annotation, NoSuchRecording, Storage, StoredRecording

PSEUDONYM_BYTES: Final = 8
"""Drawn for each assignment: more than anybody can try, and still a line in a report."""
CARRIER_MAX: Final = 128
"""Bytes of the annotation that says who carried it."""
GLANCE_S: Final = 0.02
"""Nothing that a host can read moves by more than its last digit in this time."""
PROVISIONED_S: Final = 8 * 3600.0
"""A camera that is made anew was docked, and its clock set, a shift ago."""


class SimCamera(SimDevice):
    """One camera. `utc_ns` is the true time at which a scenario has it made; None: the system's, in real time."""

    make = CAMERA_MAKE
    state_name = "device"
    look_s = 10.0
    """How often battery and storage are looked at while a host is connected."""

    def __init__(self, options: CameraOptions | None = None, *, utc_ns: int | None = None) -> None:
        self.options = options if options is not None else CameraOptions()
        super().__init__(
            self.options.profile(),
            self.options.state,
            utc_ns,
            self.options.agency,
            enrolled=self.options.enrolled,
            sealed=self.options.sealed,
        )
        self.wearer = Wearer(self)
        self.radio = Radio(self)
        self.appearance = Appearance(self)
        self.supply = Supply(self, self._starved, self._fed_again)
        self.docked = self.options.docked
        self.dock_feeds = True
        """Whether the dock in which it stands gives it power."""
        self.vanished: set[bytes] = set()
        """Recordings that a fault plan makes disappear from the listing."""
        self.rollbacks = random.Random(f"rollbacks {self.options.seed}")
        """Another entropy after each: what was undone does not come again bit for bit."""
        self.powered_s = 0.0
        """How long it has been running since it was made, as far as that is kept: by the minute."""
        self.erasing = Erasing(self)
        self.bench = BenchWork(self)
        self._clock_lost = False
        self._begin()

    # Making

    def _assemble(self, kept: dict[str, Any] | None, trust: KeptTrust | None) -> None:
        """Makes the models, as they were kept or as the seed draws them."""
        options, directory = self.options, self._directory
        drawn = random.Random(f"makeup {options.seed}")
        self.serial = self._serial_of(kept)
        self.battery = Battery.drawn(drawn)
        self.clock = DeviceClock(self.time, crystal(drawn), lambda: self.battery.temperature_dc / 10)
        self.storage = self._storage_on_flash(EmmcHealth(options.capacity_bytes), trust)
        journal = self.storage.journal()
        if journal is not None:
            # Sound, or it is said before anything is changed.
            recording = OpenRecording.from_journal(journal)
            self.storage.open_footage.read(recording.recording_id, recording.stored)
        self.settings = Settings(directory=directory, speaks=options.speaks)
        self.assignment = AssignmentState(assigned=False, officer="", unit="", since_utc_ns=0, revision=1)
        self.audit = self._log_of_device()
        self.battery.advance(1.0, IDLE_MA, AMBIENT_C, charging=self.docked)
        if kept is None:
            self._clock_was_set_before(PROVISIONED_S)
        else:
            take_up(self, kept)

    def _storage_on_flash(self, emmc: EmmcHealth, trust: KeptTrust | None) -> Storage:
        """The storage as the flash has it; what is signed there has to be this camera's, by its `trust`."""
        signing: Signing = Unsigned()
        if trust is not None:
            signing = OwnStatements(self.serial, trust, lambda: self.trust)
        return Storage(self.options.capacity_bytes, self._directory, emmc, signing)

    def _take_up_again(self) -> None:
        battery, chip, rot = self.battery.snapshot(), self.storage.emmc.snapshot(), self.storage.rotten
        super()._take_up_again()
        self.battery.restore(battery)
        self.storage.emmc.restore(chip)
        self.storage.rot_again(rot)

    def kept(self, **instead: Any) -> dict[str, Any]:
        return kept_of(self, **instead)

    @property
    def new_serial(self) -> str:
        return self.options.serial

    @property
    def has_footage(self) -> bool:
        storage = self.storage
        return bool(len(storage) or storage.damaged or storage.journal() is not None)

    def footage_facts(self) -> FootageFacts:
        storage = self.storage
        return FootageFacts(
            last_sequence=storage.next_sequence - 1,
            last_manifest_sha256=storage.last_manifest_sha256,
            recordings=len(storage),
            held=storage.held,
            undelivered=self.erasing.undelivered,
            recording=storage.journal() is not None,
        )

    def sanitise(self, detail: str, actor: str) -> None:
        self.erasing.sanitise(detail, actor)

    @property
    def may_record(self) -> bool:
        """Whether its footage would be anybody's: a device that is not enrolled records nothing."""
        return self.trust is None or self.trust.enrolled

    def _footage_is_kept(self) -> bool:
        assert self._directory is not None
        flash = self._directory.flash
        return flash.exists(ROOM) and bool(flash.names(ROOM))

    def _protect(self, recording_id: bytes, key: Callable[[], bytes]) -> tuple[Protection | None, bytes]:
        """A content key and its wraps for the recipients of the agency; nothing where there are none."""
        recipients = self.trust.kept.recipients if self.trust is not None else ()
        if not recipients:
            return None, b""
        from firmware_sim.device.seeded_wrap import seeded_wrap

        drawn = key()
        return sealing.protect(drawn, recording_id, recipients, seeded_wrap), drawn

    def _destroy_kept(self) -> None:
        assert self._directory is not None
        destroy_footage(self._directory)
        self._directory.remove(SETTINGS)

    def _forget(self) -> None:
        trust = self.trust.kept if self.trust is not None else None
        self.storage = self._storage_on_flash(self.storage.emmc, trust)
        self.settings = Settings(directory=self._directory, speaks=self.options.speaks)
        self.assignment = AssignmentState(assigned=False, officer="", unit="", since_utc_ns=0, revision=1)
        self.vanished.clear()

    def storage_failed(self, error: Exception) -> None:
        super().storage_failed(error)
        self.report.storage_error = True

    # Power

    def _started(self) -> None:
        """Raises `StateError` for a recording that cannot be recovered."""
        self.report = Report(self)
        self.bench.booted()
        self._settled_s = self.time()
        self._glance_at_s = 0.0  # until then nothing is due that a request could see
        if self._clock_lost:
            self._clock_lost = False
            self.clock.reset()
            self.audit.note(AuditKind.CLOCK_LOST, "the cell was empty", self.serial)
        self.settings.take_effect(TakesEffect.ON_UNDOCK, TakesEffect.ON_REBOOT)
        self.entropy = random.Random(f"entropy {self.options.seed} {self.serial} {self.boot_counter}")
        self.recorder = Recorder(
            self.storage,
            self.clock,
            self.time,
            self.options.footage,
            random.Random(self.entropy.randbytes(16)),
            camera=self.serial,
            speaks=self.options.speaks,
            firmware_sha256=self.make.firmware_sha256,
            boot_counter=self.boot_counter,
            closed=self._recording_closed,
            facts=self._facts_of_a_recording,
            circumstances=self._circumstances,
            failed=self.storage_failed,
            make_room=lambda: not self.bench.fills and self.erasing.make_room(),
            protect=self._protect,
            seal_name=self._seal_name,
        )
        self.apply_settings()
        recovered = self.recorder.recover_after_power_cut()
        if recovered is not None and recovered.recording is not None:
            self._recording_closed(recovered.recording)
        self.report.changes()
        self.save_if_possible()
        self.radio.notify()

    def _memory_is_lost(self) -> None:
        self.recorder.power_cut()
        self._drop(orderly=False)

    def go_down(self) -> None:
        """Switches itself off in order: the recording is closed, hosts are told, the state is kept.

        A recording that the storage does not take is left as by a power cut: the next boot closes it.
        """
        with self.powered():
            self._go_down()

    def _go_down(self) -> None:
        if self.running:
            try:
                self.recorder.close_now()
            except OSError as error:
                self.recorder.power_cut()
                self.storage_failed(error)
            self._drop(orderly=True)
            self.running = False
            self.save_if_possible()

    def lose_recording(self) -> None:
        """The first recording that is listed disappears from the listing."""
        self.vanished.update(found.recording_id for found in self.listing(0, 1))

    def _drop(self, *, orderly: bool) -> None:
        self._drop_hosts(orderly=orderly)
        self.radio.went_down()

    def dock(self) -> None:
        """Puts it into a dock, which charges it and wakes one whose battery was empty."""
        self.settle()
        self.docked = self.dock_feeds = True
        self._fed_again()
        self.radio.notify()

    def undock(self) -> None:
        """Takes it out of the dock: settings that wait for that take effect.

        Raises `OSError` if that cannot be kept: then it still stands there.
        """
        self.settle()
        effective = self.settings.take_effect(TakesEffect.ON_UNDOCK)
        self.docked = False
        if effective:
            self.apply_settings()
            self.report.config()
        self.supply.advance(0.0)  # the charger knows at once
        self.supply.look()
        self.radio.notify()

    def _starved(self) -> None:
        """Nothing feeds it any more, nor its clock."""
        self.crash()
        self._boot_at_s = None
        self._clock_lost = True

    def _fed_again(self) -> None:
        if not self.running and self._boot_at_s is None:
            self._boot_at_s = self.time() + BOOT_S

    def clock_was_set(self) -> None:
        """Tells the hosts."""
        self.report.clock()

    def end_links(self) -> None:
        """Every host loses it, as by a reset."""
        self._drop(orderly=False)

    def put_back(self, state: dict[str, Any]) -> None:
        """Takes up a state of before (see `rollback`)."""
        vars(self).update(state)
        if self.trust is not None:
            self.trust.forget_made()

    # Time

    def true_utc_ns(self) -> int:
        """The true time, which the device does not know."""
        return self.time.utc_ns()

    def deadline(self) -> float | None:
        """When `settle` is due, in seconds of `time`."""
        due = [self.mishaps.next_s]
        if self.running:
            due += self._reboot_at_s, self.recorder.next_deadline_s, self._settled_s + self.look_s
        else:
            due.append(self._boot_at_s)
        return min((at for at in due if at is not None), default=None)

    def glance(self) -> None:
        """Settles, unless that was done a moment ago: for every request, and cheap."""
        now = self.time()
        if now >= self._glance_at_s or self.mishaps.is_due(now):
            self.settle()
            self._glance_at_s = min(now + GLANCE_S, self.deadline() or now)

    def settle(self) -> None:
        """Lets the time since the last call pass for everything, and tells what changed."""
        with self.powered():
            self._settle()
            self.mishaps.carry_out(self.time())
            self.appearance.look()

    def _settle(self) -> None:
        now = self.time()
        self._glance_at_s = 0.0
        passed, self._settled_s = now - self._settled_s, now
        if passed > 0:
            self.powered_s += passed if self.running else 0.0
            self.supply.advance(passed)
        self.supply.look()
        if not self.running and self.battery.deeply_discharged:
            self._clock_lost = True  # known at the next boot
        if not self.awake():
            return
        self.recorder.advance()
        if self.supply.empty:
            self.go_down()
        else:
            self.report.changes()
            self._save_when_due()

    # What it is and does

    def cameras(self) -> list[SimCamera]:
        """Itself: what is done to all cameras of a device is done to this one."""
        return [self]

    @property
    def state(self) -> CameraState:
        """What it is doing."""
        return self.recorder.state

    # Recordings, as hosts see them

    def recording(self, recording_id: bytes) -> StoredRecording:
        """The recording with this id. Raises `NoSuchRecording`."""
        if recording_id in self.vanished:
            raise NoSuchRecording(recording_id.hex())
        return self.storage.get(recording_id)

    def listing(self, after: int, limit: int) -> Sequence[StoredRecording]:
        """Up to `limit` recordings whose sequence number is above `after`."""
        if not self.vanished:
            return self.storage.page(after, limit)
        page = self.storage.page(after, limit + len(self.vanished))
        return [found for found in page if found.recording_id not in self.vanished][:limit]

    def missing(self) -> list[int]:
        """Numbers of recordings that were closed, were not erased, and cannot be listed."""
        everything = self.listing(0, len(self.storage))
        there = {recording.sequence for recording in everything}
        there |= {kept.tombstone.sequence for kept in self.storage.tombstones.all}
        return [number for number in range(1, self.storage.next_sequence) if number not in there]

    @property
    def powered_min(self) -> int:
        """Whole minutes that it has been running since it was made."""
        return int(self.powered_s // 60)

    @property
    def config_keys(self) -> int:
        """Settings that it has."""
        return len(self.settings.rules)

    @property
    def closed_count(self) -> int:
        """Recordings that it closed and did not erase, those that it cannot list included.

        Of those that a fault plan lets vanish it knows nothing more.
        """
        return self.storage.next_sequence - 1 - len(self.storage.tombstones) - len(self.vanished)

    @property
    def recording_count(self) -> int:
        """Recordings that can be listed."""
        return len(self.storage) - len(self.vanished)

    # What it does by itself

    def _recording_closed(self, recording: StoredRecording) -> None:
        manifest = recording.manifest
        cut = ", cut by loss of power" if manifest.cut else ""
        detail = f"recording {manifest.sequence}, {manifest.duration_ms} ms{cut}"
        self.audit.note(AuditKind.RECORDING_CLOSED, detail, self.serial)
        if self.recorder.full:
            self.audit.note(AuditKind.STORAGE_FULL, f"{self.storage.free_bytes} bytes are left", self.serial)
        self.report.closed(recording)
        self.mishaps.recording_closed()

    def _facts_of_a_recording(self, said: Circumstances) -> list[Annotation]:
        """What is known beside it of a recording that is closed now; stored with it, in one step.

        One that began under a pseudonym names no officer, whatever the settings are by now.
        """
        now_ns = self.clock.utc_ns()
        category = self.settings.text("category.default")
        facts = [Annotation(now_ns, AnnotationKind.CATEGORY, self.serial, category)]
        if self.assignment.assigned:
            carrier = self.assignment.pseudonym if said.pseudonym or self._names_hidden else self._carrier
            facts.append(Annotation(now_ns, AnnotationKind.ASSIGNMENT, self.serial, carrier))
        return facts

    @property
    def _carrier(self) -> str:
        """Officer and unit, as far as a text of the protocol has room."""
        known = f"{self.assignment.officer} {self.assignment.unit}".strip()
        return known.encode()[:CARRIER_MAX].decode(errors="ignore")

    @property
    def _names_hidden(self) -> bool:
        """Whether recordings name pseudonyms."""
        return bool(self.settings["holder.pseudonym"] or self.settings["names.sealed"])

    def _seal_name(self, said: Circumstances, key: bytes) -> Circumstances:
        """With the name for those who can open the footage, where the agency says so."""
        if not self.settings["names.sealed"] or not said.pseudonym:
            return said
        return replace(said, sealed_name=sealing.Sealer(key).seal_name(self._carrier))

    def _circumstances(self) -> Circumstances:
        """What is said of a recording that begins now, unless somebody says more."""
        event = word_of(ActivationEvent, self.settings.text("recording.event")) or ActivationEvent.NOT_GIVEN
        purpose = word_of(Purpose, self.settings.text("recording.purpose")) or Purpose.NOT_GIVEN
        given = int(event) != ActivationEvent.NOT_GIVEN
        hidden = self._names_hidden
        holder = self.assignment.pseudonym if hidden else self.assignment.officer
        return Circumstances(
            event=event,
            event_by=GivenBy.DOCK if given else GivenBy.NOBODY,
            purpose=purpose,
            holder=holder,
            pseudonym=hidden and bool(holder),
            generation=self.trust.kept.generation if self.trust is not None else 0,
        )

    def new_pseudonym(self) -> str:
        """A name for an assignment that says nothing of the officer: drawn, so that nobody can try all officers."""
        return f"p-{self.entropy.randbytes(PSEUDONYM_BYTES).hex()}"

    def _picture(self) -> Picture:
        settings = self.settings
        width, _, height = settings.text("recording.resolution").partition("x")
        return Picture(
            width=int(width),
            height=int(height),
            kbps=settings.number("recording.bitrate_kbps"),
            identity=bool(settings["overlay.identity"]),
            timestamp=bool(settings["overlay.timestamp"]),
        )

    def apply_settings(self) -> None:
        """Hands the effective settings to the models."""
        policy = self.settings.text("policy.sha256")
        self.recorder.settings = RecorderSettings(
            chunk_size=self.options.chunk_size,
            pre_event_s=self.settings.number("recording.pre_event_s"),
            post_event_s=self.settings.number("recording.post_event_s"),
            segment_s=self.settings.number("recording.segment_s"),
            policy_id=self.settings.text("policy.id"),
            policy_sha256=bytes.fromhex(policy) if policy else NO_SHA256,
            picture=self._picture(),
            gain_db=self.settings.number("audio.gain_db"),
        )
