"""Commands of `bwc sim --control` to a camera, and how lines come: whatever is written, one line answers it."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bwc_protocol.messages.audit import AuditKind
from firmware_sim.camera.camera import SimCamera
from firmware_sim.control.camera_control import LINE_MAX, CameraControl, ControlError
from firmware_sim.control.input import ControlInput, Lines
from firmware_sim.device.device import BOOT_S
from firmware_sim.scenarios import make_camera

BOUND_S = 10.0


@pytest.fixture
def say(camera: SimCamera) -> Callable[[str], str | None]:
    """Writes a line to the camera; its answer."""
    control = CameraControl(camera)
    return lambda line: control.answer(line.encode())


Say = Callable[[str], str | None]


def test_a_recording_is_started_marked_and_stopped(camera: SimCamera, say: Say) -> None:
    assert say("record start holster") == f"ok record camera={camera.serial} state=recording"
    camera.time.skip(3)
    assert say("mark") == f"ok mark camera={camera.serial} state=recording"
    assert say("record stop") == f"ok record camera={camera.serial} state=ready"
    newest = camera.listing(3, 1)[0]
    assert str(newest.manifest.trigger) == "holster" and newest.marked
    assert say("record stop") == say("mark") == "error refused: nothing is recorded"


def test_what_the_configuration_does_not_allow_is_refused(camera: SimCamera, say: Say) -> None:
    assert say("record start remote") == "error refused: remote records nothing: off, full, or not configured"
    assert str(say("mute on")).startswith(("ok mute", "error refused: off, or not allowed by mute.allowed"))


def test_the_dock_and_the_pairing_button(camera: SimCamera, say: Say) -> None:
    assert say("dock") == "error refused: it stands in its dock"
    assert str(say("undock")).startswith("ok undock") and not camera.docked
    assert say("undock") == "error refused: it stands in no dock"
    assert str(say("pair")).startswith("ok pair") and camera.radio.window_open
    assert str(say("dock")).startswith("ok dock") and camera.docked


@pytest.mark.parametrize("how", ["reboot", "crash"])
def test_it_reboots_and_is_refused_until_it_is_up(camera: SimCamera, say: Say, how: str) -> None:
    assert say(how) == f"ok {how} camera={camera.serial} state=off"
    for line in ("reboot", "crash", "pair", "record start"):
        assert str(say(line)).startswith("error refused: "), line
    camera.time.skip(BOOT_S)
    assert str(say("pair")).startswith("ok pair")
    assert camera.boot_counter == 2
    last, _ = camera.audit.head()
    assert [e.kind for e in camera.audit.read(0, last).entries].count(AuditKind.BOOT) == 2


def test_what_is_no_command_says_what_is(say: Say) -> None:
    assert say("") is say("   ") is say("# a remark") is None
    assert str(say("explode 3")).startswith(
        "error unknown-command: there is no command 'explode'; known: undock"
    )
    assert (
        say("record")
        == say("record pause")
        == "error usage: record start [TRIGGER] [event=WORD] [purpose=WORD] [by=button|app] | record stop [REASON]"
    )
    assert say("undock 3") == "error usage: undock", "a camera that stands alone has no bays"
    assert str(say("record start earthquake")).startswith("error usage: there is no trigger 'earthquake'")
    assert str(say("help")).startswith("ok help: undock; dock; record start [TRIGGER]")
    assert say("x" * (LINE_MAX + 1)) == f"error line-too-long: a line has at most {LINE_MAX} bytes"
    assert "x" * 60 not in str(say("x" * LINE_MAX)), "what was written is not repeated at length"


def test_every_error_has_a_word_of_its_own() -> None:
    words = [error.word for error in ControlError.__subclasses__()]
    assert len(set(words)) == len(words) >= 6
    assert all(word.replace("-", "").isalpha() for word in words)


@given(
    line=st.binary(max_size=300)
    | st.lists(st.sampled_from([b"undock", b"record", b"start", b"\x1b"])).map(b" ".join)
)
def test_any_bytes_are_answered_by_at_most_one_printable_line(line: bytes) -> None:
    camera = make_camera(utc_ns=0)
    answer = CameraControl(camera).answer(line)
    camera.close()
    assert answer is None or (answer.isprintable() and answer.startswith(("ok ", "error ")))


# Lines


@given(data=st.binary(max_size=900), cuts=st.lists(st.integers(0, 900), max_size=9))
def test_lines_are_the_same_however_they_come(data: bytes, cuts: list[int]) -> None:
    lines, found = Lines(), []
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    for begin, end in pairwise(edges):
        found += lines.feed(data[begin:end])
    found += lines.rest()
    expected = [line for line in data.split(b"\n") if len(line) <= LINE_MAX]
    assert [line for line in found if line and len(line) <= LINE_MAX] == [line for line in expected if line]
    assert sum(len(line) > LINE_MAX for line in found) == sum(
        len(line) > LINE_MAX for line in data.split(b"\n")
    )


def test_a_line_without_an_end_takes_no_memory() -> None:
    lines = Lines()
    for _ in range(100):
        assert lines.feed(b"a" * 4096) == []
        assert len(lines._begun) <= LINE_MAX + 1
    assert [len(line) > LINE_MAX for line in lines.feed(b"\nhelp\n")] == [True, False]


def read(source: Path, wanted: int, write: Callable[[], None] = lambda: None) -> list[bytes]:
    """The first lines that come from `source` while `write` runs in a thread."""

    async def run() -> list[bytes]:
        found: list[bytes] = []
        done = asyncio.Event()

        def carry_out(line: bytes) -> None:
            found.append(line)
            if len(found) == wanted:
                done.set()

        commands = ControlInput(str(source))
        writer = threading.Thread(target=write)
        writer.start()
        commands.start(carry_out)
        try:
            async with asyncio.timeout(BOUND_S):
                await done.wait()
        finally:
            commands.close()
            writer.join()
        commands.close()
        return found

    return asyncio.run(run())


def test_a_file_is_read_to_its_end_also_without_a_last_line_end(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_bytes(b"undock\ndock\nmark")
    assert read(script, 3) == [b"undock", b"dock", b"mark"]


def test_a_named_pipe_outlives_its_writers(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    def write() -> None:
        for line in ("undock\n", "dock\n", "mark\n"):
            pipe.write_text(line)

    assert read(pipe, 3, write) == [b"undock", b"dock", b"mark"]


def test_what_cannot_be_read_is_an_error_of_the_file(tmp_path: Path) -> None:
    for path in (tmp_path / "absent", tmp_path):
        with pytest.raises(OSError, match=path.name):
            ControlInput(str(path))


def test_no_more_is_read_than_was_carried_out(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_bytes(b"mark\n" * 5)

    async def run() -> int:
        loop = asyncio.get_running_loop()
        commands, waiting, most, seen = ControlInput(str(script)), 0, 0, 0
        done = asyncio.Event()
        schedule = loop.call_soon_threadsafe

        def counted(callback: Callable[..., object], *args: object) -> asyncio.Handle:
            nonlocal waiting, most
            waiting += 1
            most = max(most, waiting)
            return schedule(callback, *args)

        def carry_out(line: bytes) -> None:
            nonlocal waiting, seen
            waiting, seen = waiting - 1, seen + 1
            if seen == 5:
                done.set()

        loop.call_soon_threadsafe = counted
        commands.start(carry_out)
        async with asyncio.timeout(BOUND_S):
            await done.wait()
        commands.close()
        return most

    assert asyncio.run(run()) == 1
