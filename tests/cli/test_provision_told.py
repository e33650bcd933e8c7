"""What a technician is told who cannot provision yet: the cause, and the command that leads on. Before any camera is
asked, as far as it can be known then."""

from __future__ import annotations

import errno
import os
import shlex
from pathlib import Path

import pytest

from bwc_protocol.messages.clock import ClockReason
from bwc_sdk.cli.exit_codes import ExitCode
from bwc_sdk.clients.clock_sync import Measurement, check_step
from bwc_sdk.errors import ClockImplausible
from bwc_sdk.provisioning import records as records_module
from tests.cli.conftest import Bwc, Desk, benches

NOBODY = "tcp:127.0.0.1:1"
"""Nothing listens there: whoever connects to it fails by that."""


@pytest.fixture
def afar(desk: Desk) -> Desk:
    """The same desk at a station that nobody reaches: what is told was known before a connection."""
    return Desk(desk.run, desk.folder, NOBODY, desk.serials)


def lines(text: str, about: str) -> list[str]:
    return [line for line in text.splitlines() if about in line]


# Enrolment


def test_a_station_that_is_nobodys_is_told_with_what_enrols_it(desk: Desk) -> None:
    new = Desk(desk.run, desk.folder, f"{desk.station}&enrolled=0", desk.serials)
    ran = new.provision()
    assert ran.code == ExitCode.NOT_A_DEVICE
    assert "belongs to no agency yet" in ran.err and "the same command with --enroll" in ran.err
    assert "--enroll instead of --plan" in new.provision("--plan").err
    for verb in (
        ("check",),
        ("return", str(desk.folder / "store"), "--mkdir", "--records", str(desk.records)),
    ):
        said = desk.run(*verb, "--station", new.station).err
        (step,) = lines(said, "  try: ")
        command, _, why = step.removeprefix("  try: ").partition(" (")
        assert shlex.split(command) == ["bwc", "enroll", "--device", new.station, "--lab"]
        assert why == "it says when to press its enrolment button)"


def test_a_camera_that_is_nobodys_is_left_with_what_enrols_it(desk: Desk, bwc: Bwc) -> None:
    uris = [f"sim:?seed={next(benches)}&recordings=0{more}" for more in ("&enrolled=0", "", "&enrolled=0")]
    profile = str(desk.folder / "patrol.toml")
    words = ("provision", profile, "--records", str(desk.records), "--lab", "--source", "operator")
    ran = bwc(*words, *(word for uri in uris[1:] for word in ("--also", uri)), device=uris[0])
    assert ran.code == ExitCode.INCOMPLETE
    left = [line.split("\t") for line in lines(ran.out, "belongs to no agency yet")]
    assert [one[0] for one in left] == [uris[0], uris[2]], "in the order in which they were named"
    assert all("the same command with --enroll" in one[4] for one in left)


def test_what_is_left_is_listed_as_it_was_named_and_not_as_it_failed(desk: Desk, bwc: Bwc) -> None:
    uris = [f"sim:?seed={next(benches)}&recordings=0{more}" for more in ("", "&enrolled=0")]
    desk.roster.write_text("officer;slot\nA;elsewhere\n")
    words = (
        "provision",
        str(desk.folder / "patrol.toml"),
        "--roster",
        str(desk.roster),
        "--records",
        str(desk.records),
    )
    ran = bwc(*words, "--lab", "--also", uris[1], device=uris[0])
    left = [line.split("\t") for line in ran.out.splitlines()]
    assert [(one[0], one[2]) for one in left] == [(uris[0], "choose"), (uris[1], "connect")]


def test_whose_certificate_is_wanted_is_told(desk: Desk, bwc: Bwc, tmp_path: Path) -> None:
    empty = tmp_path / "identity"
    empty.mkdir(mode=0o700)
    profile, records = str(desk.folder / "patrol.toml"), str(desk.records)
    provision = ("provision", profile, "--records", records, "--station", NOBODY)
    ran = bwc(*provision, "--identity", str(empty))
    assert ran.code == ExitCode.BAD_IDENTITY
    assert f"bwc ca issue CA-DIR technician --name NAME --out {empty}\n" in ran.err
    ran = bwc(*provision, "--role", "dock-offload", "--lab")
    assert ran.code == ExitCode.USAGE and "a technician does and signs this" in ran.err
    ran = bwc(*provision, "--enroll")
    assert ran.code == ExitCode.USAGE and "--ca DIR, or --lab" in ran.err and "--certificates" not in ran.err
    ran = bwc(
        "return",
        str(tmp_path / "store"),
        "--mkdir",
        "--records",
        records,
        "--station",
        NOBODY,
        "--role",
        "bench",
    )
    assert ran.code == ExitCode.USAGE and "leave --role out" in ran.err


# Clocks


