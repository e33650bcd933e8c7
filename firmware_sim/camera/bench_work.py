"""What a bench does to the state of a camera: charge, clock, room, recordings (spec: Bench).

It ends with `restore`, or with the next boot: nothing of charge and room is ever kept, and what the clock was moved by
is kept beside its time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final, Protocol

from bwc_protocol.evidence import ActivationEvent, GivenBy, Purpose
from bwc_protocol.messages.audit import AuditKind
from firmware_sim.camera.body import CameraBody
from firmware_sim.camera.recorder import Said
from firmware_sim.footage.source import FootageSource, Mp4Footage, SyntheticFootage, expected_rate
from firmware_sim.physics.clock import DeviceClock
from firmware_sim.storage.storage import StoredRecording

FILMED_MAX_MS: Final = 10_000
"""Longer footage is of whatever bytes: to film a minute takes the machine two seconds."""
SAID: Final = Said(ActivationEvent.TEST, Purpose.TEST, GivenBy.TRIGGER)
"""What each of its recordings says of itself, beside its trigger."""


class BenchCamera(CameraBody, Protocol):
    """A camera, as a bench sees it."""

    def clock_was_set(self) -> None:
        """Tells the hosts."""


class BenchWork:
    """The doings of benches on one camera, until its next boot."""

    def __init__(self, camera: BenchCamera) -> None:
        self._camera = camera
        self.charge_pct: int | None = None
        """What was asked for; the cell has gone on since."""

    @property
    def fills(self) -> bool:
        """Whether room is taken: then nothing is erased to make any."""
        return self._camera.storage.taken_bytes > 0

    def charge(self, charge_pct: int) -> None:
        """Has the cell be at this charge."""
        self._camera.settle()
        self._camera.battery.act_out(charge_pct)
        self.charge_pct = charge_pct
        self._camera.settle()

    def fill(self, free_bytes: int) -> None:
        """Takes room until no more than this is left."""
        storage = self._camera.storage
        storage.taken_bytes = max(0, storage.free_bytes + storage.taken_bytes - free_bytes)
        self._camera.settle()

    def become(self, clock: DeviceClock) -> None:
        """The clock was moved; that is kept already."""
        self._camera.clock.become(clock)
        self._camera.clock_was_set()

    def record(
        self, duration_ms: int, size_bytes: int, category: str, keep: Callable[[], None]
    ) -> StoredRecording:
        """Makes a recording that ends now; `keep` is called when nothing more keeps it from being stored.

        Raises `StorageFull`, and `OSError` if it cannot be kept: then there is none.
        """
        recorder = self._camera.recorder
        footage, settings = self._source(duration_ms, size_bytes), recorder.settings
        if size_bytes:
            settings = replace(settings, segment_s=-(-duration_ms // 1000))
        return recorder.make_at_once(duration_ms, footage, settings, SAID, category, keep)

    def _source(self, duration_ms: int, size_bytes: int) -> FootageSource:
        recorder = self._camera.recorder
        if size_bytes:
            return SyntheticFootage(segment_bytes=size_bytes)
        if isinstance(recorder.footage, Mp4Footage) and duration_ms > FILMED_MAX_MS:
            return SyntheticFootage(
                bytes_per_second=expected_rate(recorder.footage, recorder.settings.picture)
            )
        return recorder.footage

    def restore(self, clock: DeviceClock | None) -> None:
        """Gives charge and room back; `clock` is one that was moved back, which is kept already."""
        camera = self._camera
        camera.battery.stop_acting()
        self.charge_pct = None
        if self.fills:
            camera.storage.taken_bytes = 0
            camera.recorder.full = False  # it was for want of what is there again
        if clock is not None:
            self.become(clock)
        camera.settle()

    def booted(self) -> None:
        """The camera starts: what a bench left is over."""
        camera, moved_ns = self._camera, self._camera.clock.bench_moved_ns
        left = self.charge_pct is not None or self.fills or moved_ns
        self.charge_pct = None
        camera.battery.stop_acting()
        camera.storage.taken_bytes = 0
        if moved_ns:
            camera.clock.become(camera.clock.moved_by_bench(-moved_ns))
        if left:
            detail = f"it started again: charge, room and clock are its own ({-moved_ns:+} ns)"
            camera.audit.note(AuditKind.BENCH_USED, detail, camera.serial)
