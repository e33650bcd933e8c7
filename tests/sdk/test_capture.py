"""A capture holds what passed, for its owner only, and never footage (spec: Captures)."""

import asyncio
import fcntl
import json
import os
import struct
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from bwc_protocol.conversation.message import STREAM_DATA, Flag, Message
from bwc_protocol.declare import Role
from bwc_protocol.frame import Frame, FrameType, encode_frame, encode_header
from bwc_protocol.messages.identity import Identify
from bwc_sdk import World, connect, connect_station
from bwc_sdk.capture import file as capture_file
from bwc_sdk.capture.file import CaptureError
from bwc_sdk.capture.recorder import Capture
from bwc_sdk.clients.camera import Camera
from bwc_sdk.clients.connecting import CAPTURE_ENV
from bwc_sdk.host.world import InlineWorkers
from bwc_sdk.offload import offload
from firmware_sim.ports.memory import MemoryTransport
from firmware_sim.scenarios import Footage, make_camera, make_station
from firmware_sim.virtual_time import run_virtual

NOON_UTC_NS = 1_790_000_000 * 10**9


def lines(path: Path) -> list[dict[str, Any]]:
    """What passed; the first line is about the capture itself."""
    head, *passed = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert head.keys() == {"t", "device", "channel", "utc_ns"}
    return passed


def begun(path: Path, now: Callable[[], float] = lambda: 0.0, device: str = "sim:") -> Capture:
    capture = Capture.begin(path, device, utc_ns=NOON_UTC_NS, now=now)
    assert capture is not None
    return capture


def note(capture: Capture, link: int) -> None:
    """Has a frame pass that can be told from others."""
    capture.pipe(True, encode_frame(Frame(FrameType.PING, link=link)))


def noted(path: Path, link: int) -> None:
    """A whole capture of such a frame."""
    capture = begun(path)
    note(capture, link)
    capture.close()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def links(path: Path) -> list[int]:
    """The frames that passed."""
    return [int.from_bytes(bytes.fromhex(line["frame"])[4:8], "little") for line in lines(path)]


def test_frames_are_kept_as_headers_with_time_and_direction(tmp_path: Path) -> None:
    path = tmp_path / "capture.jsonl"
    now = 100.0
    capture = begun(path, lambda: now)
    sent, came = Frame(FrameType.PING, link=7), Frame(FrameType.DATA, link=7, payload=b"secret footage")
    capture.pipe(True, encode_frame(sent))
    now = 100.25
    whole = encode_frame(came)
    capture.pipe(False, whole[:9])
    capture.pipe(False, whole[9:])
    capture.close()
    assert lines(path) == [
        {"t": 0.0, "dir": "host", "frame": encode_header(sent).hex(), "bytes": 0},
        {"t": 0.25, "dir": "device", "frame": encode_header(came).hex(), "bytes": 14},
    ]
    assert b"secret" not in path.read_bytes()


def test_messages_are_kept_whole(tmp_path: Path) -> None:
    path = tmp_path / "capture.jsonl"
    capture = begun(path)
    capture.message(False, Message(0x0201, Flag.REPLY, 5, b"\x01\x02"))
    capture.close()
    (line,) = lines(path)
    assert line["message"] == {"opcode": 0x0201, "flags": 1, "request": 5, "body": "0102"}


def test_a_capture_is_readable_by_its_owner_only_and_replaces_an_older_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "capture.jsonl"
    noted(path, 1)
    monkeypatch.setattr(capture_file, "_taken", set())  # as if another process had left it
    begun(path).close()
    assert lines(path) == []
    fresh = tmp_path / "fresh.jsonl"
    begun(fresh).close()
    assert fresh.stat().st_mode & 0o077 == 0


def test_a_file_that_cannot_be_written_is_an_error_before_anything_is_opened(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="cannot be written"):
        begun(tmp_path / "no such folder" / "capture.jsonl")


def test_what_passes_after_the_close_is_not_written_and_harms_nothing(tmp_path: Path) -> None:
    path = tmp_path / "capture.jsonl"
    capture = begun(path)
    capture.close()
    capture.pipe(True, encode_frame(Frame(FrameType.PING, link=7)))
    assert lines(path) == []


def test_a_capture_whose_disk_is_full_ends_and_harms_nothing(caplog: pytest.LogCaptureFixture) -> None:
    capture = begun(Path("/dev/full"))
    for _ in range(3):
        capture.pipe(True, encode_frame(Frame(FrameType.PING, link=7)))
    capture.close()
    assert caplog.text.count("ends here") == 1


