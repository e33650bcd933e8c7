"""A wire log is a regression test: of a device, which must answer as recorded, and of a host, by a device that does."""

import asyncio
import dataclasses
import hashlib
import json
import os
import re
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from bwc_protocol.conversation.message import Flag
from bwc_protocol.declare import COMMANDS, CONTROLS, Handlers, Role
from bwc_protocol.lab.directory import open_lab
from bwc_protocol.messages.audit import AuditEntry
from bwc_protocol.messages.battery import ReadBattery
from bwc_protocol.messages.bench import BenchState
from bwc_protocol.messages.config import ConfigDocument, Setting, SettingType, UploadConfig
from bwc_protocol.messages.recordings import RecordingEntry
from bwc_protocol.messages.station import ReadStation
from bwc_protocol.messages.storage import ReadStorage, StorageStatus
from bwc_protocol.messages.trust import TrustState
from bwc_sdk.__main__ import main
from bwc_sdk.capture.decoding import decode_file
from bwc_sdk.capture.file import CaptureError
from bwc_sdk.clients.camera import Camera
from bwc_sdk.clients.connecting import connect, connect_device, connect_station
from bwc_sdk.errors import BwcError, CommandError, InvalidValue, ProtocolViolation
from bwc_sdk.host.world import InlineWorkers, World
from bwc_sdk.identity.lab_identities import LabIdentities
from bwc_sdk.offload import offload
from firmware_sim.camera.camera import SimCamera
from firmware_sim.handlers import CAMERA
from firmware_sim.personalities import PERSONALITIES
from firmware_sim.ports.memory import MemoryTransport, forget_sims
from firmware_sim.scenarios import make_camera, make_station
from firmware_sim.virtual_time import run_virtual
from hil_tests.replay import recorded as reading
from hil_tests.replay.device_side import ReplayDevice
from hil_tests.replay.host_side import Replayed, difference_lines, replay
from hil_tests.replay.recorded import MESSAGES_MAX, Recorded, read
from hil_tests.replay.varying import VARIES, Nature

pytest_plugins = ["pytester"]

MUST_BE_EQUAL: Final = {
    (RecordingEntry, "started_utc_ns"),  # evidence: it is what it was
    (AuditEntry, "utc_ns"),  # compared by nobody: the page that has it grows
    (AuditEntry, "boot_counter"),
    (TrustState, "enrolled"),
    (BenchState, "clock_moved_ns"),  # what it was told
}
ONCE: Final = re.compile(
    r"(_ns$|nonce|signature|revision$|boot_counter|serial|uptime|firmware|_counter$|_mv$)"
)
"""What by its name is hardly the same twice."""

Work = Callable[[Camera], Any]


def world() -> World:
    return World(entropy=os.urandom, workers=InlineWorkers())


def camera_of(seed: int = 7, recordings: int = 1, **more: Any) -> SimCamera:
    return make_camera(
        seed=seed, recordings=recordings, mib=1, chunk_bytes=65_536, agency=open_lab().agency, **more
    )


WHO: Final = LabIdentities("bench")


async def record(device: Any, path: Path, work: Work, role: Role = Role.BENCH) -> Recorded:
    """What a host said and heard, from a capture of it."""
    transport = device if isinstance(device, MemoryTransport) else MemoryTransport(device)
    async with connect(transport, role=role, identity=WHO, world=world(), capture=path) as camera:
        await work(camera)
    return read([path])


async def again(record: Recorded, device: Any, **options: Any) -> Replayed:
    transport = device if isinstance(device, MemoryTransport) else MemoryTransport(device)

    def reach(role: Role) -> Any:
        return connect_device(transport, role=role, identity=WHO, world=world())

    return await replay(record, reach, **options)


async def look(camera: Camera) -> None:
    """Half of what there is to read, and a question that is refused."""
    await camera.device.identify()
    await camera.device.status()
    await camera.storage.status()
    await camera.clock.read()
    await camera.audit.head()
    page = await camera.recordings.page()
    for entry in page.recordings:
        await camera.recordings.manifest(recording=entry.recording)
        await camera.recordings.annotations(recording=entry.recording)
    with pytest.raises(CommandError):
        await camera.battery.status(cell=9)


# The host's side, against a device


