"""`bwc` with a device of an older minor version: it tells what that device said, and names what it lacks."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bwc_sdk.cli.exit_codes import ExitCode
from firmware_sim.ports.memory import forget_sims
from tests.cli.conftest import Bwc

OF = "sim:?minor={}&seed=41&recordings=2&mib=1&footage=synthetic"


@pytest.fixture(autouse=True)
def nothing_stays() -> Iterator[None]:
    yield
    forget_sims()


@pytest.mark.parametrize("minor", [0, 1])
def test_info_tells_the_version_and_only_what_it_has(bwc: Bwc, minor: int) -> None:
    told = bwc("info", "--allow-insecure", "--json", device=OF.format(minor)).document
    assert told["protocol"] == f"1.{minor}"
    capabilities = told["capabilities"]["capabilities"]
    assert capabilities == ["serial", "config-upload", "stealth", "mute", "simulator"]


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ("recordings case 1 2026-1", "recordings.case"),
        ("recordings hold 1 --reason court --case 7", "`case` of recordings.hold"),
        ("recordings release 1", "recordings.release"),
        ("recordings erase 1", "recordings.receipt, without which recordings.erase comes to nothing,"),
        ("raw trust.read", "trust.read"),
    ],
)
def test_a_verb_that_needs_something_newer_names_both_versions(bwc: Bwc, words: str, what: str) -> None:
    ran = bwc(*words.split(), "--allow-insecure", device=OF.format(0))
    assert ran.code == ExitCode.REFUSED
    assert f"was not sent: this camera speaks 1.0; {what} came with 1.2\n" in ran.err
    assert "  try: update its firmware to one that speaks 1.2, or do without\n" in ran.err


def test_what_a_camera_did_not_say_is_not_told_as_if_it_had(bwc: Bwc) -> None:
    """A recording that is held has a hold, of which a camera of 1.0 does not say how many there are."""
    for minor, holds in ((0, None), (2, 1)):
        device = OF.format(minor) + ("&insecure=1" if minor == 2 else "")
        words = ("recordings", "hold", "1", "--reason", "court", "--allow-insecure")
        said = bwc(*words, "--json", device=device).document["annotation"]
        assert "held" in said["marks"] and said.get("holds") == holds
        assert ("holds\t" in bwc(*words, device=device).out) is (holds is not None)


def test_a_device_of_before_has_to_be_asked_for_without_protection(bwc: Bwc) -> None:
    ran = bwc("info", device=OF.format(1))
    assert ran.code == ExitCode.NOT_A_DEVICE and "the device does not protect its sessions" in ran.err
    ran = bwc("info", device=OF.format(3))
    assert ran.code == ExitCode.USAGE and "is not a number from 0 to 2" in ran.err


def test_everyday_verbs_work_with_a_camera_of_the_first_version(bwc: Bwc, tmp_path: Path) -> None:
    for words in (
        "battery",
        "storage",
        "self-test",
        "audit",
        "clock sync --source operator",
        "config set recording.pre_event_s=60",
        "assign K2",
        "recordings show 1",
        f"offload {tmp_path} --erase",
        "recordings categorise 2 incident",
    ):
        ran = bwc(*words.split(), "--allow-insecure", device=OF.format(0))
        assert ran.code == ExitCode.SUCCESS, (words, ran.err)
        if "--erase" in words:
            assert ran.out.count("this camera speaks 1.0; recordings.release came with 1.2") == 2
    ran = bwc("evidence", "verify", str(tmp_path))
    assert ran.code == ExitCode.HASHES_ONLY
    assert "no-event" not in ran.out and "clock" not in ran.err
