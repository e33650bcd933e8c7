"""Whatever goes wrong, the last line says what to do next, and says it truly."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import serial

from bwc_protocol.declare import Unknown
from bwc_protocol.evidence import TriggerReason
from bwc_protocol.messages.recordings import Mark, RecordingEntry
from bwc_protocol.vocabulary import ErrorCode
from bwc_sdk import errors
from bwc_sdk.cli.advice import BY_CLASS, BY_CODE, advice_for
from bwc_sdk.cli.arguments.destination import stopped
from bwc_sdk.cli.printing.offload_events import LISTED_MAX, next_steps, offload_document
from bwc_sdk.cli.running.failure import EXIT_CODES, NoDeviceNamed
from bwc_sdk.destination.destination import Destination
from bwc_sdk.destination.faults import destination_error
from bwc_sdk.offload import OffloadResult, RecordingFinished, Refused, StillOnCamera
from bwc_sdk.transport.serial_port import opening_error

Bwc = Callable[..., Any]
SAY_IT_THEMSELVES = {
    NoDeviceNamed,
    errors.ForkedHandle,
    errors.HostExhausted,
    errors.WrongPart,
    errors.MissingExtra,
    errors.OutcomeUnknown,
    errors.ProgramFault,
    errors.SlowLink,
}
NEEDS_ONE = {
    errors.BwcError,
    errors.CommandError,
    errors.ClockImplausible,
    errors.ClockNotVerified,
} | SAY_IT_THEMSELVES


def test_every_refusal_has_a_next_step() -> None:
    assert set(BY_CODE) == set(ErrorCode)
    assert "update" in advice_for(errors.CommandError("x.y", Unknown(999), ""))


def test_every_kind_of_error_has_a_next_step() -> None:
    for kind in EXIT_CODES:
        assert kind in NEEDS_ONE or any(one in BY_CLASS for one in kind.__mro__), kind.__name__


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        ("recordings.open", ErrorCode.NOT_FOUND, "bwc recordings list"),
        ("config.read", ErrorCode.NOT_FOUND, "bwc config show"),
        ("battery.status", ErrorCode.NOT_FOUND, "check the number"),
        ("assignment.assign", ErrorCode.CONFLICT, "read it again, and repeat"),
        ("recordings.erase", ErrorCode.NEEDS_RECEIPT, "signs a receipt first"),
        ("recordings.erase", ErrorCode.CONFLICT, "needs a receipt of its own"),
        ("recordings.erase", ErrorCode.WRONG_STATE, "how long it stays"),
        ("recordings.receipt", ErrorCode.CONFLICT, "sign what it is now"),
        ("recordings.receipt", ErrorCode.UNTRUSTED, "the role destination alone"),
        ("device.reboot", ErrorCode.NOT_PERMITTED, "--role technician or bench"),
        ("elsewhere.x", ErrorCode.NOT_PERMITTED, "--role"),
    ],
)
def test_a_refusal_is_followed_by_what_fits_it(command: str, code: ErrorCode, said: str) -> None:
    assert said in advice_for(errors.CommandError(command, code, ""))


def test_a_device_that_another_program_has_is_not_promised_in_a_second() -> None:
    busy = errors.DeviceBusy("another host has the device", device="usb:1-4", retry_after_s=1.0)
    assert "ask again" not in str(busy) and busy.retry_after_s == 1.0
    assert "a 'bwc dock watch' until it ends" in advice_for(busy)


def test_what_an_error_advises_itself_comes_first() -> None:
    assert advice_for(errors.DeviceLost("gone", advice="look under the desk")) == "look under the desk"


def test_roles_and_fields_are_told_in_words_not_in_python(bwc: Bwc, sim: str) -> None:
    ran = bwc("raw", "device.reboot", "boot_counter=1", "--role", "auditor", device=sim)
    assert ran.code == 6 and "device.reboot needs one of: technician, bench" in ran.err
    ran = bwc("raw", "recordings.page", "limit=0", device=sim)
    assert ran.code == 2 and "recordings.page.limit: 0 is not within 1" in ran.err
    assert "\tauditor, secure, on sim:" in bwc("audit", device=sim).out
    assert bwc("raw", "battery.status", "cell=9", "--json", device=sim).error["code"] == "not-found"


@pytest.mark.parametrize(
    "argv",
    [
        ["raw", "assignment.assign", "officer=\udcff", "revision=1"],
        ["raw", "battery.status", "cell=999"],
        ["info", "-d", "http:x"],
        ["info", "-d", "tcp:127.0.0.1:1?x=1"],
        ["info", "-d", "serial:/dev/null?x=1"],
        ["info", "-d", "sim:?personality=x"],
        ["info", "-d", "ble:?adapter="],
    ],
    ids=repr,
)
def test_a_wrong_value_is_followed_by_something_to_do(bwc: Bwc, argv: list[str]) -> None:
    ran = bwc(*argv)
    said = ran.err.partition("  try: ")[2]
    assert ran.code == 2 and said and said.split()[0] in ("give", "write", "leave", "'bwc"), ran.err


def test_who_looks_for_what_is_unfinished_is_not_told_to_make_a_directory(bwc: Bwc, tmp_path: Path) -> None:
    for argv in (["list"], ["clean", "--yes"]):
        ran = bwc("incoming", argv[0], str(tmp_path / "no"), *argv[1:])
        assert ran.code == 9 and "is the path right?" in ran.err and "mkdir" not in ran.err
    assert f"bwc incoming list {tmp_path}" in bwc("incoming", "clean", str(tmp_path), "x").err


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        (["--listen", "tcp:192.0.2.1:0"], 3, "cannot listen: Cannot assign requested address\n"),
        (["--listen", "pty:/nodir/x"], 3, "No such file or directory"),
        (["--control", "/nodir/x"], 9, "/nodir/x: No such file or directory\n"),
    ],
)
def test_the_simulator_tells_what_the_system_said_in_words(
    bwc: Bwc, argv: list[str], code: int, said: str
) -> None:
    ran = bwc("sim", "--recordings", "0", *argv)
    assert ran.code == code and said in ran.err and "Errno" not in ran.err and "while" not in ran.err


def test_what_is_advised_is_about_the_place_and_the_bay_that_were_named(
    bwc: Bwc, sim: str, tmp_path: Path
) -> None:
    ran = bwc("bridge", "--listen", "tcp:192.0.2.1:0", device=sim)
    assert ran.code == 3 and "an address of this machine" in ran.err and "while attempting" not in ran.err
    ran = bwc("station", "bay", "2", "release", "7", device=f"{sim}&station=2")
    assert ran.code == 6 and "'bwc station bay 2' shows" in ran.err and "BAY" not in ran.err
    (tmp_path / "c").write_text("no capture\n")
    assert "--capture or BWC_CAPTURE wrote" in bwc("decode", str(tmp_path / "c")).err


# Destinations


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="this system has no /proc")
def test_a_directory_in_which_none_can_be_made_is_not_called_missing(bwc: Bwc, sim: str) -> None:
    ran = bwc("offload", "/proc", device=sim)
    assert ran.code == 9
    assert "does not exist" not in ran.err and "choose a directory on a disk" in ran.err


def test_a_missing_destination_and_one_that_is_a_file_say_what_to_do(
    bwc: Bwc, sim: str, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    assert "mkdir -p" in bwc("offload", str(tmp_path / "missing"), device=sim).err
    assert "name a directory" in bwc("offload", str(tmp_path / "file"), device=sim).err


@pytest.mark.parametrize("name", ["EROFS", "EACCES", "EPERM", "ENOSPC", "EDQUOT", "EFBIG", "ELOOP", "EIO"])
def test_every_fault_of_a_destination_has_a_next_step(name: str) -> None:
    number = getattr(__import__("errno"), name)
    assert advice_for(destination_error(OSError(number, os.strerror(number)), "storing x", Path("/d")))


def test_a_full_destination_names_sizes_that_people_read_and_what_is_kept_free(
    bwc: Bwc, sim: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bwc_sdk.destination.destination.Destination.free_bytes", lambda self: 17 << 20)
    big = sim.replace("mib=1", "mib=8")
    ran = bwc("offload", str(tmp_path), device=big)
    assert ran.code == 9
    assert (
        "room for 1.0 MiB" in ran.err
        and "16.0 MiB are kept free" in ran.err
        and "24.0 MiB are to come; the smallest recording alone needs 8.0 MiB" in ran.err
    )
    assert "make room" in ran.err


# What an offload leaves to do


def _entry(sequence: int) -> RecordingEntry:
    return RecordingEntry(
        sequence=sequence,
        recording=bytes(16),
        manifest_sha256=bytes(32),
        size_bytes=1,
        segments=1,
        started_utc_ns=0,
        duration_ms=0,
        trigger=TriggerReason.OFFICER_BUTTON,
        marks=Mark(0),
        category="",
        annotations=0,
    )


def test_an_incomplete_offload_says_run_it_again_and_a_refused_file_says_look(
    bwc: Bwc, sim: str, tmp_path: Path
) -> None:
    ran = bwc("offload", str(tmp_path), device=f"{sim}&faults=bad=1")
    tmp_path = tmp_path / "another"
    tmp_path.mkdir()
    assert ran.code == 10 and "Run the same command again" in ran.err

    assert bwc("offload", str(tmp_path), "2", device=sim).code == 0
    (stored,) = tmp_path.glob("*.mp4*")
    stored.write_bytes(b"something else")
    ran = bwc("offload", str(tmp_path), "2", device=sim)
    assert ran.code == 10
    assert "refused: recording 2. Trying again does not help" in ran.err
    assert "Run the same command again" not in ran.err


def test_a_destination_that_fills_up_on_the_way_says_to_make_room_first(
    bwc: Bwc, sim: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def free_bytes(self: Destination) -> int:
        stored = any(path.stat().st_size for end in ("*.mp4*", "*.part") for path in tmp_path.rglob(end))
        return (16 << 20) + (0 if stored else 3 << 19)

    monkeypatch.setattr(Destination, "free_bytes", free_bytes)
    ran = bwc("offload", str(tmp_path), device=sim)
    assert ran.code == 10 and len(list(tmp_path.glob("*.mp4*"))) == 1
    assert "for want of room: recording" in ran.err and "Make room in the destination first" in ran.err
    assert "Run the same command again" not in ran.err


def test_what_is_left_for_want_of_room_and_for_another_reason_are_told_apart() -> None:
    full = StillOnCamera(_entry(1), "x", errors.DestinationFull("x"))
    lost = StillOnCamera(_entry(2), "x", errors.DeviceLost("x"))
    room, again = next_steps(OffloadResult("c", (lost, full), 0, 0, 0))
    assert "room: recording 1." in room and "camera: recording 2. Run the same" in again


def test_what_the_destination_bars_is_not_said_to_be_run_again() -> None:
    """Each with the step that its cause needs, and one line a step."""
    path = Path("/d")
    causes = [
        destination_error(OSError(number, os.strerror(number)), "storing x", path)
        for number in (errno.EROFS, errno.EFBIG, errno.EROFS, errno.EMFILE, errno.EDQUOT)
    ]
    waiting = tuple(StillOnCamera(_entry(number), "x", error) for number, error in enumerate(causes, 1))
    read_only, large, descriptors, quota = next_steps(OffloadResult("c", waiting, 0, 0, 0))
    assert "recording 1, 3. Mount it writable" in read_only
    assert "recording 2. Choose a file system without that limit" in large
    assert "ulimit -n" in descriptors and "quota raised" in quota
    assert not any("un the same command again" in line for line in (read_only, large, descriptors, quota))
    busy = StillOnCamera(_entry(1), "x", errors.DestinationBusy("x"))
    (line,) = next_steps(OffloadResult("c", (busy,), 0, 0, 0))
    assert "Wait for the other offload to finish" in line


def test_a_long_list_of_what_is_left_is_cut() -> None:
    left = tuple(StillOnCamera(_entry(number), "x") for number in range(1, LISTED_MAX + 3))
    (line,) = next_steps(OffloadResult("c", left, 0, 0, 0))
    assert "10 and 2 more" in line
    assert next_steps(OffloadResult("c", (), 0, 0, 0)) == []
    assert len(next_steps(OffloadResult("c", (*left, Refused(_entry(99), "y")), 0, 0, 0))) == 2


# Something else than what was meant


def test_an_offload_of_a_station_names_both_ways_and_a_watch_of_a_camera_the_verb_for_it(
    bwc: Bwc, sim: str, tmp_path: Path
) -> None:
    ran = bwc("offload", str(tmp_path), device=f"{sim}&station=2")
    assert ran.code == 4 and "?bay=3" in ran.err and f"bwc offload {tmp_path} --station '" in ran.err
    ran = bwc("dock", "watch", str(tmp_path), device=sim)
    assert ran.code == 4 and "name the URI of a docking station; for a single camera: bwc offload " in ran.err
    assert "name the URI of a docking station" in bwc("station", "bays", device=sim).err


def test_a_directory_is_no_serial_port_and_a_server_that_does_not_answer_is_named(
    bwc: Bwc, tmp_path: Path
) -> None:
    ran = bwc("info", device=f"serial:{tmp_path}")
    assert ran.code == 3 and "it is no serial port" in ran.err and "Errno" not in ran.err
    ran = bwc("info", device="usb:1-1?usbip=127.0.0.1:1")
    assert ran.code == 3 and "no USB/IP server answers at 127.0.0.1:1: " in ran.err
    assert "Errno" not in ran.err and "?usbip=" in ran.err


@pytest.mark.parametrize("number", [errno.EIO, errno.EINVAL])
def test_an_error_of_opening_a_port_is_told_in_words(number: int) -> None:
    fault = serial.SerialException(number, f"could not open port x: [Errno {number}] y")
    told = str(opening_error("serial:x", fault))
    assert os.strerror(number) in told and "Errno" not in told


def test_no_word_lets_a_device_be_insecure_that_may_have_evidence(
    bwc: Bwc, sim: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bwc_sdk.connection.establish.Capability", SimpleNamespace(SIMULATOR=0, LAB=0))
    development = f"{sim}&insecure=1"
    assert "--allow-insecure" in bwc("info", device=development).err
    ran = bwc("info", "--allow-insecure", device=development)
    assert ran.code == 4 and "this device says that it is neither" in ran.err
    assert "states the capability LAB" in ran.err


def test_the_wrong_camera_says_how_to_find_the_right_one(bwc: Bwc, sim: str, tmp_path: Path) -> None:
    ran = bwc("offload", str(tmp_path), "--expect", "SIM-0", device=sim)
    assert "bwc devices --identify" in ran.err


def test_json_of_a_recording_that_was_not_stored_has_the_advice_that_the_terminal_gives() -> None:
    entry = RecordingEntry(
        recording=bytes(16),
        sequence=1,
        started_utc_ns=0,
        duration_ms=0,
        size_bytes=1,
        segments=1,
        trigger=TriggerReason.OFFICER_BUTTON,
        marks=Mark(0),
        manifest_sha256=bytes(32),
        annotations=0,
        category="",
    )
    error = errors.DestinationError("the medium reports an error", device="/store", advice="look at the disk")
    document = offload_document(RecordingFinished(StillOnCamera(entry, error.rule, error)))
    assert document["error"]["advice"] == "look at the disk"


def test_a_bay_of_what_is_no_station_is_told_as_well(bwc: Bwc) -> None:
    ran = bwc("info", device="sim:?recordings=0&bay=1")
    assert ran.code == 3 and "a camera alone has no ?bay=" in ran.err


def test_a_simulator_without_the_pipe_for_its_commands_says_how_to_make_one(bwc: Bwc, tmp_path: Path) -> None:
    ran = bwc("sim", "--recordings", "0", "--control", str(tmp_path / "hands"))
    assert ran.code == 9 and ran.err.splitlines()[-1] == f"  try: make it first: mkfifo {tmp_path / 'hands'}"


def test_what_ctrl_c_leaves_behind_is_true_of_nothing_as_well(tmp_path: Path) -> None:
    said = stopped(tmp_path, "the camera")
    assert "half" not in said and "the rest" not in said and str(tmp_path / ".incoming") in said
