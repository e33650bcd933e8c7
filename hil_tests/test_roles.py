"""The firmware enforces what each role may do, whatever the host asks (spec: Roles)."""

from collections.abc import Callable
from typing import Any, Final

import pytest

import bwc_protocol.messages  # noqa: F401  # declares all commands
from bwc_protocol.declare import ANYONE, COMMANDS, Effect, FieldSpec, Request
from bwc_protocol.vocabulary import PeerKind
from bwc_sdk import ErrorCode, Role
from bwc_sdk.errors import CommandError
from bwc_sdk.sync import SyncCamera
from bwc_sdk.sync.loop import loop_thread
from hil_tests.device.absent import OBLIGATORY
from hil_tests.device.bench import Bench
from hil_tests.testkit.refusals import refused
from hil_tests.verdicts import not_tested

NO_RECORDING = bytes(16)


class _NoBody:
    """In the place of a command's codec: nothing at all."""

    fields: Final[dict[str, FieldSpec]] = {}

    @staticmethod
    def encode(request: object) -> bytes:
        return b""


def without_body(command: type[Request[Any]]) -> Request[Any]:
    """A request of which nothing can come to be carried out: what has to be there is not."""
    bare = type(command.__name__, (command,), {"__slots__": (), "codec": _NoBody})
    made: Request[Any] = object.__new__(bare)
    return made


def is_harmless(command: type[Request[Any]]) -> bool:
    """Whether a device can be asked it without a body: it changes nothing, or has a field that must not lack."""
    needs_a_body = any(spec.since <= command.since for spec in command.codec.fields.values())
    return needs_a_body or (command.stream is None and command.effect is Effect.READS)


def answer(camera: SyncCamera, request: Request[Any]) -> object:
    """The code with which a request is refused; None if it is not."""
    try:
        loop_thread().run(camera._twin.connection.call(request))
    except CommandError as error:
        return error.code
    return None


@pytest.mark.rule("ROL-001")
@pytest.mark.rule("ROL-002")
@pytest.mark.parametrize("role", [role for role in Role if role in ANYONE], ids=str)
def test_each_role_may_what_its_column_says_and_nothing_else(
    connect_as: Callable[[Role], SyncCamera], bwc_bench: Bench, role: Role
) -> None:
    """By the declarations, in requests without a body: the role is looked at first, so that who may is told that it is
    malformed, and nothing is ever done."""
    if not bwc_bench.identities.has(role):
        not_tested(f"this bench has no identity for the role {role}")
    wrong = {}
    with connect_as(role) as camera:
        asked = [c for c in COMMANDS.values() if c.since <= camera.peer.version and is_harmless(c)]
        assert len(asked) > len(COMMANDS) / 2
        for command in asked:
            code = answer(camera, without_body(command))
            if PeerKind.CAMERA not in command.answered_by:
                expected = code is ErrorCode.UNSUPPORTED
            else:
                expected = (code is ErrorCode.NOT_PERMITTED) is not bool(command.roles & role)
                expected |= code is ErrorCode.UNSUPPORTED and command.name not in OBLIGATORY
            if not expected:
                wrong[command.name] = code
    assert not wrong


@pytest.mark.bwc_stack
def test_a_technician_lists_but_never_gets_footage(connect_as: Callable[[Role], SyncCamera]) -> None:
    with connect_as(Role.TECHNICIAN) as camera:
        for entry in camera.recordings.list():
            manifest = camera.recordings.read_manifest(entry)
            with refused(ErrorCode.NOT_PERMITTED):
                camera.recordings.read_table(entry, manifest, 0)


def test_an_auditor_reads_everything_and_changes_nothing(connect_as: Callable[[Role], SyncCamera]) -> None:
    with connect_as(Role.AUDITOR) as camera:
        head = camera.audit.head().sequence
        revision = camera.config.state().revision
        assignment = camera.assignment.read()
        status = camera.device.status()
        forbidden: tuple[Callable[[], object], ...] = (
            lambda: camera.config.stage(revision=revision, settings=()),
            lambda: camera.config.commit(revision=revision),
            lambda: camera.config.abort(),
            lambda: camera.assignment.assign(officer="x", revision=assignment.revision),
            lambda: camera.assignment.clear(revision=assignment.revision),
            lambda: camera.device.self_test(),
            lambda: camera.device.reboot(boot_counter=status.boot_counter),
            lambda: camera.recordings.mark(recording=NO_RECORDING, manifest_sha256=bytes(32)),
        )
        for attempt in forbidden:
            with refused(ErrorCode.NOT_PERMITTED):
                attempt()
        assert camera.device.status().boot_counter == status.boot_counter
        assert camera.audit.head().sequence >= head


def test_a_dock_reads_footage_and_has_no_say_in_the_configuration(
    connect_as: Callable[[Role], SyncCamera],
) -> None:
    with connect_as(Role.DOCK_OFFLOAD) as camera:
        for entry in camera.recordings.list()[:1]:
            camera.recordings.read_table(entry, camera.recordings.read_manifest(entry), 0)
        revision = camera.config.state().revision
        with refused(ErrorCode.NOT_PERMITTED):
            camera.config.commit(revision=revision)
        assignment = camera.assignment.read()
        with refused(ErrorCode.NOT_PERMITTED):
            camera.assignment.clear(revision=assignment.revision)
        camera.audit.head()
