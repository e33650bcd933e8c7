"""`bwc config`: files that go round, differences, and what bad input gets."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Bwc = Callable[..., Any]


def test_what_is_shown_as_toml_can_be_applied(bwc: Bwc, sim: str, tmp_path: Path) -> None:
    file = tmp_path / "camera.toml"
    file.write_text(bwc("config", "show", "--toml", device=sim).out)
    assert bwc("config", "set", "recording.pre_event_s=45", "overlay.identity=off", device=sim).code == 0
    assert bwc("config", "get", "recording.pre_event_s", device=sim).out == "45\n"
    assert bwc("config", "apply", str(file), device=sim).code == 0
    assert bwc("config", "get", "recording.pre_event_s", device=sim).out == "30\n"
    assert bwc("config", "get", "overlay.identity", device=sim).out == "true\n"
    assert bwc("config", "show", "--toml", device=sim).out == file.read_text()


def test_diff_lists_what_differs_and_is_no_failure(bwc: Bwc, sim: str, tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text("[recording]\npre_event_s = 60\nsegment_s = 900\n")
    ran = bwc("config", "diff", str(file), device=sim)
    assert (ran.code, ran.out) == (0, "recording.pre_event_s\t60\t30\t30\n")
    ran = bwc("config", "diff", str(file), "--json", device=sim)
    assert ran.document["differences"] == [
        {"key": "recording.pre_event_s", "file": 60, "effective": 30, "pending": 30}
    ]


def test_diff_tells_pending_from_effective(bwc: Bwc, sim: str, tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text("[radio]\nble_docked = 'full'\n")  # takes effect at the next boot
    ran = bwc("config", "apply", str(file), device=sim)
    assert "takes effect later: radio.ble_docked (on-reboot)" in ran.err
    ran = bwc("config", "set", "recording.pre_event_s=44", device=sim)
    assert "effect later" not in ran.err and "pending since before: radio.ble_docked\n" in ran.err
    assert bwc("config", "diff", str(file), device=sim).out == "radio.ble_docked\tfull\toff\tfull\n"
    ran = bwc("config", "diff", "--exit-code", str(file), device=sim)
    said = "applied, and in effect later: radio.ble_docked; restart the camera with 'bwc reboot'\n"
    assert ran.code == 0 and said in ran.err
    bwc("config", "set", "radio.ble_docked=status", device=sim)  # pending, and not what the file says
    assert bwc("config", "diff", "--exit-code", str(file), device=sim).code == 1
    bwc(
        "config", "set", "radio.ble_docked=off", device=sim
    )  # in effect and pending, and not what the file says
    assert bwc("config", "diff", "--exit-code", str(file), device=sim).code == 1


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("recording.pre_evnt_s = 3", "did you mean recording.pre_event_s"),
        ("recording.pre_event_s = 'x'", "takes a whole number"),
        ("recording.pre_event_s = 121", "not within 0 to 120"),
        ("recording.resolution = '8K'", "takes one of"),
        ("recording.pre_event_s = 1.5", "takes a whole number, a text or true/false, not 1.5"),
        ("recording.pre_event_s = 2026-01-31", "not the date or time 2026-01-31"),
        ("recording.pre_event_s = [1, 2]", "not a list"),
        ("recording.pre_event_s =", "not TOML"),
        ("recording.pre_event_s = 3\nrecording.pre_event_s = 4", "not TOML"),
    ],
)
def test_a_bad_file_changes_nothing_and_names_the_setting(
    bwc: Bwc, sim: str, tmp_path: Path, content: str, told: str
) -> None:
    file = tmp_path / "c.toml"
    file.write_text("overlay.identity = false\n" + content)
    before = bwc("config", "show", "--toml", device=sim).out
    ran = bwc("config", "apply", str(file), device=sim)
    assert ran.code == 8
    assert told in ran.err
    assert bwc("config", "show", "--toml", device=sim).out == before


def test_several_problems_are_told_one_a_line(bwc: Bwc, sim: str) -> None:
    ran = bwc("config", "set", "recording.pre_evnt_s=1", "recording.segment_s=x", device=sim)
    assert ran.code == 8 and "2 settings do not fit:\n" in ran.err
    assert "\n  recording.segment_s: takes a whole number" in ran.err
    assert "\n  recording.pre_evnt_s: no such setting; did you mean recording.pre_event_s?\n" in ran.err


def test_what_is_said_of_config_show_is_true_of_a_pipe_and_of_json(bwc: Bwc, sim: str) -> None:
    told = bwc("config", "set", "recording.pre_event_s=121", device=sim).err
    assert "'bwc config show', on a terminal or with --json, lists every setting with what it takes" in told
    lines = bwc("config", "show", device=sim).out.splitlines()
    assert "recording.pre_event_s\t30" in lines and all(line.count("\t") == 1 for line in lines)
    schema = {one["key"]: one for one in bwc("config", "show", "--json", device=sim).document["schema"]}
    assert (schema["recording.pre_event_s"]["high"], schema["recording.pre_event_s"]["default_number"]) == (
        120,
        30,
    )


def test_a_missing_file_and_a_missing_setting_are_told(bwc: Bwc, sim: str, tmp_path: Path) -> None:
    ran = bwc("config", "apply", str(tmp_path / "none.toml"), device=sim)
    assert ran.code == 9 and "none.toml" in ran.err and "is the path right?" in ran.err
    ran = bwc("config", "get", "recording.pre_evnt_s", device=sim)
    assert ran.code == 8 and "did you mean" in ran.err


@pytest.mark.parametrize("verb", ["apply", "diff"])
def test_a_file_is_read_before_the_port_is_opened(bwc: Bwc, tmp_path: Path, verb: str) -> None:
    nobody = "tcp:127.0.0.1:1"
    (tmp_path / "bad.toml").write_text("recording.pre_event_s = 2026-01-31\n")
    assert bwc("config", verb, str(tmp_path / "none.toml"), device=nobody).code == 9
    assert bwc("config", verb, str(tmp_path), device=nobody).code == 9
    assert bwc("config", verb, str(tmp_path / "bad.toml"), device=nobody).code == 8


def test_a_file_that_is_no_configuration_at_all_asks_for_the_path(bwc: Bwc, sim: str, tmp_path: Path) -> None:
    (tmp_path / "photo").write_bytes(b"\xff\xd8\xff")
    ran = bwc("config", "apply", str(tmp_path / "photo"), device=sim)
    assert ran.code == 8 and "not TOML" in ran.err and "is the path right?" in ran.err


def test_a_file_that_changes_nothing_is_told_and_makes_no_revision(
    bwc: Bwc, sim: str, tmp_path: Path
) -> None:
    file = tmp_path / "c.toml"
    file.write_text("recording.pre_event_s = 45\n")
    first = bwc("config", "apply", str(file), "--json", device=sim).document
    again = bwc("config", "apply", str(file), "--json", device=sim).document
    assert (first["changed"], again["changed"]) == (True, False)
    assert again["state"]["revision"] == first["state"]["revision"]
    assert "nothing to change" in bwc("config", "apply", str(file), device=sim).err
    file.write_text("mute.allowed = true\ntrigger.peer = false\n")
    for said in (
        "",
        "nothing to change: the device has these values already, of which some are not in effect yet",
    ):
        ran = bwc("config", "apply", str(file), device=sim)
        assert said in ran.err and ("nothing to change" in ran.err) is bool(said)
        assert (
            "take effect later: mute.allowed (on-undock), trigger.peer (on-reboot); restart the camera"
            in ran.err
        )
    assert bwc("config", "set", "recording.pre_event_s=121", device=sim).code == 8


@pytest.mark.parametrize("pairs", [["recording.pre_event_s"], ["a=1", "a=2"]])
def test_what_is_no_pair_is_a_wrong_command_line(bwc: Bwc, sim: str, pairs: list[str]) -> None:
    assert bwc("config", "set", *pairs, device=sim).code == 2


SETTING = "recording.pre_event_s = 45\r\npolicy.id = 'Wache Süd'\r\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_a_file_that_windows_wrote_is_read_as_any_other(
    bwc: Bwc, sim: str, tmp_path: Path, encoding: str
) -> None:
    mark = "\ufeff" if encoding.endswith(("-le", "-be")) else ""
    file = tmp_path / "c.toml"
    file.write_bytes((mark + SETTING).encode(encoding))
    assert bwc("config", "apply", str(file), device=sim).code == 0
    assert bwc("config", "get", "policy.id", device=sim).out == "Wache Süd\n"


@pytest.mark.parametrize(
    "content", [b"\xff\xfea", b"\xfe\xff\xd8\x00", b"\xef\xbb\xbf\xff", b"a\x00=\x001\x00"]
)
def test_a_file_that_breaks_its_own_encoding_is_told(bwc: Bwc, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "c.toml").write_bytes(content)
    ran = bwc("config", "apply", str(tmp_path / "c.toml"), device="tcp:127.0.0.1:1")
    assert ran.code == 8 and "c.toml: not TOML" in ran.err


@pytest.mark.parametrize("value", ["9" * 5_000, "9" * 4_000, "0x" + "f" * 5_000, "'" + "x" * 5_000 + "'"])
def test_a_value_of_thousands_of_digits_is_a_problem_of_its_setting_in_one_short_line(
    bwc: Bwc, sim: str, tmp_path: Path, value: str
) -> None:
    (tmp_path / "c.toml").write_text(f"recording.pre_event_s = {value}\n")
    for verb in ("apply", "diff"):
        ran = bwc("config", verb, str(tmp_path / "c.toml"), device=sim)
        assert ran.code == 8 and len(ran.err) < 600 and "try:" in ran.err
    ran = bwc("config", "set", f"recording.pre_event_s={value}", device=sim)
    assert ran.code == 8 and len(ran.err) < 600


def test_bytes_of_a_command_line_that_are_no_text_are_no_setting(bwc: Bwc, sim: str) -> None:
    ran = bwc("config", "set", "policy.id=\udcff", device=sim)
    assert ran.code == 8 and "policy.id: takes a text in UTF-8" in ran.err


@pytest.mark.parametrize("argv", [["recordings", "show"], ["station", "bay", "1", "release"]])
def test_a_number_of_thousands_of_digits_is_no_fault_of_the_program(
    bwc: Bwc, sim: str, argv: list[str]
) -> None:
    ran = bwc(*argv, "9" * 5_000, device=sim)
    assert ran.code in (2, 6) and "report it" not in ran.err and len(ran.err) < 600
