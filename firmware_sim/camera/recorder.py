"""The recording engine: buffering, recording, post-event, and what a power cut leaves.

    ready (buffering) --start--> recording --stop--> post-event --time--> ready
                                     ^------------start------------'

Time passes in `advance`, which the owner calls when `next_deadline_s` has come, and which every operation
calls first. A recording is closed in one step: its chunks are hashed, its manifest continues the chain, and
the storage takes all of it.
"""

import copy
import random
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Final

from bwc_protocol.declare import Unknown
from bwc_protocol.evidence import (
    MAX_SEGMENTS,
    UNBOUNDED_MS,
    Circumstances,
    ClockState,
    GivenBy,
    Protection,
    StopReason,
    TriggerReason,
    sealing,
)
from bwc_protocol.messages.identity import CameraState
from bwc_protocol.messages.recordings import AnnotationKind
from bwc_protocol.versions import NEWEST, Version
from firmware_sim.camera.footage_journal import FootageJournal
from firmware_sim.camera.open_recording import MS, OpenRecording, RecorderSettings
from firmware_sim.camera.power_cut import Recovered, recover
from firmware_sim.camera.said import Said as Said
from firmware_sim.camera.said import with_said
from firmware_sim.footage.source import FootageSource, expected_rate
from firmware_sim.physics.clock import DeviceClock
from firmware_sim.state.commit import Change
from firmware_sim.storage.storage import Annotation, Keep, Storage, StorageFull, StoredRecording

JOURNAL_EVERY_MS: Final = 1_000
"""What a power cut can cost beside the chunk that was open: a second."""
AGAIN_S: Final = 1.0
"""When what could not be written is tried again: as often as the journal is."""
MIN_ROOM_S: Final = 2
"""A recording does not begin with less room than for this; a file of less is not worth its entry."""

BACKFILL_UNCERTAINTY_MS: Final = 50
"""Clock uncertainty that recordings of the past state: that of a camera that is docked daily."""


Protect = Callable[[bytes, Callable[[], bytes]], tuple[Protection | None, bytes]]
"""Given a recording's id and what draws a content key: that key, wrapped for whoever may open it, and itself; or
nothing of either."""