def test_a_connection_is_captured_from_hello_to_bye_by_argument_or_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def talk(capture: Path | None) -> None:
        transport = MemoryTransport(make_camera(seed=1, utc_ns=NOON_UTC_NS))
        async with connect(
            transport, capture=capture, world=World(workers=InlineWorkers()), allow_insecure=True
        ) as camera:
            await camera.device.identify()

    argument, environment = tmp_path / "argument.jsonl", tmp_path / "environment.jsonl"
    run_virtual(talk(argument))
    monkeypatch.setenv(CAPTURE_ENV, str(environment))
    run_virtual(talk(None))
    for path in (argument, environment):
        found = lines(path)
        kinds = [int(line["frame"][4:6], 16) & 0xF for line in found if "frame" in line]
        assert (kinds[0], kinds[-1]) == (FrameType.HELLO, FrameType.BYE)
        opcodes = [line["message"]["opcode"] for line in found if "message" in line]
        assert opcodes.count(Identify.opcode) == 2, "request and reply"


def test_footage_is_never_captured(tmp_path: Path) -> None:
    path = tmp_path / "capture.jsonl"

    async def main() -> None:
        here = World(workers=InlineWorkers(), utc_ns=lambda: NOON_UTC_NS)
        device = make_camera(seed=1, recordings=1, mib=1, utc_ns=NOON_UTC_NS)

        async def reach() -> Camera:
            transport = MemoryTransport(device)
            return await connect(
                transport, role=Role.DOCK_OFFLOAD, capture=path, world=here, allow_insecure=True
            )

        (tmp_path / "store").mkdir()
        assert (await offload(reach, tmp_path / "store", world=here, allow_insecure=True).run()).complete

    run_virtual(main())
    assert path.stat().st_size < 200_000, "a mebibyte passed"
    assert all(line["message"]["opcode"] != STREAM_DATA for line in lines(path) if "message" in line)


# Several connections of one process


def test_connections_at_once_write_a_file_each_and_never_into_each_others(tmp_path: Path) -> None:
    path = tmp_path / "wire.jsonl"
    captures = [begun(path, device=f"tcp:127.0.0.1:{port}") for port in (1, 2, 3)]
    for _ in range(50):
        for number, capture in enumerate(captures, 1):
            note(capture, number)
    for capture in captures:
        capture.close()
    wanted = ["wire.jsonl", "wire-2.jsonl", "wire-3.jsonl"]
    assert names(tmp_path) == sorted(wanted)
    for number, name in enumerate(wanted, 1):
        assert links(tmp_path / name) == [number] * 50
        head = json.loads((tmp_path / name).read_text().splitlines()[0])
        assert head == {"t": 0.0, "device": f"tcp:127.0.0.1:{number}", "channel": 0, "utc_ns": NOON_UTC_NS}


def test_a_later_connection_of_the_process_destroys_no_earlier_capture(tmp_path: Path) -> None:
    path = tmp_path / "wire"  # without an ending the number comes last
    for number in (1, 2, 3):
        capture = begun(path)
        note(capture, number)
        capture.close()
        capture.close()
    assert [links(tmp_path / name) for name in ("wire", "wire-2", "wire-3")] == [[1], [2], [3]]


def test_a_name_that_was_asked_for_by_itself_is_not_taken_by_counting(tmp_path: Path) -> None:
    for name in ("wire-2.jsonl", "wire.jsonl", "wire.jsonl"):
        noted(tmp_path / name, 1)
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "wire.jsonl")
    noted(tmp_path / "link.jsonl", 2)
    found = {name: links(tmp_path / name) for name in names(tmp_path)}
    assert found.pop("link.jsonl") == [1], "another name of the same file"
    assert found == {"wire.jsonl": [1], "wire-2.jsonl": [1], "wire-3.jsonl": [1], "link-2.jsonl": [2]}


def test_a_connection_over_which_nothing_passed_gives_its_name_to_the_next_one(tmp_path: Path) -> None:
    path = tmp_path / "wire.jsonl"
    first = begun(path)
    first.close()
    second = begun(path)
    note(second, 7)
    second.close()
    first.close()  # once more: the name is not its own any longer
    third = begun(path)
    assert names(tmp_path) == ["wire-2.jsonl", "wire.jsonl"]
    assert links(path) == [7]
    third.close()


def test_a_file_that_another_process_is_writing_is_left_to_it(tmp_path: Path) -> None:
    path = tmp_path / "wire.jsonl"
    with path.open("w") as other:  # a lock is of the file that was opened, in whichever process
        fcntl.flock(other, fcntl.LOCK_EX)
        other.write("of another process\n")
        other.flush()
        noted(path, 2)
        assert path.read_text() == "of another process\n"
    assert links(tmp_path / "wire-2.jsonl") == [2]