def test_a_device_that_answers_as_recorded_is_found_to(tmp_path: Path) -> None:
    async def main() -> Replayed:
        device = camera_of()
        return await again(await record(device, tmp_path / "wire.jsonl", look), device)

    found = run_virtual(main())
    assert found.require_same().sent == 9 and found.compared == 10  # with what it says of itself


def test_a_later_hour_a_reboot_and_more_log_are_no_difference(tmp_path: Path) -> None:
    async def main() -> Replayed:
        device = camera_of()
        told = await record(device, tmp_path / "wire.jsonl", look)
        device.crash()
        await asyncio.sleep(3_600.0)
        return await again(told, device)

    found = run_virtual(main()).require_same()
    assert {Nature.TIME, Nature.LOG, Nature.COUNTER} <= found.varied.keys()


def _answering(handler: Callable[[Any, Any], Any], command: Any) -> Handlers[Any]:
    changed: Handlers[Any] = Handlers()
    changed.by_opcode.update(CAMERA.by_opcode | {command.opcode: handler})
    return changed


def test_one_field_that_is_otherwise_is_named_with_both_values(tmp_path: Path) -> None:
    async def main() -> Replayed:
        device = camera_of()
        told = await record(device, tmp_path / "wire.jsonl", look)
        right = CAMERA.by_opcode[ReadStorage.opcode]

        def full(session: Any, request: Any) -> StorageStatus:
            return dataclasses.replace(right(session, request), full=True, free_bytes=1)

        device.profile.handlers = _answering(full, ReadStorage)
        return await again(told, device)

    found = run_virtual(main())
    (one,) = found.differences
    assert (one.message, one.field, one.expected, one.observed) == (
        "storage.status reply",
        "full",
        False,
        True,
    )
    assert found.varied[Nature.MEASURED] == 1, "the room that is left is no difference"
    assert "wire.jsonl, line" in one.where
    assert difference_lines(one)[1:] == ["  expected False", "  observed True"]
    with pytest.raises(AssertionError, match=r"storage.status reply: full"):
        found.require_same()


def test_a_recording_that_is_lost_is_a_difference_of_the_list_and_of_the_count(tmp_path: Path) -> None:
    async def main() -> Replayed:
        device = camera_of(recordings=2)
        told = await record(device, tmp_path / "wire.jsonl", look)
        device.lose_recording()
        return await again(told, device)

    found = run_virtual(main())
    fields = {(one.message, one.field) for one in found.differences}
    assert {("storage.status reply", "recordings"), ("recordings.page reply", "recordings")} <= fields
    lost = [one for one in found.differences if one.message == "recordings.manifest reply"]
    assert lost and lost[0].observed["error"]["code"] == "not-found", "expected beside observed, decoded"


def test_another_error_and_another_kind_of_answer_are_differences(tmp_path: Path) -> None:
    async def main() -> Replayed:
        device = camera_of()
        told = await record(device, tmp_path / "wire.jsonl", look)
        one_cell = CAMERA.by_opcode[ReadBattery.opcode]

        def any_cell(session: Any, request: Any) -> Any:
            return one_cell(session, ReadBattery())

        device.profile.handlers = _answering(any_cell, ReadBattery)
        return await again(told, device)

    (one,) = run_virtual(main()).differences
    assert one.message == "battery.status error" and one.expected["error"]["code"] == "not-found"
    assert "charge_pct" in one.observed


def test_an_offload_is_said_again_and_its_footage_is_counted(tmp_path: Path) -> None:
    """Over both formats, in two connections; requests that overlapped come in the same order."""

    async def main() -> tuple[Recorded, Replayed]:
        device = camera_of(recordings=2)
        transport = MemoryTransport(device)
        first = await record(transport, tmp_path / "wire.jsonl", look, Role.DOCK_OFFLOAD)
        (tmp_path / "store").mkdir()
        reach = partial(
            connect,
            transport,
            role=Role.DOCK_OFFLOAD,
            identity=WHO,
            world=world(),
            capture=tmp_path / "b.pcapng",
        )
        await offload(reach, tmp_path / "store", world=world()).run()
        told = read([*first.files, tmp_path / "b.pcapng"])
        return told, await again(told, transport)

    told, found = run_virtual(main())
    assert len(told.conversations) == 2
    assert found.require_same().stream_bytes == told.footage_bytes > 2 * 1_048_576


