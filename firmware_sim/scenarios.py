"""Makes cameras that come with footage, as one finds them in a dock at the end of a shift, and the dock."""

import enum
import random
from functools import partial
from pathlib import Path
from typing import Final

from bwc_protocol.evidence import (
    CHUNK_SIZE,
    MAX_CHUNKS,
    MIN_CHUNK_SIZE,
    TriggerReason,
    chunk_count,
    chunk_span,
)
from bwc_protocol.evidence.sealing import plain_size
from bwc_protocol.frame import MAX_PAYLOAD, MIN_PAYLOAD
from bwc_protocol.messages.recordings import AnnotationKind
from bwc_protocol.session.preamble import PROTECTED_SINCE
from bwc_protocol.versions import NEWEST, Version, dotted
from firmware_sim.camera.camera import SimCamera
from firmware_sim.camera.model import CAPACITY_BYTES, CameraOptions
from firmware_sim.device.trust.kept import Agency
from firmware_sim.faults.plan import Decay, FaultPlan
from firmware_sim.flash.flash import Flash
from firmware_sim.footage.source import FootageSource, Mp4Footage, SyntheticFootage
from firmware_sim.serving.bay_port import BayPort
from firmware_sim.station.station import SimStation
from firmware_sim.storage.storage import Annotation, StorageFull

MIB: Final = 1_048_576
MIB_MAX: Final = MAX_CHUNKS
"""A recording of synthetic bytes is one segment."""
RECORDINGS_MAX: Final = 100_000
DAY_S: Final = 86_400
SHIFT_BEGINS_S: Final = 9 * 3600
SHIFT_S: Final = 8 * 3600
SHORT_MS: Final = (4_000, 8_000)
"""Length of footage: long enough to see, and made in a fifth of a second."""
SIZED_MS: Final = (60_000, 600_000)
"""Length that is claimed for synthetic bytes whose size is given."""
PRE_EVENT_MS: Final = 2_000
TRIGGERS: Final = (
    TriggerReason.OFFICER_BUTTON,
    TriggerReason.OFFICER_BUTTON,
    TriggerReason.VEHICLE,
    TriggerReason.SIGNAL_PEER,
    TriggerReason.HOLSTER,
)
CATEGORIES: Final = ("unclassified", "incident", "traffic")


class Footage(enum.Enum):
    """Where footage comes from."""

    REAL = "real"
    SYNTHETIC = "synthetic"