def test_captures_beyond_the_bound_are_left_out_with_a_warning_and_the_connection_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(capture_file, "CAPTURES_MAX", 2)
    monkeypatch.setenv(CAPTURE_ENV, str(tmp_path / "wire.jsonl"))

    async def main() -> None:
        for _ in range(3):
            transport = MemoryTransport(make_camera(seed=1, utc_ns=NOON_UTC_NS))
            async with connect(
                transport, world=World(workers=InlineWorkers()), allow_insecure=True
            ) as camera:
                await camera.device.identify()

    run_virtual(main())
    assert names(tmp_path) == ["wire-2.jsonl", "wire.jsonl"]
    assert caplog.text.count("is not captured") == 1


def test_what_is_no_regular_file_is_used_by_all_as_it_is(tmp_path: Path) -> None:
    fifo = tmp_path / "wire"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    captures = [begun(fifo, device="sim:a"), begun(fifo, device="sim:b")]
    for capture in captures:
        note(capture, 1)
    found = [json.loads(line) for line in os.read(reader, 65_536).splitlines()]
    assert [line.get("device") for line in found] == ["sim:a", "sim:b", None, None]
    os.close(reader)
    for capture in captures:
        capture.close()


def test_threads_that_connect_at_once_get_a_file_each(tmp_path: Path) -> None:
    start = threading.Barrier(8)

    def one(number: int) -> None:
        start.wait()
        capture = begun(tmp_path / "wire.jsonl")
        note(capture, number)
        capture.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, range(8)))
    assert sorted(links(path)[0] for path in tmp_path.iterdir()) == list(range(8))


