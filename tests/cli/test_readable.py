"""Times in JSON: beside each number of nanoseconds stands what a reader with 53 bits can read; events say when."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bwc_sdk.cli.printing.readable import Stamps, readable
from bwc_sdk.quantity import exact_utc

Bwc = Callable[..., Any]
AT_NS = 1_795_906_864_870_123_456
AT_TEXT = "2026-11-28T23:01:04.870123456Z"


def test_text_stands_beside_a_time_and_seconds_beside_a_length() -> None:
    found = readable(
        {"a_utc_ns": AT_NS, "deep": [{"offset_ns": -1_500_000_000}], "n": 1, "utc_ns": 0, "host_utc_ns": None}
    )
    assert found == {
        "a_utc_ns": AT_NS,
        "a_utc": AT_TEXT,
        "deep": [{"offset_ns": -1_500_000_000, "offset_s": -1.5}],
        "n": 1,
        "utc_ns": 0,
        "utc": None,
        "host_utc_ns": None,
        "host_utc": None,
    }


def test_what_a_verb_says_itself_stays_and_what_is_no_time_gets_nothing() -> None:
    document = {"a_utc_ns": AT_NS, "a_utc": "mine", "b_ns": "text", "c_ns": True, "_ns": [1]}
    assert readable(document) == document
    assert readable({"a_utc": "mine", "a_utc_ns": AT_NS}) == {"a_utc": "mine", "a_utc_ns": AT_NS}
    assert readable(readable({"a_ns": 2**60})) == readable({"a_ns": 2**60})


def test_times_without_a_date_have_none() -> None:
    for ns in (None, 0, -1, 2**80):
        assert exact_utc(ns) is None
    assert exact_utc(1) == "1970-01-01T00:00:00.000000001Z"
    assert Stamps(lambda: AT_NS - AT_NS % 10**9).text() == "2026-11-28T23:01:04.000Z"  # always as long


def _times(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, list):
        for one in value:
            yield from _times(one)
    elif isinstance(value, dict):
        yield value
        for one in value.values():
            yield from _times(one)


@pytest.mark.parametrize(
    "argv",
    [
        ["info"],
        ["assign"],
        ["recordings", "list"],
        ["recordings", "show", "1"],
        ["audit"],
        ["clock", "show"],
        ["raw", "clock.read"],
    ],
    ids=" ".join,
)
def test_no_verb_leaves_a_reader_with_a_number_that_it_rounds(bwc: Bwc, sim: str, argv: list[str]) -> None:
    found = list(_times(bwc(*argv, "--json", device=sim).document))
    assert found
    for one in found:
        for name, value in one.items():
            if isinstance(value, int) and abs(value) > 2**53:
                assert name.endswith("utc_ns") and re.fullmatch(
                    r"\d{4}-\d\d-\d\dT[\d:]{8}\.\d{9}Z", one[name.removesuffix("_ns")]
                )


def test_a_capture_is_decoded_with_times_that_can_be_read(bwc: Bwc, sim: str, tmp_path: Path) -> None:
    assert bwc("raw", "clock.read", "--capture", str(tmp_path / "c"), device=sim).code == 0
    head = bwc("decode", str(tmp_path / "c"), "--json").document["capture"][0]["fields"]
    assert head["utc"] == exact_utc(head["utc_ns"])


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> None:
    """The world's clock stands still."""
    from bwc_sdk.host.world import World

    for module in ("offload", "dock"):
        monkeypatch.setattr(f"bwc_sdk.cli.verbs.{module}.World", lambda: World(utc_ns=lambda: AT_NS))


@pytest.mark.parametrize("many", [False, True])
def test_each_event_of_an_offload_says_when_it_was_told(
    bwc: Bwc, sim: str, tmp_path: Path, at: None, many: bool
) -> None:
    argv = ["--station", f"{sim}&station=2"] if many else ["--device", sim]
    lines = [json.loads(line) for line in bwc("offload", str(tmp_path), "--json", *argv).out.splitlines()]
    assert len(lines) > 5 and {(one["utc_ns"], one["utc"]) for one in lines} == {(AT_NS, AT_TEXT)}
    plain = bwc("offload", str(tmp_path), *argv).out.splitlines()
    assert len(plain) > 5 and all(line.endswith("\t2026-11-28T23:01:04.870Z") for line in plain)


def test_in_a_pipe_sizes_are_bytes_and_nothing_else(bwc: Bwc, sim: str, tmp_path: Path) -> None:
    out = bwc("offload", str(tmp_path), device=sim).out
    assert "iB" not in out and out.splitlines()[-1].split("\t")[1].endswith("3145728 bytes received")