async def assign(camera: Camera) -> None:
    present = await camera.assignment.read()
    await camera.assignment.assign(officer="ofc-1", unit="north", revision=present.revision)


def test_what_changes_a_device_is_sent_to_a_simulator_with_the_revision_of_now(tmp_path: Path) -> None:
    async def main() -> tuple[Replayed, str]:
        device = camera_of()
        told = await record(device, tmp_path / "wire.jsonl", assign)
        device.assignment = dataclasses.replace(device.assignment, officer="", unit="", assigned=False)
        return await again(told, device), device.assignment.officer

    found, officer = run_virtual(main())
    assert officer == "ofc-1", "by the recorded revision it would have been a CONFLICT"
    assert not [one for one in found.differences if one.message == "assignment.assign reply"]


@pytest.mark.parametrize("expendable", [None, "SIM-00000008", "SIM-00000007"])
def test_hardware_is_changed_only_where_it_is_named_as_expendable(
    tmp_path: Path, expendable: str | None
) -> None:
    async def main() -> tuple[Replayed, str]:
        device = camera_of()
        PERSONALITIES["no-simulator"](device)
        told = await record(device, tmp_path / "wire.jsonl", assign)
        device.assignment = dataclasses.replace(device.assignment, officer="nobody")
        return await again(told, device, expendable=expendable), device.assignment.officer

    found, officer = run_virtual(main())
    if expendable == "SIM-00000007":
        assert officer == "ofc-1" and not found.not_sent
        return
    assert officer == "nobody"
    (one,) = found.not_sent
    assert one.request == "assignment.assign" and "not named as expendable" in one.why
    with pytest.raises(AssertionError, match=r"not sent: assignment.assign"):
        found.require_same()


def test_an_upload_is_not_sent_since_no_capture_has_its_bytes(tmp_path: Path) -> None:
    async def upload(camera: Camera) -> None:
        settings = (Setting(key="alarm.battery_low_pct", type=SettingType.INT, number=33),)
        document = ConfigDocument.codec.encode(ConfigDocument(settings=settings))
        revision = (await camera.config.state()).revision
        digest = hashlib.sha256(document).digest()
        request = UploadConfig(revision=revision, length=len(document), sha256=digest)
        await camera.connection.upload(request, document)

    async def main() -> Replayed:
        device = camera_of()
        return await again(await record(device, tmp_path / "wire.jsonl", upload), device)

    found = run_virtual(main())
    (one,) = found.not_sent
    assert one.request == "config.upload" and "no capture holds" in one.why
    assert found.sent == 1 and not found.differences, "nor is its verdict waited for"


def test_bytes_behind_the_fields_that_are_known_are_compared(tmp_path: Path) -> None:
    async def main() -> Replayed:
        device = camera_of()
        path = tmp_path / "wire.jsonl"
        await record(device, path, look)
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        for line in lines:
            said = line.get("message", {})
            if said.get("opcode") == ReadStorage.opcode and said["flags"] == Flag.REPLY:
                said["body"] += "0102"
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        return await again(read([path]), device)

    (one,) = run_virtual(main()).differences
    assert one.field == "behind the fields that are known" and (one.expected, one.observed) == ("0102", "")


def test_a_device_that_goes_away_or_falls_silent_is_told_and_the_replay_ends(tmp_path: Path) -> None:
    async def main() -> tuple[Replayed, Replayed]:
        device = camera_of()
        transport = MemoryTransport(device)
        told = await record(transport, tmp_path / "wire.jsonl", look)

        def pull(session: Any, request: Any) -> Any:
            transport.unplug()

        device.profile.handlers = _answering(pull, ReadStorage)
        gone = await again(told, transport)

        def silent(session: Any, request: Any) -> Any:
            session._conversation._answering.outstanding.clear()
            raise _Mute

        device.profile.handlers = Handlers()
        device.profile.handlers.by_opcode.update(dict.fromkeys(CAMERA.by_opcode, silent))
        return gone, await again(told, MemoryTransport(device), timeout_s=1.0)

    gone, silent = run_virtual(main())
    assert [one.message for one in gone.differences] == ["storage.status reply"]
    assert "went away" in gone.differences[0].observed and gone.sent == 3
    assert len(silent.differences) == 3 and "given up here" in silent.differences[-1].observed