@pytest.mark.parametrize("how", ["argument", "environment"])
def test_two_devices_at_once_are_captured_in_two_files_that_say_which(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    path = tmp_path / "wire.jsonl"
    if how == "environment":
        monkeypatch.setenv(CAPTURE_ENV, str(path))
    given = path if how == "argument" else None
    world = World(workers=InlineWorkers(), utc_ns=lambda: NOON_UTC_NS)

    async def main() -> None:
        camera = MemoryTransport(make_camera(seed=1, utc_ns=NOON_UTC_NS), name="serial:/dev/ttyX1")
        stations = [make_station(2, seed=5, footage=Footage.SYNTHETIC, utc_ns=NOON_UTC_NS) for _ in range(2)]
        in_bay = MemoryTransport(stations[0], name="usb:1-4")
        whole = MemoryTransport(stations[1], name="usb:1-5")
        async with (
            connect(camera, capture=given, world=world, allow_insecure=True) as first,
            connect(in_bay, bay=2, capture=given, world=world, allow_insecure=True) as second,
            connect_station(whole, capture=given, world=world, allow_insecure=True) as third,
        ):
            await asyncio.gather(first.device.identify(), second.device.identify(), third.device.identify())
        for station in stations:
            station.close()

    run_virtual(main())
    heads = []
    for name in ("wire.jsonl", "wire-2.jsonl", "wire-3.jsonl"):
        head, *passed = [json.loads(line) for line in (tmp_path / name).read_text().splitlines()]
        heads.append((head["device"], head["channel"]))
        asked = [line for line in passed if line.get("message", {}).get("opcode") == Identify.opcode]
        assert [line["channel"] for line in asked] == [head["channel"]] * 2, "request and reply, of it alone"
    assert heads == [("serial:/dev/ttyX1", 0), ("usb:1-4?bay=2", 2), ("usb:1-5", 0)]


@pytest.fixture
def earlier(tmp_path: Path) -> Path:
    """A capture of this process, so that the next one of its name has to find another: `wire-2.jsonl`, and on."""
    path = tmp_path / "wire.jsonl"
    noted(path, 1)
    return path


def test_a_further_name_that_is_a_link_is_passed_over(earlier: Path, tmp_path: Path) -> None:
    thesis = tmp_path / "thesis.txt"
    thesis.write_text("years of work")
    (tmp_path / "wire-2.jsonl").symlink_to(thesis)
    (tmp_path / "wire-3.jsonl").symlink_to(tmp_path / "not there yet")
    noted(earlier, 2)
    assert thesis.read_text() == "years of work" and not (tmp_path / "not there yet").exists()
    assert links(tmp_path / "wire-4.jsonl") == [2]


def test_a_further_name_under_which_there_is_something_else_is_passed_over(
    earlier: Path, tmp_path: Path
) -> None:
    (tmp_path / "wire-2.jsonl").write_text("years of work")
    os.mkfifo(tmp_path / "wire-3.jsonl")
    reader = os.open(tmp_path / "wire-3.jsonl", os.O_RDONLY | os.O_NONBLOCK)
    (tmp_path / "wire-4.jsonl").mkdir()
    (tmp_path / "wire-5.jsonl").touch(0o600)
    noted(earlier, 2)
    assert (tmp_path / "wire-2.jsonl").read_text() == "years of work"
    assert links(tmp_path / "wire-5.jsonl") == [2], "an empty file of ours is nobody's loss"
    assert os.read(reader, 4096) == b"", "it belongs to those who made it"
    os.close(reader)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a file of somebody else")
def test_a_further_name_that_is_another_users_file_is_passed_over(earlier: Path, tmp_path: Path) -> None:
    """Who made it could read what passes."""
    trap = tmp_path / "wire-2.jsonl"
    trap.touch(0o666)
    os.chown(trap, 12_345, 12_345)
    noted(earlier, 2)
    assert trap.read_bytes() == b"" and links(tmp_path / "wire-3.jsonl") == [2]


@pytest.mark.parametrize("content", ["years of work", '{"t": 1.5, "event": "of another tool"}\n', "\0"])
def test_a_file_that_is_no_capture_is_not_emptied(tmp_path: Path, content: str) -> None:
    path = tmp_path / "thesis.txt"
    path.write_text(content)
    with pytest.raises(CaptureError, match=r"thesis\.txt is no capture, and is left as it is") as refused:
        begun(path)
    assert path.read_text() == content and names(tmp_path) == ["thesis.txt"]
    assert refused.value.advice == "name a file that does not exist yet"


def test_a_link_that_appears_in_the_last_moment_is_passed_over(
    earlier: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    thesis = tmp_path / "thesis.txt"
    thesis.touch()
    (tmp_path / "wire-2.jsonl").symlink_to(thesis)
    monkeypatch.setattr(Path, "is_symlink", lambda self: False)  # looked at before it was made
    noted(earlier, 2)
    assert thesis.read_bytes() == b"" and links(tmp_path / "wire-3.jsonl") == [2]


@pytest.mark.parametrize("there", [True, False])
def test_a_link_is_not_followed(tmp_path: Path, there: bool) -> None:
    target = tmp_path / "target"
    if there:
        target.touch()
    (tmp_path / "wire.jsonl").symlink_to(target)
    with pytest.raises(CaptureError, match="is a link, and is left as it is"):
        begun(tmp_path / "wire.jsonl")
    assert target.exists() == there


def test_standard_error_is_a_link_that_may_be_named(tmp_path: Path) -> None:
    """As `/dev/stderr` is, where it leads to a pipe or a terminal."""
    reader, writer = os.pipe()
    noted(Path(f"/dev/fd/{writer}"), 7)
    os.close(writer)
    assert b'"device"' in os.read(reader, 65_536)
    os.close(reader)


def test_a_fifo_that_nobody_reads_is_an_error_and_not_a_wait(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "wire")
    with pytest.raises(CaptureError, match="nobody reads it") as refused:
        begun(tmp_path / "wire")
    assert refused.value.advice == "start its reader first"


def blocks(data: bytes) -> list[tuple[int, bytes]]:
    """The blocks of a pcapng file, type and body; each is as long as it says at both ends."""
    found, at = [], 0
    while at < len(data):
        kind, length = struct.unpack_from("<II", data, at)
        assert length % 4 == 0 and struct.unpack_from("<I", data, at + length - 4) == (length,)
        found.append((kind, data[at + 8 : at + length - 4]))
        at += length
    return found


def test_a_capture_for_wireshark_has_a_packet_for_each_frame_and_message(tmp_path: Path) -> None:
    path = tmp_path / "wire.pcapng"
    times = iter([5.0, 5.0, 6.5, 6.5, 7.25, 7.25])
    capture = begun(path, lambda: next(times))
    note(capture, 0x01020304)
    capture.message(False, Message(Identify.opcode, Flag.REPLY, 9, b"\x01\x02\x03"))
    capture.close()
    (section, _), (interface, link_type), *packets = blocks(path.read_bytes())
    assert (section, interface, link_type[:2]) == (0x0A0D0D0A, 1, (147).to_bytes(2, "little"))
    told = []
    for kind, body in packets:
        _, high, low, size, whole = struct.unpack_from("<IIIII", body)
        assert (kind, size) == (6, whole)
        told.append(((high << 32 | low) - NOON_UTC_NS, body[20 : 20 + size]))
    (_, frame), (_, message) = told
    assert all(0 <= at < 10 * 10**9 for at, _ in told)
    assert frame == b"\x01\x01\x00\x00" + encode_header(Frame(FrameType.PING, link=0x01020304))
    assert message == b"\x01\x02\x01\x00" + struct.pack("<IHHI", 3, Identify.opcode, 1, 9) + b"\x01\x02\x03"


def test_one_format_does_not_empty_the_other_s_file(tmp_path: Path) -> None:
    path = tmp_path / "wire.pcapng"
    noted(path, 1)
    first = path.read_bytes()
    capture_file._taken.clear()  # as another process
    noted(path, 2)
    assert path.read_bytes() != first and path.read_bytes()[:4] == first[:4]
    path.write_bytes(b'{"t": 0.0, "device": "x"}\n')
    capture_file._taken.clear()
    with pytest.raises(CaptureError, match="is no capture"):
        begun(path)
