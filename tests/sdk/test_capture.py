"""A capture holds what passed, for its owner only, and never footage (spec: Captures)."""

import json
from pathlib import Path
from typing import Any

import pytest

from bwc_protocol.declare import Role
from bwc_protocol.frame import Frame, FrameType, encode_frame, encode_header
from bwc_protocol.message import STREAM_DATA, Flag, Message
from bwc_protocol.messages.identity import Identify
from bwc_sdk import World, connect
from bwc_sdk.camera import Camera
from bwc_sdk.capture import Capture, CaptureError
from bwc_sdk.connecting import CAPTURE_ENV
from bwc_sdk.offload import offload
from bwc_sdk.world import InlineWorkers
from firmware_sim.making import make_camera
from firmware_sim.ports.memory import MemoryTransport
from firmware_sim.virtual_time import run_virtual

NOON_UTC_NS = 1_790_000_000 * 10**9


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_frames_are_kept_as_headers_with_time_and_direction(tmp_path: Path) -> None:
    path = tmp_path / "capture.jsonl"
    now = 100.0
    capture = Capture(path, lambda: now)
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
    capture = Capture(path, lambda: 0.0)
    capture.message(False, Message(0x0201, Flag.REPLY, 5, b"\x01\x02"))
    capture.close()
    (line,) = lines(path)
    assert line["message"] == {"opcode": 0x0201, "flags": 1, "request": 5, "body": "0102"}


def test_a_capture_is_readable_by_its_owner_only_and_replaces_an_older_one(tmp_path: Path) -> None:
    path = tmp_path / "capture.jsonl"
    path.write_text("older\n")
    path.chmod(0o600)
    Capture(path, lambda: 0.0).close()
    assert path.read_text() == ""
    fresh = tmp_path / "fresh.jsonl"
    Capture(fresh, lambda: 0.0).close()
    assert fresh.stat().st_mode & 0o077 == 0


def test_a_file_that_cannot_be_written_is_an_error_before_anything_is_opened(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="cannot be written"):
        Capture(tmp_path / "no such folder" / "capture.jsonl", lambda: 0.0)


def test_what_passes_after_the_close_is_not_written_and_harms_nothing(tmp_path: Path) -> None:
    path = tmp_path / "capture.jsonl"
    capture = Capture(path, lambda: 0.0)
    capture.close()
    capture.pipe(True, encode_frame(Frame(FrameType.PING, link=7)))
    assert lines(path) == []


def test_a_capture_whose_disk_is_full_ends_and_harms_nothing(caplog: pytest.LogCaptureFixture) -> None:
    capture = Capture(Path("/dev/full"), lambda: 0.0)
    for _ in range(3):
        capture.pipe(True, encode_frame(Frame(FrameType.PING, link=7)))
    capture.close()
    assert caplog.text.count("ends here") == 1


def test_a_connection_is_captured_from_hello_to_bye_by_argument_or_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def talk(capture: Path | None) -> None:
        transport = MemoryTransport(make_camera(seed=1, utc_ns=NOON_UTC_NS))
        async with connect(transport, capture=capture, world=World(workers=InlineWorkers())) as camera:
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
            return await connect(transport, role=Role.DOCK_OFFLOAD, capture=path, world=here)

        (tmp_path / "store").mkdir()
        assert (await offload(reach, tmp_path / "store", world=here).run()).complete

    run_virtual(main())
    assert path.stat().st_size < 200_000, "a mebibyte passed"
    assert all(line["message"]["opcode"] != STREAM_DATA for line in lines(path) if "message" in line)