class _Mute(OSError):
    """Makes the simulator answer by nothing: the request is known to nobody any more."""

    strerror = "mute"


def test_a_host_without_a_role_of_its_own_cannot_be_played_unless_one_is_named(tmp_path: Path) -> None:
    async def main() -> None:
        device = camera_of()
        told = await record(device, tmp_path / "wire.jsonl", look)
        nobody = dataclasses.replace(told.conversations[0].host, roles=Role(0))
        told.conversations[0].host = nobody
        with pytest.raises(InvalidValue, match="no host can ask again"):
            await again(told, device)
        assert not (await again(told, device, role=Role.BENCH)).differences
        as_auditor = await again(told, device, role=Role.AUDITOR)
        assert as_auditor.require_same()

    run_virtual(main())


def test_what_the_role_may_not_ask_is_not_sent(tmp_path: Path) -> None:
    async def main() -> Replayed:
        device = camera_of()
        return await again(await record(device, tmp_path / "wire.jsonl", assign), device, role=Role.AUDITOR)

    (one,) = run_virtual(main()).not_sent
    assert one.request == "assignment.assign" and "may not ask for it" in one.why


# What may differ


def test_each_field_that_may_differ_is_declared_and_each_that_hardly_is_the_same_is_judged() -> None:
    for kind, fields in VARIES.items():
        assert fields.keys() <= kind.codec.fields.keys(), kind
    told = [command.reply for command in COMMANDS.values()] + [*CONTROLS.values()]
    unjudged = set()
    while told:
        kind = told.pop()
        for name, spec in kind.codec.fields.items():
            if spec.of is not None:
                told.append(spec.of)
            if ONCE.search(name) and name not in VARIES.get(kind, {}) and (kind, name) not in MUST_BE_EQUAL:
                unjudged.add(f"{kind.__name__}.{name}")
    assert not unjudged


# The device's side, for a host


def test_the_sdk_hears_what_was_recorded_and_is_refused_the_rest(tmp_path: Path) -> None:
    async def main() -> None:
        device = camera_of(recordings=2)
        told = await record(device, tmp_path / "wire.jsonl", look)
        async with connect(MemoryTransport(device), role=Role.BENCH, identity=WHO, world=world()) as camera:
            storage, page = await camera.storage.status(), await camera.recordings.page()
        played = ReplayDevice(told, open_lab().agency)
        transport = played.transport()
        async with connect(transport, role=Role.TECHNICIAN, identity=WHO, world=world()) as camera:
            assert camera.identity == "SIM-00000007" and camera.peer.boot_counter == device.boot_counter
            assert await camera.recordings.page() == page
            for _ in range(3):
                assert await camera.storage.status() == storage
            with pytest.raises(CommandError, match="was refused: not-found"):
                await camera.battery.status(cell=9)
            with pytest.raises(CommandError, match="no such request was recorded"):
                await camera.battery.status(cell=1)
        (visit,) = played.visits
        assert (visit.recorded, visit.answered, visit.again) == (11, 5, 2)
        assert visit.unknown == ["battery.status {'cell': 1}"]
        assert "device.identify" in visit.never_asked and visit.over
        played.close()

    run_virtual(main())


def test_bytes_that_break_their_declaration_come_as_they_were_recorded(tmp_path: Path) -> None:
    async def main() -> None:
        path = tmp_path / "wire.jsonl"
        await record(camera_of(), path, look)
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        for line in lines:
            said = line.get("message", {})
            if said.get("opcode") == ReadStorage.opcode and said["flags"] == Flag.REPLY:
                said["body"] = said["body"][:-4]
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        played = ReplayDevice(read([path]), open_lab().agency)
        async with connect(played.transport(), role=Role.BENCH, identity=WHO, world=world()) as camera:
            await camera.device.status()
            with pytest.raises(ProtocolViolation, match="ends inside a known field"):
                await camera.storage.status()
        played.close()

    run_virtual(main())


