"""What a bench makes of the state of a simulator or of development firmware: charge, clock, room, recordings."""

from bwc_protocol.evidence import ClockState
from bwc_protocol.messages.audit import AuditKind
from bwc_protocol.messages.bench import (
    BenchRecording,
    BenchState,
    FillStorage,
    MakeRecording,
    MoveClock,
    ReadBench,
    RestoreState,
    SetCharge,
)
from bwc_protocol.messages.identity import CameraState, Capability
from bwc_protocol.vocabulary import ErrorCode
from firmware_sim.camera.bench_work import BenchWork
from firmware_sim.camera.session import CameraSession
from firmware_sim.camera.setting_rules import refused_purpose
from firmware_sim.device.refusal import Refusal
from firmware_sim.handlers.clock import EARLIEST_NS, LATEST_NS
from firmware_sim.handlers.registry import CAMERA
from firmware_sim.storage.storage import StorageFull


@ReadBench.handler(CAMERA)
def state(session: CameraSession, request: ReadBench) -> BenchState:
    return _state(session, _bench(session))


@SetCharge.handler(CAMERA)
def charge(session: CameraSession, request: SetCharge) -> BenchState:
    bench = _bench(session)
    session.audit(AuditKind.BENCH_USED, f"bench.charge: {request.charge_pct} %")
    bench.charge(request.charge_pct)
    return _state(session, bench)


@MoveClock.handler(CAMERA)
def clock(session: CameraSession, request: MoveClock) -> BenchState:
    bench, clock = _bench(session), session.camera.clock
    if request.revision != clock.revision:
        raise Refusal(ErrorCode.CONFLICT, f"the clock's revision is {clock.revision}")
    if clock.state is ClockState.UNSET:
        raise Refusal(ErrorCode.WRONG_STATE, "the clock is not set")
    changed = clock.moved_by_bench(request.offset_ns)
    if not EARLIEST_NS <= changed.utc_ns() < LATEST_NS:
        raise Refusal(ErrorCode.OUT_OF_RANGE, "a time before 2024 or after 2100")
    session.audit(
        AuditKind.BENCH_USED,
        f"bench.clock: by {request.offset_ns:+} ns",
        *session.camera.state_change(clock=changed),
    )
    bench.become(changed)
    return _state(session, bench)


@FillStorage.handler(CAMERA)
def fill(session: CameraSession, request: FillStorage) -> BenchState:
    bench = _bench(session)
    session.audit(AuditKind.BENCH_USED, f"bench.fill: {request.free_bytes} bytes are left at most")
    bench.fill(request.free_bytes)
    return _state(session, bench)


@MakeRecording.handler(CAMERA)
def record(session: CameraSession, request: MakeRecording) -> BenchRecording:
    bench, camera = _bench(session), session.camera
    last = camera.storage.next_sequence - 1
    if request.after != last:
        raise Refusal(ErrorCode.CONFLICT, f"the last recording is {last}")
    if (refused := refused_purpose(request.category)) is not None:
        raise refused
    if camera.state in (CameraState.RECORDING, CameraState.POST_EVENT):
        raise Refusal(ErrorCode.WRONG_STATE, "it records")
    if not camera.may_record:
        raise Refusal(ErrorCode.WRONG_STATE, "it is not enrolled: its recordings would be nobody's")

    def keep() -> None:
        session.audit(AuditKind.BENCH_USED, f"bench.record: recording {last + 1}, {request.duration_ms} ms")

    try:
        made = bench.record(request.duration_ms, request.size_bytes, request.category, keep)
    except StorageFull as error:
        raise Refusal(ErrorCode.FULL, str(error)) from error
    return BenchRecording(
        recording=made.recording_id, sequence=made.sequence, manifest_sha256=made.manifest_sha256
    )


@RestoreState.handler(CAMERA)
def restore(session: CameraSession, request: RestoreState) -> BenchState:
    bench, clock = _bench(session), session.camera.clock
    moved_ns = clock.bench_moved_ns
    back = clock.moved_by_bench(-moved_ns) if moved_ns else None
    changes = () if back is None else session.camera.state_change(clock=back)
    session.audit(AuditKind.BENCH_USED, f"bench.restore: the clock by {-moved_ns:+} ns", *changes)
    bench.restore(back)
    return _state(session, bench)


def _bench(session: CameraSession) -> BenchWork:
    """Raises `Refusal` of a device that is none for benches, whatever else it is."""
    stated = session.camera.profile.capabilities
    if Capability.BENCH not in stated or not stated & (Capability.SIMULATOR | Capability.LAB):
        raise Refusal(ErrorCode.UNSUPPORTED, "this device is no bench's")
    return session.camera.bench


def _state(session: CameraSession, bench: BenchWork) -> BenchState:
    camera = session.camera
    return BenchState(
        charge_pct=bench.charge_pct,
        taken_bytes=camera.storage.taken_bytes,
        clock_moved_ns=camera.clock.bench_moved_ns,
        clock_revision=camera.clock.revision,
        last_sequence=camera.storage.next_sequence - 1,
    )
