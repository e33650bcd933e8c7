"""Verbs that change something: they do it once, on the right thing, and say what it did."""

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bwc_sdk.cli.arguments.time_span import span_ns
from bwc_sdk.cli.printing.readable import readable
from bwc_sdk.cli.verbs.audit import check_head
from bwc_sdk.cli.verbs.clock import offset_in_words
from bwc_sdk.cli.verbs.storage import life_time
from bwc_sdk.errors import AuditBroken
from firmware_sim.camera.camera import SimCamera
from firmware_sim.ports import memory

Bwc = Callable[..., Any]


def test_no_device_is_guessed_even_if_only_one_is_plugged_in(
    bwc: Bwc, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bwc_sdk.discovery.slots import Slot

    one = Slot("serial:/dev/ttyACM0", "1-4", "1209:0001", "camera", True)
    monkeypatch.setattr("bwc_sdk.discovery.slots.slots", lambda: (one,))
    ran = bwc("info")
    assert ran.code == 2
    assert "serial:/dev/ttyACM0" in ran.err and "--device" in ran.err


def test_a_reboot_needs_the_devices_name_or_yes(bwc: Bwc, sim: str) -> None:
    before = bwc("info", "--json", device=sim).document
    assert bwc("reboot", device=sim).code == 2
    assert bwc("reboot", device="tcp:127.0.0.1:1").code == 2  # told before anything is opened
    assert bwc("reboot", "SIM-0", device=sim).code == 4
    after = bwc("info", "--json", device=sim).document
    assert after["status"]["boot_counter"] == before["status"]["boot_counter"]
    assert bwc("reboot", before["device"]["identity"], device=sim).code == 0


def test_an_assignment_is_made_shown_and_cleared(bwc: Bwc, sim: str) -> None:
    assert bwc("assign", "O-17", "--unit", "North", device=sim).code == 0
    shown = bwc("assign", "--json", device=sim).document["assignment"]
    assert (shown["officer"], shown["unit"], shown["assigned"]) == ("O-17", "North", True)
    assert bwc("assign", "--clear", "--json", device=sim).document["assignment"]["assigned"] is False


def test_another_officer_keeps_the_unit_unless_it_is_named(bwc: Bwc, sim: str) -> None:
    def state() -> tuple[str, str]:
        shown = bwc("assign", "--json", device=sim).document["assignment"]
        return shown["officer"], shown["unit"]

    bwc("assign", "K1", "--unit", "North", device=sim)
    ran = bwc("assign", "K2", device=sim)
    assert state() == ("K2", "North") and "unit 'North' is kept" in ran.err
    assert "kept" not in bwc("assign", "K3", "--unit", "South", device=sim).err
    assert state() == ("K3", "South")
    bwc("assign", "K4", "--unit", "", device=sim)
    assert state() == ("K4", "")
    assert "kept" not in bwc("assign", "K5", device=sim).err


@pytest.mark.parametrize("argv", [["--clear", "O-1"], ["--unit", "North"], ["--unit", ""], [""]])
def test_a_contradicting_assignment_is_a_wrong_command_line(bwc: Bwc, sim: str, argv: list[str]) -> None:
    assert bwc("assign", *argv, device=sim).code == 2
    assert bwc("assign", *argv, device="tcp:127.0.0.1:1").code == 2  # and nothing is opened for it


def test_a_value_that_its_field_cannot_carry_is_refused_here(bwc: Bwc, sim: str) -> None:
    ran = bwc("assign", "O" * 65, device=sim)
    assert ran.code == 2 and "at most 64" in ran.err and "give a value that fits" in ran.err


def test_a_recording_is_named_by_number_or_by_the_first_digits_of_its_id(bwc: Bwc, sim: str) -> None:
    listed = bwc("recordings", "list", "--json", device=sim).document["recordings"]
    identity = listed[1]["recording"]
    for which in (str(listed[1]["sequence"]), identity, identity[:8].upper()):
        shown = bwc("recordings", "show", which, "--json", device=sim).document
        assert shown["recording"]["recording"] == identity
        assert shown["manifest"]["recording_id"] == identity
    for which in ("99", "", "zzzz", identity[:3]):
        assert bwc("recordings", "show", which, device=sim).code == 2


def test_marks_and_holds_come_and_go_and_are_on_record(bwc: Bwc, sim: str) -> None:
    def annotate(*argv: str) -> list[str]:
        marks: list[str] = bwc("recordings", *argv, "--json", device=sim).document["annotation"]["marks"]
        return marks

    assert annotate("mark", "1") == ["marked"]
    assert annotate("hold", "1", "--reason", "case 7") == ["marked", "held"]
    assert annotate("mark", "1", "--remove") == ["held"]
    assert annotate("lift", "1", "--reason", "closed") == []
    said = bwc("recordings", "show", "1", "--json", device=sim).document["annotations"]
    assert [one["kind"] for one in said][-4:] == ["marked", "held", "unmarked", "lifted"]
    assert said[-1]["text"] == "closed"


def test_several_holds_are_lifted_one_by_one(bwc: Bwc, sim: str) -> None:
    def holds(*argv: str) -> int:
        found: int = bwc("recordings", *argv, "--json", device=sim).document["annotation"]["holds"]
        return found

    assert holds("hold", "1", "--reason", "court", "--id", "a", "--case", "24-7", "--authority", "judge") == 1
    assert holds("hold", "1", "--reason", "asked for", "--id", "b") == 2
    wrong = bwc("recordings", "lift", "1", "--reason", "typo", "--id", "c", device=sim)
    assert wrong.code == 6 and "names its holds" in wrong.err
    assert holds("lift", "1", "--reason", "over", "--id", "a") == 1
    assert holds("case", "1", "24-8") == holds("review", "1", "--note", "face") == 1
    said = bwc("recordings", "show", "1", "--json", device=sim).document["annotations"]
    assert [(one["kind"], one["hold"], one["case"]) for one in said[-5:]] == [
        ("held", "a", "24-7"),
        ("held", "b", ""),
        ("lifted", "a", ""),
        ("case", "", "24-8"),
        ("reviewed", "", ""),
    ]
    assert holds("lift", "1", "--reason", "over", "--id", "b") == 0


def test_a_recording_tells_its_circumstances_and_takes_a_category(bwc: Bwc, sim: str) -> None:
    shown = bwc("recordings", "show", "1", "--json", device=sim).document["manifest"]["circumstances"]
    assert (shown["event"], shown["ending"], shown["purpose"]) == ("not-given", "not-given", "not-given")
    told = bwc("recordings", "show", "1", device=sim).out
    assert "not-given" in told and "later" not in told
    state = bwc("recordings", "categorise", "1", "theft", "--json", device=sim).document["annotation"]
    assert state["category"] == "theft"


def test_solely_first_amendment_activity_is_refused_with_what_it_is(bwc: Bwc, sim: str) -> None:
    for argv in (
        ("recordings", "categorise", "1", "first-amendment-only"),
        ("config", "set", "recording.purpose=first-amendment-only"),
    ):
        ran = bwc(*argv, "--json", device=sim)
        assert (ran.code, ran.error["code"]) == (6, "purpose-refused"), ran
        assert "investigated" in bwc(*argv, device=sim).err
    assert bwc("config", "set", "recording.purpose=training", device=sim).code == 0


def test_a_hold_without_a_reason_is_a_wrong_command_line(bwc: Bwc, sim: str) -> None:
    assert bwc("recordings", "hold", "1", device=sim).code == 2


def test_the_audit_log_is_read_from_where_one_stopped(bwc: Bwc, sim: str) -> None:
    bwc("assign", "O-1", device=sim)
    entries = bwc("audit", "--json", device=sim).document["entries"]
    rest = bwc("audit", "--after", str(entries[1]["sequence"]), "--json", device=sim).document["entries"]
    assert rest[0]["sequence"] == entries[2]["sequence"]
    assert "assigned" in {entry["kind"] for entry in entries}


@pytest.mark.rule("AUD-005")
def test_a_log_whose_newest_entry_is_another_is_broken() -> None:
    from bwc_protocol.messages.audit import AuditEntry, AuditHead, AuditKind

    entry = AuditEntry(
        sequence=4,
        utc_ns=0,
        boot_counter=1,
        kind=AuditKind.BOOT,
        actor="",
        detail="",
        sha256=b"\x01" * 32,
    )
    check_head([entry], AuditHead(sequence=5, sha256=bytes(32), first=1), "")  # written since
    for sequence in (3, 4):
        with pytest.raises(AuditBroken):
            check_head([entry], AuditHead(sequence=sequence, sha256=bytes(32), first=1), "")


# The clock


def test_showing_the_clock_sets_nothing(bwc: Bwc, sim: str) -> None:
    revisions = [bwc("clock", "show", "--json", device=sim).document["clock"]["revision"] for _ in range(2)]
    assert revisions[0] == revisions[1]


def test_how_far_a_clock_is_off_is_said_in_words() -> None:
    assert offset_in_words(12_300_000) == "12.300 ms behind this host"
    assert offset_in_words(-400) == "400 ns ahead of this host"


def test_a_sync_tells_before_and_after(bwc: Bwc, sim: str) -> None:
    told = bwc("clock", "sync", "--source", "ptp", "--uncertainty", "1ms", "--json", device=sim).document
    assert (told["source"], told["assurance"], told["reason"]) == ("ptp", "unverified", "routine")
    assert abs(told["after"]["offset_ns"]) < abs(told["before"]["offset_ns"])
    assert 1_000_000 < told["uncertainty_ns"] < 100_000_000
    shown = bwc("clock", "show", "--json", device=sim).document["clock"]
    assert (shown["source"], shown["assurance"]) == ("ptp", "unverified")


def test_a_host_that_knows_its_time_is_asked_what_it_knows(
    bwc: Bwc, sim: str, host_knows: Callable[[bool | None], None]
) -> None:
    host_knows(True)
    told = bwc("clock", "sync", "--json", device=sim).document
    assert (told["source"], told["assurance"]) == ("ntp", "verified")
    assert told["uncertainty_ns"] > 2_000_000, "the kernel's bound, and that of the measurement"
    shown = bwc("clock", "show", "--json", device=sim).document["host_time"]
    assert shown == {
        "synchronised": True,
        "max_error_ns": 2_000_000,
        "max_error_s": 0.002,
        "said_by": "kernel",
    }
    host_knows(None)
    assert bwc("clock", "sync", device=sim).code == 13
    ran = bwc("clock", "sync", "--source", "ntp", device=sim)
    assert ran.code == 13 and "--uncertainty" in ran.err
    known = bwc("clock", "sync", "--source", "ntp", "--uncertainty", "20ms", "--json", device=sim).document
    assert (known["source"], known["assurance"]) == ("ntp", "unverified")


@pytest.mark.parametrize("source", ["ptp", "gnss"])
def test_a_source_that_the_system_does_not_tell_needs_a_stated_uncertainty(
    bwc: Bwc, sim: str, source: str
) -> None:
    ran = bwc("clock", "sync", "--source", source, device=sim)
    assert ran.code == 13 and "--uncertainty" in ran.err


def test_a_person_is_good_for_seconds(bwc: Bwc, sim: str) -> None:
    told = bwc("clock", "sync", "--source", "operator", "--json", device=sim).document
    assert told["uncertainty_ns"] > 5_000_000_000 and told["assurance"] == "unverified"
    assert bwc("clock", "sync", "--source", "operator", "--uncertainty", "1ms", device=sim).code == 13


@pytest.mark.parametrize("wrong", ["", "1", "-1ms", "1 m", "0s", "0.1ns", "ms", "1e3s"])
def test_an_uncertainty_that_is_no_time_is_a_usage_error(bwc: Bwc, sim: str, wrong: str) -> None:
    assert bwc("clock", "sync", "--source", "ptp", f"--uncertainty={wrong}", device=sim).code == 2


def test_uncertainties_as_people_write_them() -> None:
    assert [span_ns(one) for one in ("5ms", "0.2 s", "300us", "7ns")] == [5_000_000, 200_000_000, 300_000, 7]


def test_a_reason_that_does_not_fit_the_clock_has_advice_that_does(bwc: Bwc, sim: str) -> None:
    ran = bwc("clock", "sync", "--source", "operator", "--reason", "first-set", device=sim)
    assert ran.code == 6 and "first-set is for one that is not" in ran.err
    assert "leave --reason out" in ran.err
    assert bwc("clock", "sync", "--source", "operator", device=sim).code == 0, "the advice is true"


def test_nanoseconds_have_seconds_or_text_beside_them(bwc: Bwc, sim: str) -> None:
    shown = bwc("clock", "show", "--json", device=sim).document
    stamp = datetime.datetime.fromisoformat(shown["clock"]["utc"][:26] + "+00:00")
    assert abs(stamp.timestamp() - shown["clock"]["utc_ns"] / 1e9) < 1e-3
    assert shown["clock"]["utc"].endswith(f"{shown['clock']['utc_ns'] % 10**9:09d}Z")
    assert shown["measured"]["offset_s"] == pytest.approx(shown["measured"]["offset_ns"] / 1e9)
    assert readable({"utc_ns": 0, "a_utc_ns": 2**63 - 1, "b_utc_ns": -5, "c_ns": None, "rounds": 3}) == {
        "utc_ns": 0,
        "utc": None,
        "a_utc_ns": 2**63 - 1,
        "a_utc": "2262-04-11T23:47:16.854775807Z",
        "b_utc_ns": -5,
        "b_utc": None,
        "c_ns": None,
        "c_s": None,
        "rounds": 3,
    }


def test_a_step_beyond_what_the_reason_allows_is_refused_by_the_host(
    bwc: Bwc, sim: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bwc_sdk.clients.clock_sync.ROUTINE_STEP_S", 0.0)
    before = bwc("clock", "show", "--json", device=sim).document["clock"]["revision"]
    ran = bwc("clock", "sync", "--source", "operator", device=sim)
    assert ran.code == 13 and "beyond" in ran.err and "--reason correction" in ran.err
    assert bwc("clock", "show", "--json", device=sim).document["clock"]["revision"] == before
    assert bwc("clock", "sync", "--source", "nonsense", device=sim).code == 2


@pytest.mark.parametrize(
    ("register", "said"),
    [
        (0, "unknown(0)"),
        (1, "0 to 10 % used"),
        (10, "90 to 100 % used"),
        (11, "exceeded"),
        (12, "unknown(12)"),
    ],
)
def test_the_life_time_register_in_words(register: int, said: str) -> None:
    assert life_time(register) == said


# The offload


def test_an_offload_in_a_pipe_tells_each_file_in_a_line(bwc: Bwc, sim: str, tmp_path: Path) -> None:
    ran = bwc("offload", str(tmp_path), device=sim)
    stored = [line.split("\t") for line in ran.out.splitlines() if line.startswith("stored\t")]
    files = [Path(line[3]) for line in stored if len(line) == 7]
    assert ran.code == 0 and len(files) == 3
    assert all(file.is_file() for file in files)
    assert ran.out.splitlines()[-1].startswith("complete\t3 of 3")
    again = bwc("offload", str(tmp_path), device=sim)
    assert again.code == 0 and again.out.count("it was there already") == 3


def test_only_the_recordings_that_were_named_are_copied(bwc: Bwc, sim: str, tmp_path: Path) -> None:
    assert bwc("offload", str(tmp_path), "2", device=sim).code == 0
    assert len(list(tmp_path.glob("*.mp4*"))) == 1
    assert bwc("offload", str(tmp_path), "2", "77", device=sim).code == 2


def test_the_wrong_camera_gives_nothing(bwc: Bwc, sim: str, tmp_path: Path) -> None:
    assert bwc("offload", str(tmp_path), "--expect", "SIM-0", device=sim).code == 4
    assert not list(tmp_path.glob("*.mp4*"))


def test_a_lost_connection_is_made_again_and_captured_in_a_file_of_its_own(
    bwc: Bwc, sim: str, tmp_path: Path
) -> None:
    capture = tmp_path / "cap"
    (tmp_path / "dest").mkdir()
    pulled = f"{sim}&faults=cut@700000"
    ran = bwc("offload", str(tmp_path / "dest"), "--capture", str(capture), device=pulled)
    assert ran.code == 0
    assert "lost\t" in ran.out and "reconnected" in ran.out
    assert capture.stat().st_size > 0 and capture.with_name("cap-2").stat().st_size > 0


def test_a_terminal_gets_a_table_of_outcomes(
    bwc: Bwc, sim: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    ran = bwc("offload", str(tmp_path), device=sim)
    assert ran.code == 0
    assert "3 of 3 recordings stored and verified" in ran.out
    assert "planned" in ran.err and "Traceback" not in ran.err


def test_a_signature_that_is_not_good_is_shown_as_that(bwc: Bwc, sim: str) -> None:
    """Whatever a device says: whoever looks at a recording sees whether its camera signed what is shown."""
    told = bwc("recordings", "show", "1", "--lab", "--json", device=sim).document["signature"]
    assert told["state"] == "verified"
    seed = int(sim.split("seed=")[1].split("&")[0])
    (camera,) = (made for key, (made, _) in memory._made.items() if key.seed == seed)
    assert isinstance(camera, SimCamera)
    first = camera.listing(0, 1)[0]
    first.signature = first.signature[:-1] + bytes([first.signature[-1] ^ 1])
    told = bwc("recordings", "show", "1", "--lab", "--json", device=sim).document["signature"]
    assert told["state"] == "NOT GOOD" and "signature: " in told["why"] and "signer" not in told
    assert "NOT GOOD" in bwc("recordings", "show", "1", "--lab", device=sim).out
