"""Defects of single commands (spec: Configuration, Clock, Recording, Audit log)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from types import MethodType
from typing import Any, Final

import cbor2

from bwc_protocol.messages.audit import AuditKind, AuditPage, ReadAudit
from bwc_protocol.messages.clock import (
    ClockExchange,
    ClockReading,
    ClockSet,
    ExchangeTime,
    ReadClock,
    SetClock,
)
from bwc_protocol.messages.config import ApplyConfig, ConfigState, Setting, StageConfig
from bwc_protocol.messages.core import StreamOpened
from bwc_protocol.messages.identity import Reboot, RebootAccepted
from bwc_protocol.messages.recordings import (
    AnnotationState,
    ListPage,
    ListRecordings,
    ManifestReply,
    MarkRecording,
    OpenSegment,
    OpenTable,
    ReadManifest,
)
from bwc_protocol.vocabulary import ErrorCode
from firmware_sim.camera.camera import SimCamera
from firmware_sim.camera.session import CameraSession
from firmware_sim.camera.settings import Settings
from firmware_sim.defects.defect import Defect
from firmware_sim.device.audit_log import LogEntry
from firmware_sim.device.refusal import Refusal
from firmware_sim.faulty_evidence import Handler, answer_otherwise
from firmware_sim.handlers import audit, clock, config, identity, recordings
from firmware_sim.state.commit import Change

NO_BOUND: Final = 2**64 - 1
CIRCUMSTANCES: Final = 20
"""Their key in a manifest."""


def _answers(name: str, rule: str, what: str, request: type[Any], handler: Handler) -> Defect:
    return Defect(name, rule, what, lambda camera: answer_otherwise(camera, request, handler))


# Configuration


def _stages_some(camera: SimCamera) -> None:
    def stage(settings: Settings, revision: int, values: Iterable[Setting]) -> None:
        for value in values:
            Settings.stage(settings, revision, [value])

    _in_the_place_of(camera.settings, stage)


def _stages_anything(camera: SimCamera) -> None:
    def stage(settings: Settings, revision: int, values: Iterable[Setting]) -> None:
        known = [value for value in values if value.key in settings.rules]
        fitting = []
        for value in known:
            try:
                settings.rules[value.key].accept(value)
            except Refusal:
                continue
            fitting.append(value)
        Settings.stage(settings, revision, fitting)

    _in_the_place_of(camera.settings, stage)


def _any_revision(camera: SimCamera) -> None:
    def check_revision(settings: Settings, revision: int) -> None:
        """Looks at nothing."""

    _in_the_place_of(camera.settings, check_revision)


def _keeps_staged(camera: SimCamera) -> None:
    def abort(settings: Settings) -> None:
        """Drops nothing."""

    _in_the_place_of(camera.settings, abort)


def _first_value_stays(camera: SimCamera) -> None:
    def stage(settings: Settings, revision: int, values: Iterable[Setting]) -> None:
        staged = {value.key for value in settings.staged()}
        Settings.stage(settings, revision, [value for value in values if value.key not in staged])

    _in_the_place_of(camera.settings, stage)


def _in_the_place_of(one: object, method: Callable[..., Any]) -> None:
    """Gives one object another method of that name."""
    setattr(one, method.__name__, MethodType(method, one))


def _last_of_two(session: CameraSession, request: StageConfig) -> ConfigState:
    last = {setting.key: setting for setting in request.settings}
    return config.stage(session, replace(request, settings=tuple(last.values())))


def _counts_nothing(session: CameraSession, request: ApplyConfig) -> ConfigState:
    staged = session.camera.settings.state().staged
    state = config.commit(session, request)
    if not staged:
        session.audit(AuditKind.CONFIG_APPLIED, f"revision {state.revision}: ")
    return state


# Clock


def _rounds_t1(session: CameraSession, request: ExchangeTime) -> ClockExchange:
    return replace(clock.exchange(session, request), host_sent_ns=request.host_sent_ns // 1_000 * 1_000 + 1)


def _bound_while_unset(session: CameraSession, request: ReadClock) -> ClockReading:
    return replace(clock.read(session, request), uncertainty_ns=NO_BOUND)


def _sets(**changes: object) -> Handler:
    """A set that is looked at as if it said something else."""

    def handler(session: CameraSession, request: SetClock) -> ClockSet:
        asked: dict[str, Any] = dict(changes)
        if "revision" in asked:
            asked["revision"] = session.camera.clock.revision
        try:
            return clock.set_clock(session, replace(request, **asked))
        except Refusal as refusal:
            if refusal.code is ErrorCode.IMPLAUSIBLE and "revision" in asked:
                return clock.set_clock(session, replace(request, offset_ns=0, **asked))
            raise

    return handler


def _any_step(session: CameraSession, request: SetClock) -> ClockSet:
    try:
        return clock.set_clock(session, request)
    except Refusal as refusal:
        if refusal.code is not ErrorCode.IMPLAUSIBLE:
            raise
        return clock.set_clock(session, replace(request, offset_ns=0))


def _forgets_its_steps(session: CameraSession, request: SetClock) -> ClockSet:
    session.camera.clock.moved_ns = 0
    return clock.set_clock(session, request)


def _any_year(session: CameraSession, request: SetClock) -> ClockSet:
    bounds = clock.EARLIEST_NS, clock.LATEST_NS
    clock.EARLIEST_NS, clock.LATEST_NS = 0, 2**63 - 1  # type: ignore[misc]  # the defect
    try:
        return clock.set_clock(session, request)
    finally:
        clock.EARLIEST_NS, clock.LATEST_NS = bounds  # type: ignore[misc]  # as they were


# Recordings


def _another_manifest(session: CameraSession, request: ReadManifest) -> ManifestReply:
    real = recordings.manifest(session, request)
    return replace(real, manifest=real.manifest + b"\0")


def _any_manifest(session: CameraSession, request: OpenSegment) -> StreamOpened:
    own = session.camera.recording(request.recording).manifest_sha256
    return recordings.segment(session, replace(request, manifest_sha256=own))


def _any_table(session: CameraSession, request: OpenTable) -> StreamOpened:
    own = session.camera.recording(request.recording).manifest_sha256
    return recordings.table(session, replace(request, manifest_sha256=own))


def _newest_first(session: CameraSession, request: ListRecordings) -> ListPage:
    real = recordings.page(session, request)
    return replace(real, recordings=real.recordings[::-1])


def _long_pages(session: CameraSession, request: ListRecordings) -> ListPage:
    return recordings.page(session, replace(request, limit=256))


def _counts_what_it_lists(session: CameraSession, request: ListRecordings) -> ListPage:
    real = recordings.page(session, request)
    return replace(real, total=len(real.recordings) - 1)


def _no_page_beyond(session: CameraSession, request: ListRecordings) -> ListPage:
    real = recordings.page(session, request)
    if not real.recordings:
        raise Refusal(ErrorCode.NOT_FOUND, "no recording beyond that")
    return real


def _cuts_short(session: CameraSession, request: OpenSegment) -> StreamOpened:
    blob = session.camera.recording(request.recording).blobs[request.segment]
    most = max(1, blob.size_bytes - request.offset)
    return recordings.segment(session, replace(request, length=min(request.length, most)))


def _marks_again(session: CameraSession, request: MarkRecording) -> AnnotationState:
    recordings.mark(session, replace(request, marked=not request.marked))
    return recordings.mark(session, request)


# Log


def _skips_an_entry(session: CameraSession, request: ReadAudit) -> AuditPage:
    return audit.page(session, replace(request, after=request.after + 1))


def _forges_its_log(session: CameraSession, request: ReadAudit) -> AuditPage:
    real = audit.page(session, request)
    forged = tuple(replace(entry, detail="nothing happened") for entry in real.entries[-1:])
    return replace(real, entries=real.entries[:-1] + forged)


def _moves_its_stamps(session: CameraSession, request: ReadAudit) -> AuditPage:
    real = audit.page(session, request)
    moved = session.camera.clock.moved_ns
    return replace(real, entries=tuple(replace(one, utc_ns=one.utc_ns + moved) for one in real.entries))


def _logs_no_opening(session: CameraSession, request: ReadAudit) -> AuditPage:
    real = audit.page(session, request)
    return replace(
        real, entries=tuple(one for one in real.entries if one.kind is not AuditKind.SESSION_OPENED)
    )


def _logs_none(*kinds: AuditKind) -> Callable[[SimCamera], None]:
    """Writes no entry of these kinds, and does what they are about."""

    def into(camera: SimCamera) -> None:
        log = camera.audit
        append = log._append

        def some(asked: Sequence[dict[str, Any]], also: Sequence[Change]) -> LogEntry | None:
            return append([facts for facts in asked if facts["kind"] not in kinds], also)

        log._append = some  # type: ignore[method-assign]  # the defect

    return into


def _logs_no_reboot(session: CameraSession, request: Reboot) -> RebootAccepted:
    session.audit = lambda *said: None  # type: ignore[method-assign]  # the defect
    try:
        return identity.reboot(session, request)
    finally:
        del session.audit


def _says_what_says_nothing(session: CameraSession, request: ReadManifest) -> ManifestReply:
    real = recordings.manifest(session, request)
    said = cbor2.loads(real.manifest)
    return replace(real, manifest=cbor2.dumps(said | {CIRCUMSTANCES: {}}, canonical=True))


def _says_nothing_of_hashes(session: CameraSession, request: ReadAudit) -> AuditPage:
    real = audit.page(session, request)
    return real if real.entries else replace(real, previous_sha256=bytes(32))


DEFECTS: Final = (
    Defect("stages-some", "CFG-001", "stages the good values of a request that it refuses", _stages_some),
    Defect("stages-anything", "CFG-002", "drops values that do not fit, and says nothing", _stages_anything),
    Defect("any-revision", "CFG-004", "takes changes against another revision", _any_revision),
    Defect("keeps-staged", "CFG-006", "keeps what is staged when a conversation ends", _keeps_staged),
    _answers("last-of-two", "CFG-008", "takes the last of two values of one key", StageConfig, _last_of_two),
    _answers("logs-nothing", "CFG-009", "logs a commit of nothing", ApplyConfig, _counts_nothing),
    Defect("first-stays", "CFG-010", "keeps the first of two staged values", _first_value_stays),
    _answers("rounds-t1", "CLK-001", "returns another t1 than came", ExchangeTime, _rounds_t1),
    _answers("any-step", "CLK-002", "takes any step of the clock, and does not make it", SetClock, _any_step),
    _answers("any-clock", "CLK-003", "sets the clock at another revision", SetClock, _sets(revision=0)),
    _answers("any-year", "CLK-013", "sets its clock to any year", SetClock, _any_year),
    _answers("forgets-steps", "CLK-015", "forgets what the clock was moved by", SetClock, _forgets_its_steps),
    _answers("no-bound", "CLK-014", "states no bound of a clock that is set", ReadClock, _bound_while_unset),
    _answers(
        "other-manifest", "REC-001", "gives another manifest than it hashed", ReadManifest, _another_manifest
    ),
    _answers("any-manifest", "REC-005", "opens footage by another manifest", OpenSegment, _any_manifest),
    _answers("any-table", "REC-005", "opens a table by another manifest", OpenTable, _any_table),
    _answers("newest-first", "REC-006", "lists the newest first", ListRecordings, _newest_first),
    _answers("long-pages", "REC-018", "puts more on a page than was wanted", ListRecordings, _long_pages),
    _answers("short-total", "REC-017", "counts a recording less", ListRecordings, _counts_what_it_lists),
    _answers("no-page", "REC-019", "refuses a page beyond the last entry", ListRecordings, _no_page_beyond),
    _answers("cuts-short", "REC-020", "cuts a stretch short", OpenSegment, _cuts_short),
    _answers(
        "marks-again", "REC-021", "adds an annotation that says nothing new", MarkRecording, _marks_again
    ),
    _answers("skips-an-entry", "AUD-003", "leaves out an entry of its log", ReadAudit, _skips_an_entry),
    _answers("forged-log", "AUD-001", "changes an entry of its log afterwards", ReadAudit, _forges_its_log),
    _answers(
        "moves-stamps", "CLK-007", "moves stamps along when its clock is set", ReadAudit, _moves_its_stamps
    ),
    _answers("no-opening", "AUD-007", "logs no beginning of a session", ReadAudit, _logs_no_opening),
    _answers(
        "empty-words", "REC-029", "states a key that says nothing", ReadManifest, _says_what_says_nothing
    ),
    Defect(
        "logs-no-settings",
        "AUD-004",
        "logs no settings that it applies",
        _logs_none(AuditKind.CONFIG_APPLIED),
    ),
    Defect("logs-no-endings", "AUD-004", "logs no end of a session", _logs_none(AuditKind.SESSION_CLOSED)),
    Defect(
        "logs-no-refusals", "AUD-004", "logs no erase that it refuses", _logs_none(AuditKind.ERASE_REFUSED)
    ),
    _answers("forgets-reboots", "AUD-004", "logs no reboot that it is asked for", Reboot, _logs_no_reboot),
    _answers("no-hash", "AUD-006", "names no hash on an empty page", ReadAudit, _says_nothing_of_hashes),
)