def make_camera(
    *,
    seed: int = 0,
    recordings: int = 0,
    mib: int | None = None,
    footage: Footage = Footage.REAL,
    state: Path | Flash | None = None,
    faults: FaultPlan | None = None,
    utc_ns: int | None = None,
    frame_bytes: int = MAX_PAYLOAD,
    chunk_bytes: int = CHUNK_SIZE,
    agency: Agency | None = None,
    enrolled: bool = True,
    sealed: bool = True,
    speaks: Version = NEWEST,
) -> SimCamera:
    """A camera with `recordings` of yesterday's shift; with `mib`, each of that many MiB as it is stored.

    `frame_bytes` is the largest payload of a frame that it takes and sends, `chunk_bytes` the size of the chunks that
    it stores. `agency` is whose factory made it, and, where it is `enrolled`, whose it is; without one it has
    development firmware. Footage is encrypted for the agency's evidence recipients unless it is not `sealed`: GiB of
    synthetic bytes are then made and hashed in no time. Firmware that `speaks` an older version of the protocol knows
    what was declared by then; before 1.2 it has no agency. A flash, or a state directory, that has recordings is left
    as it is. Raises `StateError` for one that cannot be used, `FootageUnavailable` without the extra `sim`,
    `ValueError` beyond the limits.
    """
    if not 0 <= recordings <= RECORDINGS_MAX or not (mib is None or 1 <= mib <= MIB_MAX):
        raise ValueError(f"at most {RECORDINGS_MAX} recordings of at most {MIB_MAX} MiB")
    _demand_agency_of_its_time(speaks, agency)
    if not (MIN_PAYLOAD <= frame_bytes <= MAX_PAYLOAD and MIN_CHUNK_SIZE <= chunk_bytes <= CHUNK_SIZE):
        raise ValueError(
            f"frames carry {MIN_PAYLOAD} to {MAX_PAYLOAD} bytes, chunks {MIN_CHUNK_SIZE} to {CHUNK_SIZE}"
        )
    source: FootageSource = Mp4Footage() if footage is Footage.REAL else SyntheticFootage()
    if mib is not None:
        stored = mib * MIB
        encrypts = sealed and enrolled and agency is not None and agency.recipients
        source = SyntheticFootage(segment_bytes=plain_size(stored, chunk_bytes) if encrypts else stored)
    needed = recordings * (mib or 0) * MIB
    options = CameraOptions(
        seed=seed,
        footage=source,
        state=state,
        capacity_bytes=max(CAPACITY_BYTES, needed * 5 // 4),
        max_payload=frame_bytes,
        chunk_size=chunk_bytes,
        agency=agency,
        enrolled=enrolled,
        sealed=sealed,
        speaks=speaks,
    )
    camera = SimCamera(options, utc_ns=utc_ns)
    try:
        if not len(camera.storage) and not camera.storage.damaged:
            with camera.storage.hurrying():
                _fill(camera, recordings)
        if faults is not None:
            _decay(camera, faults)
    except BaseException:
        camera.close()
        raise
    return camera


def make_station(
    bays: int,
    *,
    seed: int = 0,
    docked: int | None = None,
    recordings: int = 0,
    mib: int | None = None,
    footage: Footage = Footage.REAL,
    state: Path | None = None,
    faults: FaultPlan | None = None,
    utc_ns: int | None = None,
    frame_bytes: int = MAX_PAYLOAD,
    chunk_bytes: int = CHUNK_SIZE,
    agency: Agency | None = None,
    enrolled: bool = True,
    sealed: bool = True,
    speaks: Version = NEWEST,
) -> SimStation:
    """A station with cameras in the first `docked` of its bays (default: all); bay n has the camera of `seed` + n.

    In a state directory each camera has one of its own, `bay-01` and so on, and stands in that bay when it is made
    again, wherever it stood last. `faults` is about what the cameras have stored, `frame_bytes` and `chunk_bytes` are
    theirs, `agency`, `enrolled` and `speaks` also the station's. Raises what `make_camera` raises, also for a directory
    with a station of another size, `ValueError` for a number of bays that no station has.
    """
    _demand_agency_of_its_time(speaks, agency)
    station = SimStation(
        bays,
        BayPort,
        seed=seed,
        utc_ns=utc_ns,
        state=state,
        agency=agency,
        enrolled=enrolled,
        speaks=speaks,
    )
    try:
        for bay in range(1, 1 + (bays if docked is None else min(docked, bays))):
            camera = make_camera(
                seed=seed + bay,
                recordings=recordings,
                mib=mib,
                footage=footage,
                state=None if state is None else state / f"bay-{bay:02d}",
                faults=faults,
                utc_ns=utc_ns,
                frame_bytes=frame_bytes,
                chunk_bytes=chunk_bytes,
                agency=agency,
                enrolled=enrolled,
                sealed=sealed,
                speaks=speaks,
            )
            station.dock(bay, camera)
    except BaseException:
        station.close()
        raise
    return station


def _demand_agency_of_its_time(speaks: Version, agency: Agency | None) -> None:
    if agency is not None and speaks < PROTECTED_SINCE:
        raise ValueError(f"a device of protocol {dotted(speaks)} knows the insecure session alone")


def _fill(camera: SimCamera, count: int) -> None:
    """Recordings of yesterday, spread over a shift; the same ones all day, so that their footage is cached."""
    rng = random.Random(f"shift {camera.options.seed}")
    today_s = camera.true_utc_ns() // 1_000_000_000 // DAY_S * DAY_S
    begin_s = today_s - DAY_S + SHIFT_BEGINS_S
    footage = camera.options.footage
    sized = isinstance(footage, SyntheticFootage) and footage.segment_bytes is not None
    for index in range(count):
        at_s = begin_s + (index * SHIFT_S + rng.randrange(SHIFT_S // 2)) // count
        stored = camera.recorder.backfill(
            at_s * 1_000_000_000,
            rng.randrange(*(SIZED_MS if sized else SHORT_MS)),
            rng.choice(TRIGGERS),
            pre_event_ms=PRE_EVENT_MS,
            marked=index % 4 == 1,
            facts=partial(_facts, camera.serial, index),
        )
        if stored is None:
            raise StorageFull(f"recording {index + 1} of {count} does not fit")


def _facts(camera: str, index: int, ended_utc_ns: int) -> list[Annotation]:
    notes = [(AnnotationKind.CATEGORY, CATEGORIES[index % len(CATEGORIES)])]
    if index % 5 == 2:
        notes.append((AnnotationKind.HELD, "asked for by the court"))
    return [Annotation(ended_utc_ns, kind, camera, text) for kind, text in notes]


def _decay(camera: SimCamera, plan: FaultPlan) -> None:
    """Damages stored footage as the plan says; manifests and tables stay as they were."""
    rng = random.Random(f"decay {plan.seed}")
    everything = camera.listing(0, RECORDINGS_MAX)
    for decay, count in plan.decays.items():
        for _ in range(count if everything else 0):
            recording = rng.choice(everything)
            segment = rng.randrange(len(recording.blobs))
            facts = recording.manifest.segments[segment]
            if decay is Decay.ROT:
                at = rng.randrange(facts.size_bytes)
                camera.storage.rot(recording.recording_id, segment, flip_at=at)
            else:
                chunk = rng.randrange(chunk_count(facts.size_bytes, facts.chunk_size))
                offset, size = chunk_span(chunk, facts.size_bytes, facts.chunk_size)
                camera.storage.rot(recording.recording_id, segment, bad=range(offset, offset + size))