def test_an_offload_of_a_replayed_device_believes_no_filler(tmp_path: Path) -> None:
    async def main() -> None:
        device = camera_of(recordings=2)
        (tmp_path / "first").mkdir()
        (tmp_path / "second").mkdir()

        def reach(transport: MemoryTransport, capture: Path | None) -> Any:
            return partial(
                connect,
                transport,
                role=Role.DOCK_OFFLOAD,
                identity=WHO,
                world=world(),
                capture=capture,
            )

        real = MemoryTransport(device)
        first = await offload(reach(real, tmp_path / "w"), tmp_path / "first", world=world()).run()
        assert first.complete
        played = ReplayDevice(read([tmp_path / "w"]), open_lab().agency)
        second = await offload(reach(played.transport(), None), tmp_path / "second", world=world()).run()
        assert not second.complete and len(second.outcomes) == 2, "all are listed, none is believed"
        assert not list((tmp_path / "second").glob("*.mp4*"))
        assert played.visits[0].filler_bytes > 0 and not played.visits[0].unknown
        played.close()

    run_virtual(main())


def test_a_stream_that_broke_off_breaks_off_again(tmp_path: Path) -> None:
    async def main() -> None:
        path = tmp_path / "w"
        device = camera_of()
        (tmp_path / "store").mkdir()
        who = partial(connect, role=Role.DOCK_OFFLOAD, identity=WHO, world=world())
        await offload(
            partial(who, MemoryTransport(device), capture=path), tmp_path / "store", world=world()
        ).run()
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        for line in lines:
            said = line.get("message", {})
            if said.get("opcode") == 0x12 and len(bytes.fromhex(said["body"])) == 12:
                said["body"] = (struct.pack("<QHH", 0, 0x0010, 4) + b"dead").hex()
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        told = read([path])
        ended = [one.end for one in told.conversations[0].exchanges()[1] if one.end is not None]
        assert ended and all(one.detail == "dead" for one in ended)
        played = ReplayDevice(told, open_lab().agency)
        (tmp_path / "second").mkdir()
        reach = partial(who, played.transport())
        second = await offload(reach, tmp_path / "second", world=world()).run()
        assert not second.complete and "dead" in str(second.outcomes)
        assert played.visits[0].filler_bytes == 0
        played.close()

    run_virtual(main())


def test_a_request_that_got_no_answer_ends_the_connection_again(tmp_path: Path) -> None:
    async def main() -> None:
        path = tmp_path / "w"
        await record(camera_of(), path, look)
        kept = []
        for line in path.read_text().splitlines():
            said = json.loads(line).get("message", {})
            kept.append(line)
            if said.get("opcode") == ReadStorage.opcode:
                break
        path.write_text("\n".join(kept) + "\n")
        played = ReplayDevice(read([path]), open_lab().agency)
        with pytest.raises(BwcError, match=r"vanished|pulled"):
            async with connect(played.transport(), role=Role.BENCH, identity=WHO, world=world()) as camera:
                await camera.device.status()
                await camera.storage.status()
        played.close()

    run_virtual(main())


def test_a_station_is_played_as_a_station_and_its_bays_are_named(tmp_path: Path) -> None:
    async def main() -> None:
        station = make_station(2, docked=1, recordings=1, mib=1, agency=open_lab().agency)
        async with connect_station(
            MemoryTransport(station), identity=WHO, world=world(), capture=tmp_path / "w"
        ) as dock:
            status = await dock.connection.call(ReadStation())
            async with dock.camera(1) as camera:
                await camera.battery.status()
        told = read([tmp_path / "w"])
        assert (told.channel, told.left_out, told.kind.name) == (0, (1,), "STATION")
        played = ReplayDevice(told, open_lab().agency)
        async with connect_station(played.transport(), identity=WHO, world=world()) as dock:
            assert await dock.connection.call(ReadStation()) == status
        played.close()
        bay = ReplayDevice(read([tmp_path / "w"], 1), open_lab().agency)
        async with connect(bay.transport(), identity=WHO, world=world()) as camera:
            assert (await camera.battery.status()).charge_pct
        bay.close()
        with pytest.raises(CaptureError, match="no conversation on channel 2"):
            read([tmp_path / "w"], 2)

    run_virtual(main())