def test_a_clock_that_is_far_off_is_told_with_the_command_that_may_set_it(bwc: Bwc) -> None:
    bay = "sim:?seed=7&station=2&bay=1"
    with pytest.raises(ClockImplausible) as caught:
        check_step(Measurement(3 * 3_600 * 10**9, 1_000, 2_000, 1, 7), ClockReason.ROUTINE, device=bay)
    command = shlex.split(caught.value.advice.partition("allows more: ")[2])
    assert command == ["bwc", "clock", "sync", "--device", bay, "--reason", "correction"]
    assert bwc(*command[1:3], "--help").out.count("--reason")


# Files


def test_a_setting_that_is_misspelt_is_told_once_before_anybody_is_connected_to(afar: Desk) -> None:
    profile = afar.folder / "patrol.toml"
    profile.write_text('recording.pre_evnt_s = 60\nmute.alowed = true\npolicy.id = "x"\n')
    told = f"{profile}: mute.alowed: no such setting; did you mean mute.allowed?\n"
    for ran in (
        afar.provision(),
        afar.run(
            "provision",
            str(profile),
            "--roster",
            str(afar.roster),
            "--records",
            str(afar.records),
            "--out",
            str(afar.folder / "d"),
        ),
        afar.run("check", "--station", NOBODY, "--profile", str(profile)),
        afar.run("desired", "sign", str(profile), "--camera", "X-1", "--out", str(afar.folder / "d")),
    ):
        assert ran.code == ExitCode.BAD_CONFIG and ran.err.count(told) == 1, ran.err
        assert (
            ran.err.count("recording.pre_evnt_s: no such setting; did you mean recording.pre_event_s?") == 1
        )
    assert not afar.records.exists()


def test_a_setting_that_only_cameras_may_know_is_told_and_goes_to_them(desk: Desk) -> None:
    profile = desk.folder / "patrol.toml"
    profile.write_text("recording.pre_event_s = 60\nrecording.pre_event_ms = 0\nvendor.torch = true\n")
    ran = desk.provision()
    assert ran.code == ExitCode.INCOMPLETE
    (note,) = lines(ran.err, "only the cameras can say")
    assert note.endswith("whether they have recording.pre_event_ms, vendor.torch")
    assert len(lines(ran.out, "vendor.torch: no such setting")) == 3


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"PK\x03\x04\x14\0\x06\0", "a spreadsheet's own file (.xlsx, .ods)"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a spreadsheet's own file (.xls)"),
        (b"%PDF-1.7\n", "a PDF"),
        ("officer;unit\nA;K9\n".encode("utf-16-le"), "a binary file, or UTF-16 without its mark"),
    ],
)
def test_a_roster_that_is_no_text_is_told_in_plain_words(afar: Desk, data: bytes, what: str) -> None:
    afar.roster.write_bytes(data)
    for ran in (
        afar.provision(),
        afar.run("check", "--station", NOBODY, "--roster", str(afar.roster)),
    ):
        assert ran.code == ExitCode.BAD_CONFIG and what in ran.err
        assert "try: open it in the spreadsheet and save it as 'CSV UTF-8'" in ran.err


def test_a_roster_as_unicode_text_is_read(desk: Desk) -> None:
    desk.roster.write_bytes("Officer\tUnit\r\nÄ-01\tK9\r\n".encode("utf-16"))
    assert "nobody → Ä-01 (K9)" in desk.provision("--plan").out


@pytest.mark.parametrize("where", ["/dev/null/records", "officers.csv"])
def test_records_that_cannot_be_there_are_told_before_anybody_is_connected_to(afar: Desk, where: str) -> None:
    records = str(afar.folder / where)
    profile = str(afar.folder / "patrol.toml")
    store = str(afar.folder / "store")
    for words in (
        ("provision", profile, "--records", records, "--station", NOBODY),
        ("return", store, "--mkdir", "--records", records, "--station", NOBODY),
    ):
        ran = afar.run(*words)
        assert ran.code == ExitCode.BAD_DESTINATION
        assert where in ran.err and "try: " in ran.err


def test_records_without_room_are_told_before_anybody_is_connected_to(
    afar: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(file: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(records_module.os, "write", full)
    ran = afar.provision()
    monkeypatch.undo()
    assert "No space left on device" in ran.err and "make room" in ran.err
    assert [path.name for path in afar.records.iterdir()] == [".lock"], "nothing of the trial is left"


def test_a_directory_of_records_that_is_not_there_is_told_as_that(desk: Desk) -> None:
    ran = desk.run("people", "show", "--records", str(desk.folder / "no"))
    assert f"there is no directory {desk.folder / 'no'}" in ran.err and "'bwc provision' makes it" in ran.err


@pytest.mark.parametrize("option", ["--desired", "--deliver"])
def test_a_dock_whose_desired_states_are_not_there_says_so_at_its_start(afar: Desk, option: str) -> None:
    store, gone = str(afar.folder / "store"), str(afar.folder / "gone")
    for verb in (("dock", "watch"), ("offload",)):
        ran = afar.run(*verb, store, "--mkdir", option, gone, "--device", NOBODY)
        assert f"--desired: {gone} cannot be read: No such file or directory" in ran.err
        assert "Make it first (mkdir)" in ran.err and not (afar.folder / "store").exists()