class Recorder:
    """One camera's recording engine.

    `settings` may be replaced at any time; a recording keeps those that it began with. `facts` says what else is
    known of a recording that is closed now, and is stored with it; `circumstances` what is said of one that begins now.
    `make_room` has room made, and says whether there was anything to make it of. `closed` is told of each recording of
    this engine as it is stored, `failed` of a storage that does not take what is due: nothing is lost by that, and it
    is tried again. `protect` makes the content key of one that begins, `seal_name` has it say under that key who
    carries the camera. What is asked of the engine is refused with `OSError`, and not done, if it cannot be kept.
    """

    def __init__(
        self,
        storage: Storage,
        clock: DeviceClock,
        monotonic: Callable[[], float],
        footage: FootageSource,
        rng: random.Random,
        *,
        camera: str,
        speaks: Version = NEWEST,
        firmware_sha256: bytes,
        boot_counter: int = 0,
        settings: RecorderSettings | None = None,
        closed: Callable[[StoredRecording], None] = lambda _recording: None,
        facts: Callable[[Circumstances], list[Annotation]] = lambda _said: [],
        circumstances: Callable[[], Circumstances] = Circumstances,
        failed: Callable[[OSError], None] = lambda _error: None,
        make_room: Callable[[], bool] = lambda: False,
        seal_name: Callable[[Circumstances, bytes], Circumstances] = lambda said, _key: said,
        protect: Protect = lambda _recording_id, _draw: (None, b""),
    ) -> None:
        self.settings = settings if settings is not None else RecorderSettings()
        self.footage = footage
        self.full = False
        """Whether the last recording stopped, or could not begin, for want of room."""
        self.muted = False
        self.muted_for: int = StopReason.NOT_GIVEN
        self.stealthy = False
        self.stealthy_for: int = StopReason.NOT_GIVEN
        self._storage = storage
        self._clock = clock
        self._monotonic = monotonic
        self.rng = rng
        self._camera = camera
        self._speaks = speaks
        self._firmware_sha256 = firmware_sha256
        self._boot_counter = boot_counter
        self._closed = closed
        self._facts = facts
        self._circumstances = circumstances
        self._failed = failed
        self._make_room = make_room
        self._protect = protect
        self._seal_name = seal_name
        self._not_before_s = 0.0
        """When a storage that failed is tried again."""
        self._open: OpenRecording | None = None
        self._began_s = 0.0
        self._post_until_s: float | None = None
        self._buffering_since_s: float | None = monotonic()
        self._written = FootageJournal(storage.open_footage, footage, camera)
        self._journalled_ms = 0
        self._facts_are_kept = False
        """Whether the recording in progress would be found after a power cut."""

    # What it does

    @property
    def state(self) -> CameraState:
        """READY, RECORDING or POST_EVENT; SLEEPING when it does not even buffer."""
        if self._open is None:
            return CameraState.SLEEPING if self._buffering_since_s is None else CameraState.READY
        return CameraState.RECORDING if self._post_until_s is None else CameraState.POST_EVENT

    @property
    def recording_id(self) -> bytes | None:
        """Id of the recording in progress."""
        return None if self._open is None else self._open.recording_id

    @property
    def elapsed_ms(self) -> int:
        """Length of the recording in progress so far, with its pre-event footage."""
        return 0 if self._open is None else round((self._monotonic() - self._began_s) * 1000)

    @property
    def buffered_ms(self) -> int:
        """Pre-event footage that a recording would have if it began now."""
        if self._buffering_since_s is None:
            return 0
        held_ms = int((self._monotonic() - self._buffering_since_s) * 1000)
        return min(held_ms, self.settings.pre_event_s * 1000)

    @property
    def next_deadline_s(self) -> float | None:
        """When `advance` has something to do, in monotonic seconds; None when nothing is due."""
        recording = self._open
        if recording is None:
            return None
        due_ms = [recording.closed_ms + self._segment_ms(recording), self._room_ends_ms(recording)]
        due_ms.append(self._journalled_ms + JOURNAL_EVERY_MS)
        ends = [] if self._post_until_s is None else [self._post_until_s]
        return max(self._not_before_s, min([self._began_s + max(0, min(due_ms)) / 1000, *ends]))

    # What is done to it

    def start(
        self,
        trigger: TriggerReason,
        keep: Callable[[bytes, tuple[Change, ...]], object] | None = None,
        said: Said | None = None,
    ) -> bytes:
        """Begins a recording, or goes on with the one in progress; returns its id.

        `said` is what its event and purpose are, by whoever begins it; of one in progress it is said again.
        Raises `StorageFull` when there is no room, and `OSError` if it cannot be kept, perhaps by `keep`, which is
        given its id: then nothing has begun.
        """
        self.advance()
        if self._open is not None:
            goes_on = replace(self._open.circumstances, ending=StopReason.NOT_GIVEN, ending_by=GivenBy.NOBODY)
            self._say(with_said(goes_on, said))
            self._post_until_s = None
            return self._open.recording_id
        while self._storage.free_bytes < MIN_ROOM_S * self._rate(self.settings) and self._make_room():
            pass
        if self._storage.free_bytes < MIN_ROOM_S * self._rate(self.settings):
            self.full = True
            raise StorageFull(f"{self._storage.free_bytes} bytes are left")
        self.full = False
        recording, began_s = self._made(trigger, self.buffered_ms)
        recording.circumstances = with_said(recording.circumstances, said)
        asked: Keep | None = partial(keep, recording.recording_id) if keep is not None else None
        facts = recording.to_journal(recording.pre_event_achieved_ms)
        self._storage.keep_journal(facts, asked, begins=True)
        self._begin(recording, began_s)
        self._facts_are_kept = True
        self.advance()  # the pre-event footage is written at once
        return recording.recording_id

    def stop(self, reason: StopReason | Unknown = StopReason.NOT_GIVEN, by: GivenBy = GivenBy.BUTTON) -> None:
        """Ends the recording after its post-event footage; nothing happens when there is none to end.

        Raises `OSError` if a reason cannot be kept: then it goes on. Without one it ends whatever the flash does.
        """
        self.advance()
        if self._open is not None and self._post_until_s is None:
            if int(reason) != StopReason.NOT_GIVEN:
                self._say(replace(self._open.circumstances, ending=reason, ending_by=by))
            self._post_until_s = self._monotonic() + self._open.settings.post_event_s
            self.advance()

    def close_now(self) -> None:
        """Ends the recording at once, as before a reboot. Raises `OSError` if it cannot be stored: it is still open."""
        self.advance()
        if self._open is not None:
            self._close(self.elapsed_ms, StopReason.SWITCHED_OFF)

    def mark(self) -> bool:
        """Presses the marker; returns whether there was a recording to mark."""
        self.advance()
        if self._open is None:
            return False
        self._change(replace(self._open, marks_ms=[*self._open.marks_ms, self.elapsed_ms]))
        return True

    def set_mute(self, on: bool, reason: int = StopReason.NOT_GIVEN) -> None:
        """Switches the microphone off or on; lasts over recordings, and so does the reason."""
        self.advance()
        if self._open is not None:
            mute = copy.deepcopy(self._open.mute)
            mute.switch(on, self.elapsed_ms, reason)
            self._change(replace(self._open, mute=mute))
        if on and not self.muted:
            self.muted_for = int(reason)
        self.muted = on

    def set_stealth(self, on: bool, reason: int = StopReason.NOT_GIVEN) -> None:
        """Switches lights, tones and vibration off or on; lasts over recordings, and so does the reason."""
        self.advance()
        if self._open is not None:
            stealth = copy.deepcopy(self._open.stealth)
            stealth.switch(on, self.elapsed_ms, reason)
            self._change(replace(self._open, stealth=stealth))
        if on and not self.stealthy:
            self.stealthy_for = int(reason)
        self.stealthy = on

    def sleep(self) -> None:
        """Stops buffering, unless a recording is in progress."""
        if self._open is None:
            self._buffering_since_s = None

    def wake(self) -> None:
        """Begins to buffer, with an empty buffer."""
        if self._buffering_since_s is None:
            self._buffering_since_s = self._monotonic()

    def backfill(
        self,
        started_utc_ns: int,
        duration_ms: int,
        trigger: TriggerReason = TriggerReason.OFFICER_BUTTON,
        *,
        pre_event_ms: int = 0,
        marked: bool = False,
        facts: Callable[[int], list[Annotation]] = lambda _ended_utc_ns: [],
    ) -> StoredRecording | None:
        """Stores a recording of the past, as if it had been made then under the present settings.

        For simulated cameras that come with footage. `facts` are given when it ended. Returns None if it does not
        fit.
        """
        recording = OpenRecording(
            recording_id=self.rng.randbytes(16),
            seed=self.rng.getrandbits(63),
            trigger=trigger,
            started_utc_ns=started_utc_ns,
            boot_counter=self._boot_counter,
            pre_event_achieved_ms=pre_event_ms,
            clock_state=ClockState.SYNCED,
            clock_uncertainty_ms=BACKFILL_UNCERTAINTY_MS,
            clock_revision=self._clock.revision,
            settings=self.settings,
            marks_ms=[duration_ms // 2] if marked else [],
            circumstances=self._circumstances(),
            live=False,
        )
        self._seal(recording)
        while recording.closed_ms < duration_ms:
            self._close_segment(
                recording, min(duration_ms, recording.closed_ms + self._segment_ms(recording))
            )
        ended_ns = started_utc_ns + recording.closed_ms * MS
        return self._file(recording, facts(ended_ns), cut=False)

    def make_at_once(
        self,
        duration_ms: int,
        footage: FootageSource,
        settings: RecorderSettings,
        said: Said,
        category: str,
        keep: Callable[[], None],
    ) -> StoredRecording:
        """Stores a recording for a bench, which ends now; `keep` is called when nothing else keeps it from that.

        Raises `StorageFull`, since nothing gives way to it, and `OSError`: then nothing was stored.
        """
        made, _ = self._made(TriggerReason.BENCH, 0)
        made = replace(
            made, started_utc_ns=made.started_utc_ns - duration_ms * MS, settings=settings, live=False
        )
        made.circumstances = with_said(made.circumstances, said)
        while (begin_ms := made.closed_ms) < duration_ms:
            length_ms = min(duration_ms - begin_ms, self._segment_ms(made))
            made.close_segment(made.film(footage, self._camera, begin_ms, length_ms), length_ms)
        if made.closed_bytes > self._storage.room_bytes:
            raise StorageFull(f"{made.closed_bytes} bytes, and there is room for {self._storage.room_bytes}")
        facts = self._facts(made.circumstances)
        if category:
            facts = [replace(f, text=category) if f.kind is AnnotationKind.CATEGORY else f for f in facts]
        keep()
        stored = self._file(made, facts, cut=False)
        assert stored is not None
        self._closed(stored)
        return stored

    # Time

    def advance(self) -> None:
        """Does what time has made due: ends of segments, of the post-event footage, of the storage."""
        if self._monotonic() < self._not_before_s:
            return
        try:
            self._advance()
        except OSError as error:
            self._not_before_s = self._monotonic() + AGAIN_S
            self._failed(error)

    def _advance(self) -> None:
        while (recording := self._open) is not None:
            if len(recording.segments) == MAX_SEGMENTS:
                self._continue_in_another(recording)
                continue
            now_ms = self.elapsed_ms
            end_ms = now_ms
            ending, why = False, StopReason.NOT_GIVEN
            if self._post_until_s is not None and self._monotonic() >= self._post_until_s:
                end_ms, ending = round((self._post_until_s - self._began_s) * 1000), True
            room_ms = self._room_ends_ms(recording)
            if room_ms <= end_ms:
                if self._make_room():
                    continue
                end_ms, ending, self.full, why = room_ms, True, True, StopReason.STORAGE_FULL
            segment_ends_ms = recording.closed_ms + self._segment_ms(recording)
            if segment_ends_ms < end_ms or (segment_ends_ms == end_ms and not ending):
                self._close_segment(recording, segment_ends_ms)
                continue
            if ending:
                self._close(end_ms, why)
                return
            self._storage.pending_bytes = recording.closed_bytes + self._open_bytes(recording, now_ms)
            if now_ms - self._journalled_ms >= JOURNAL_EVERY_MS:
                self._bring_up_journal()
            return

    def _made(self, trigger: TriggerReason, pre_event_ms: int) -> tuple[OpenRecording, float]:
        """A recording that could begin now, and when it would have begun."""
        uncertainty = self._clock.uncertainty_ns()
        unset = self._clock.state is ClockState.UNSET
        recording = OpenRecording(
            recording_id=self.rng.randbytes(16),
            seed=self.rng.getrandbits(63),
            trigger=trigger,
            started_utc_ns=self._clock.utc_ns() - pre_event_ms * MS,
            boot_counter=self._boot_counter,
            pre_event_achieved_ms=pre_event_ms,
            clock_state=self._clock.state,
            clock_uncertainty_ms=UNBOUNDED_MS if unset else min(-(-uncertainty // MS), UNBOUNDED_MS - 1),
            clock_revision=self._clock.revision,
            settings=self.settings,
            circumstances=self._circumstances(),
        )
        self._seal(recording)
        # The buffer is recorded as the camera was: muted now means muted while it buffered.
        recording.mute.switch(self.muted, 0, self.muted_for)
        recording.stealth.switch(self.stealthy, 0, self.stealthy_for)
        return recording, self._monotonic() - pre_event_ms / 1000

    def _seal(self, recording: OpenRecording) -> None:
        """Gives it a content key of its own, and wraps that at once; nothing where there is nobody to wrap it for."""
        recording.protection, recording.key = self._protect(
            recording.recording_id, lambda: self.rng.randbytes(sealing.KEY_SIZE)
        )
        if recording.key:
            recording.circumstances = self._seal_name(recording.circumstances, recording.key)

    def _begin(self, recording: OpenRecording, began_s: float) -> None:
        self._open, self._began_s = recording, began_s
        self._post_until_s = self._buffering_since_s = None
        self._journalled_ms = 0
        self._facts_are_kept = False
        self._written.begin()
        self._not_before_s = 0.0

    def _say(self, said: Circumstances) -> None:
        """Keeps what is said of the recording in progress from now on. Raises `OSError`."""
        if self._open is not None and said != self._open.circumstances:
            self._change(replace(self._open, circumstances=said))

    def _change(self, changed: OpenRecording) -> None:
        """Puts a changed recording in the place of the open one, once it is kept. Raises `OSError`."""
        self._storage.keep_journal(changed.to_journal(self.elapsed_ms), begins=not self._facts_are_kept)
        self._open, self._facts_are_kept = changed, True

    def _segment_ms(self, recording: OpenRecording) -> int:
        return recording.settings.segment_s * 1000

    def _rate(self, settings: RecorderSettings) -> int:
        """Bytes a second that are expected."""
        return expected_rate(self.footage, settings.picture)

    def _open_bytes(self, recording: OpenRecording, at_ms: int) -> int:
        return recording.stored_size((at_ms - recording.closed_ms) * self._rate(recording.settings) // 1000)

    def _room_ends_ms(self, recording: OpenRecording) -> int:
        """Length at which the storage is full, at the expected rate."""
        room = self._storage.free_bytes + self._storage.pending_bytes - recording.closed_bytes
        filmed = recording.filmed_size(max(0, room))
        return recording.closed_ms + filmed * 1000 // self._rate(recording.settings)

    def _close_segment(self, recording: OpenRecording, end_ms: int) -> None:
        begin_ms = recording.closed_ms
        if end_ms > begin_ms:
            blob = recording.film(self.footage, self._camera, begin_ms, end_ms - begin_ms)
            table = self._written.table(blob, recording) if recording.live else None
            recording.close_segment(blob, end_ms - begin_ms, table)

    def _continue_in_another(self, recording: OpenRecording) -> None:
        """A manifest holds no more segments: closes the recording, and goes on without a gap in a new one."""
        trigger, ended_s = recording.trigger, self._began_s + recording.closed_ms / 1000
        post_until_s = self._post_until_s
        said = recording.circumstances
        ending = replace(said, ending=StopReason.CONTINUED, ending_by=GivenBy.CAMERA)
        self._store(replace(recording, circumstances=ending))
        following, now_s = self._made(trigger, 0)
        following.circumstances = replace(
            following.circumstances,
            event=said.event,
            event_by=said.event_by,
            ending=said.ending,
            ending_by=said.ending_by,
            purpose=said.purpose,
        )
        following.started_utc_ns -= round((now_s - ended_s) * 1e9)
        self._begin(following, ended_s)
        self._post_until_s = post_until_s
        self._bring_up_journal()

    def _close(self, end_ms: int, why: StopReason) -> None:
        """`why` is the camera's own reason; where somebody had asked for the end it is none."""
        recording = self._open
        if recording is None:
            return
        self._close_segment(recording, end_ms)
        asked = self._post_until_s is not None
        self._store(recording if asked or why is StopReason.NOT_GIVEN else recording.ended(why))

    def _store(self, recording: OpenRecording) -> None:
        """Hands the recording in progress to the storage, and is ready again.

        Raises `OSError` if the storage does not take it: then it is still in progress, with all its segments.
        """
        stored = self._file(recording, self._facts(recording.circumstances), cut=False)
        self._open = self._post_until_s = None
        self._buffering_since_s = self._monotonic()
        self._storage.pending_bytes = 0
        if stored is not None:
            self._closed(stored)

    def _file(
        self, recording: OpenRecording, facts: list[Annotation], *, cut: bool
    ) -> StoredRecording | None:
        """States the manifest and stores the recording. Returns None if there is nothing, or nothing fits."""
        storage = self._storage
        while recording.segments and recording.closed_bytes > storage.room_bytes:
            if self._make_room():
                continue
            recording.segments.pop()  # the footage came out larger than its expected rate
            self.full = True
        if not recording.segments:
            self._storage.forget_journal()
            return None
        before = self._storage.last_manifest_sha256
        stated = recording.manifest(
            self._camera, self._storage.next_sequence, before, self._firmware_sha256, cut=cut
        )
        marks = [
            Annotation(
                recording.started_utc_ns + at_ms * MS, AnnotationKind.MARKED, self._camera, f"at {at_ms} ms"
            )
            for at_ms in recording.marks_ms
        ]
        tables = [segment.table for segment in recording.segments]
        blobs = [segment.blob for segment in recording.segments]
        stored = self._storage.add(stated.as_of(self._speaks), tables, blobs, [*marks, *facts])
        if recording.live:
            self._storage.forget_journal()
        return stored

    # Power

    def _bring_up_journal(self) -> None:
        """Writes what has been recorded since the last time. Raises `OSError`."""
        if self._open is not None:
            now_ms = self.elapsed_ms
            if not self._facts_are_kept:
                self._storage.keep_journal(self._open.to_journal(now_ms), begins=True)
                self._facts_are_kept = True
            self._written.bring_up(self._open, now_ms)
            self._journalled_ms = now_ms

    def power_cut(self) -> None:
        """Loses power: what is in memory is gone, and what is on the flash is what the next boot finds.

        This engine must not be used any more; the one that the next boot makes recovers.
        """
        self._open = None
        self._storage.pending_bytes = 0

    def recover_after_power_cut(self) -> Recovered | None:
        """Closes, with `cut`, the recording that the last power cut interrupted; None if there was none.

        Raises `OSError` if it cannot be stored, and may be tried again: its flash and its journal stay until it is.
        """
        interrupted = recover(self._storage, self.footage, self._camera)
        if interrupted is None:
            return None
        recording, elapsed_ms = interrupted
        stored = self._file(
            recording.ended(StopReason.POWER_LOST), self._facts(recording.circumstances), cut=True
        )
        return Recovered(stored, elapsed_ms - (recording.closed_ms if stored is not None else 0))