# Files


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "no session was opened"),
        (b"hello\n", "line 1"),
        (b"\xff\xfe\x00\n", "neither lines of UTF-8 nor pcapng"),
        (b'{"t": 0, "dir": "host", "frame": "00"}\n', "no session was opened"),
        (b'{"t": 0, "dir": "nobody", "message": {}}\n', "neither host nor device"),
        (
            b'{"t": 0, "dir": "host", "message": {"opcode": 70000, "flags": 0, "request": 0, "body": ""}}\n',
            "fits no message",
        ),
        (
            b'{"t": 0, "dir": "host", "message": {"opcode": 1, "flags": 0, "request": 0, "body": "00"}}\n',
            "ends inside a known field",
        ),
        (b"\x0a\x0d\x0d\x0a" + struct.pack("<II", 12, 0x1A2B3C4D), "no capture of this protocol"),
        (b"\x0a\x0d\x0d\x0a" + struct.pack("<II", 0xFFFFFFF0, 0x1A2B3C4D), "a block of"),
    ],
)
def test_a_file_that_cannot_be_replayed_is_told(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / "w").write_bytes(content)
    with pytest.raises(CaptureError, match=told) as error:
        read([tmp_path / "w"])
    assert error.value.advice and "w" in str(error.value)


def test_a_capture_that_never_ends_is_not_read_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MESSAGES_MAX", 5)
    line = b'{"t": 0, "dir": "device", "message": {"opcode": 2, "flags": 0, "request": 0, "body": ""}}\n'
    (tmp_path / "w").write_bytes(line * 6)
    with pytest.raises(CaptureError, match="more than 5 messages"):
        read([tmp_path / "w"])
    assert MESSAGES_MAX == 200_000


def test_pcapng_says_what_lines_say_and_damage_is_told(tmp_path: Path) -> None:
    async def main() -> None:
        device = camera_of()
        await record(device, tmp_path / "a.pcapng", look)
        await record(device, tmp_path / "a.jsonl", look)

    run_virtual(main())
    by_packet, by_line = (
        [(one.sender, one.layer, one.name) for one in decode_file(tmp_path / name)]
        for name in ("a.pcapng", "a.jsonl")
    )
    messages = [one for one in by_packet if one[1] == "message"]
    assert messages == [one for one in by_line if one[1] == "message"]
    whole = (tmp_path / "a.pcapng").read_bytes()
    torn: list[int] = []
    (tmp_path / "a.pcapng").write_bytes(whole[:-5])
    assert len(list(decode_file(tmp_path / "a.pcapng", torn.append))) == len(by_packet) - 1
    assert torn == [len(by_packet) - 1]
    for at in range(0, len(whole) - 4, 97):  # nothing but the error for what is none
        (tmp_path / "a.pcapng").write_bytes(whole[:at] + b"\xff\xff\xff\xff" + whole[at + 4 :])
        try:
            list(decode_file(tmp_path / "a.pcapng"))
        except CaptureError as error:
            assert error.advice


# The command


@pytest.fixture
def sims() -> Iterator[None]:
    yield
    forget_sims()


SIM: Final = "sim:?seed=4711&recordings=1&mib=1"


def said(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str, str]:
    capsys.readouterr()
    code = main(list(argv))
    told = capsys.readouterr()
    return code, told.out, told.err


def test_the_command_tells_what_differs_by_its_exit_code_and_in_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], sims: None
) -> None:
    wire = str(tmp_path / "wire.jsonl")
    assert main(["storage", "--lab", "-d", SIM, "--capture", wire]) == 0
    code, out, _ = said(capsys, "replay", wire, "--lab", "-d", SIM)
    assert code == 0 and out.startswith("as recorded: ") and "SIM-00001267, a simulator" in out
    assert main(["assign", "ofc-2", "--lab", "-d", SIM, "--capture", str(tmp_path / "x.jsonl")]) == 0
    other = "sim:?seed=4711&recordings=2&mib=1"
    code, out, _ = said(capsys, "replay", wire, "--lab", "-d", other)
    assert code == 20 and "storage.status reply: recordings" in out
    assert "  expected 1\n  observed 2" in out
    code, out, _ = said(capsys, "replay", wire, "--lab", "-d", other, "--json")
    document = json.loads(out)["replay"]
    assert not document["as_recorded"] and document["differences"][0]["observed"] == 2
    hardware = SIM + "&personality=no-simulator"
    code, out, _ = said(capsys, "replay", str(tmp_path / "x.jsonl"), "--lab", "-d", hardware)
    assert "not sent: assignment.assign" in out and code in (20, 21)


