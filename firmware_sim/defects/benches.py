"""Defects of what a bench may set (spec: Bench)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from bwc_protocol.declare import Request
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
from bwc_protocol.messages.clock import TimeAssurance, TimeSource
from bwc_protocol.messages.identity import Capability
from bwc_protocol.vocabulary import ErrorCode
from firmware_sim.camera.camera import SimCamera
from firmware_sim.camera.open_recording import RecorderSettings
from firmware_sim.camera.said import Said
from firmware_sim.camera.session import CameraSession
from firmware_sim.defects.defect import Defect
from firmware_sim.device.refusal import Refusal
from firmware_sim.faulty_evidence import Handler, answer_otherwise
from firmware_sim.footage.source import FootageSource
from firmware_sim.handlers import bench
from firmware_sim.storage.storage import StoredRecording


def _answers(name: str, rule: str, what: str, request: type[Request[Any]], handler: Handler) -> Defect:
    return Defect(name, rule, what, lambda camera: answer_otherwise(camera, request, handler))


def _in_production(camera: SimCamera) -> None:
    camera.profile.capabilities &= ~(Capability.SIMULATOR | Capability.LAB)
    camera.profile.capabilities |= Capability.BENCH


def _states_it_alone(session: CameraSession, request: ReadBench) -> BenchState:
    raise Refusal(ErrorCode.UNSUPPORTED, "a capability without its commands")


def _unlogged(session: CameraSession, request: SetCharge) -> BenchState:
    session.camera.bench.charge(request.charge_pct)
    return bench.state(session, ReadBench())


def _pressed(camera: SimCamera) -> None:
    """Its recordings for benches say nothing of that, but for their trigger."""
    make = camera.recorder.make_at_once

    def nothing_said(
        duration_ms: int,
        footage: FootageSource,
        settings: RecorderSettings,
        said: Said,
        category: str,
        keep: Callable[[], None],
    ) -> StoredRecording:
        return make(duration_ms, footage, settings, Said(), category, keep)

    camera.recorder.make_at_once = nothing_said  # type: ignore[method-assign]  # of this one alone


def _makes_room(session: CameraSession, request: MakeRecording) -> BenchRecording:
    storage = session.camera.storage
    oldest = storage.page(0, 1)
    if request.size_bytes > storage.room_bytes and oldest:
        session.camera.vanished.add(oldest[0].recording_id)  # as a host sees it, it is gone
    return bench.record(session, request)


def _keeps_the_room(session: CameraSession, request: RestoreState) -> BenchState:
    taken = session.camera.storage.taken_bytes
    bench.restore(session, request)
    session.camera.storage.taken_bytes = taken
    return bench.state(session, ReadBench())


def _says_room(session: CameraSession, request: FillStorage) -> BenchState:
    session.audit(AuditKind.BENCH_USED, f"bench.fill: {request.free_bytes} bytes are left at most")
    free = session.camera.storage.free_bytes
    return replace(bench.state(session, ReadBench()), taken_bytes=max(0, free - request.free_bytes))


def _sets_the_clock(session: CameraSession, request: MoveClock) -> BenchState:
    said = bench.clock(session, request)
    clock = session.camera.clock
    clock.source, clock.assurance = TimeSource.OPERATOR, TimeAssurance.UNVERIFIED
    return said


DEFECTS: Final = (
    Defect("bench-in-service", "BEN-001", "lets a bench set its state in production", _in_production),
    _answers(
        "bench-in-name", "BEN-002", "states BENCH, and has no such command", ReadBench, _states_it_alone
    ),
    _answers("bench-unlogged", "BEN-003", "logs no charge that a bench sets", SetCharge, _unlogged),
    Defect("bench-unsaid", "BEN-004", "records for a bench as if somebody had pressed the button", _pressed),
    _answers(
        "bench-makes-room", "BEN-005", "lets a recording give way to a bench", MakeRecording, _makes_room
    ),
    _answers("bench-stays", "BEN-006", "keeps the room that a bench took", RestoreState, _keeps_the_room),
    _answers("bench-says-room", "BEN-007", "says that room is taken, and has it", FillStorage, _says_room),
    _answers(
        "bench-sets-clock", "BEN-008", "takes a moved clock for one that was set", MoveClock, _sets_the_clock
    ),
)