def test_the_command_is_a_device_until_its_visitors_have_gone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], sims: None
) -> None:
    wire = str(tmp_path / "wire.jsonl")
    assert main(["storage", "--lab", "-d", SIM, "--capture", wire]) == 0
    command = [sys.executable, "-m", "bwc_sdk", "replay", wire, "--visits", "2", "--json"]
    with subprocess.Popen(
        [*command, "--listen", "tcp:127.0.0.1:0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as device:
        try:
            assert device.stderr is not None
            uri = device.stderr.readline().split()[-1]
            assert said(capsys, "storage", "--lab", "-d", uri)[0] == 0
            assert said(capsys, "battery", "--lab", "-d", uri)[0] == 6
            out, _ = device.communicate(timeout=30)
        finally:
            device.kill()
    assert device.returncode == 20
    first, second = json.loads(out)["replay"]["visits"]
    assert first["answered"] == 2 and not first["unknown"] and second["unknown"] == ["device.capabilities {}"]


def test_a_device_of_a_name_that_no_certificate_has_is_not_played(tmp_path: Path) -> None:
    async def main() -> Recorded:
        return await record(camera_of(), tmp_path / "w", look)

    told = run_virtual(main())
    conversation = told.conversations[0]
    assert conversation.device is not None
    conversation.device = dataclasses.replace(conversation.device, identity="")
    with pytest.raises(CaptureError, match="cannot be played"):
        ReplayDevice(told, open_lab().agency)
    conversation.device = None
    with pytest.raises(CaptureError, match="never said who it is"):
        ReplayDevice(told, open_lab().agency)


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        ((), "neither a device is named"),
        (("-d", SIM, "--listen", "tcp:127.0.0.1:0"), "name one of them"),
        (("-d", SIM, "--visits", "1"), "--visits says nothing"),
        (("--listen", "tcp:127.0.0.1:0", "--expendable", "X"), "--expendable says nothing"),
        (("--listen", "serial:/dev/ttyS0"), "--listen takes tcp"),
    ],
)
def test_wrong_usage_is_told_before_anything_is_sent(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], argv: tuple[str, ...], told: str
) -> None:
    (tmp_path / "w").write_text("")
    code, _, err = said(capsys, "replay", str(tmp_path / "w"), *argv)
    assert code in (2, 9) and (told in err or "no session was opened" in err)


# The fixtures


def test_a_capture_is_a_test_in_two_lines(pytester: pytest.Pytester, sims: None) -> None:
    wire = str(pytester.path / "wire.jsonl")
    assert main(["storage", "--lab", "-d", SIM, "--capture", wire]) == 0
    pytester.makepyfile(
        """
        import bwc_sdk.errors
        import bwc_sdk.sync
        import pytest
        from bwc_sdk import Role

        @pytest.mark.bwc_read_only
        def test_the_firmware_says_what_it_said(bwc_replay):
            bwc_replay("wire.jsonl")

        def test_our_dock_hears_it(bwc_replayed):
            with bwc_sdk.sync.connect(bwc_replayed("wire.jsonl"), role=Role.AUDITOR, lab=True) as camera:
                assert camera.storage.status().recordings == 1

        def test_our_dock_asks_for_more(bwc_replayed):
            with bwc_sdk.sync.connect(bwc_replayed("wire.jsonl"), role=Role.AUDITOR, lab=True) as camera:
                with pytest.raises(bwc_sdk.errors.CommandError):
                    camera.clock.read()
        """
    )
    result = pytester.runpytest_inprocess("--bwc-device", SIM, "-v")
    result.assert_outcomes(passed=3, errors=1)
    result.stdout.fnmatch_lines(["*the host asked what was not recorded: clock.read*"])
    result = pytester.runpytest_inprocess(
        "--bwc-device", SIM.replace("recordings=1", "recordings=2"), "-k", "firmware"
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*storage.status reply: recordings*"])
