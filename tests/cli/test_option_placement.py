"""The common options are taken before the verb, after it, and between a noun and its verb."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from bwc_sdk.cli.app import VERBS, app, load
from bwc_sdk.cli.running.options import COMMON, RoleName, Settings

Bwc = Callable[..., Any]


def _leaves(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    inner = getattr(command, "commands", None)
    if inner is None:
        yield name, command
        return
    for below, one in inner.items():
        yield from _leaves(f"{name} {below}", one)


OURS = [leaf for name, verb in VERBS.items() if not verb.extra for leaf in _leaves(name, load(name))]


@pytest.mark.parametrize(("name", "command"), OURS, ids=[name for name, _ in OURS])
def test_every_verb_takes_every_common_option(name: str, command: Any) -> None:
    taken = {parameter.name for parameter in command.params}
    assert {one.name for one in COMMON} <= taken


def test_the_overview_and_the_nouns_take_every_common_option() -> None:
    for group in (typer.main.get_command(app), load("clock"), load("config"), load("recordings")):
        assert {one.name for one in COMMON} <= {parameter.name for parameter in group.params}


@pytest.mark.parametrize(
    "argv",
    [
        ["--json", "--device", "URI", "config", "get", "recording.pre_event_s"],
        ["config", "--json", "--device", "URI", "get", "recording.pre_event_s"],
        ["config", "get", "--json", "--device", "URI", "recording.pre_event_s"],
        ["config", "get", "recording.pre_event_s", "--json", "-d", "URI"],
        ["--json", "config", "--device", "URI", "get", "recording.pre_event_s"],
    ],
)
def test_json_and_device_are_taken_anywhere(bwc: Bwc, sim: str, argv: list[str]) -> None:
    ran = bwc(*(sim if word == "URI" else word for word in argv))
    assert ran.code == 0
    assert ran.document["value"] == 30


@pytest.mark.parametrize("before", [True, False])
def test_role_is_taken_on_both_sides(bwc: Bwc, sim: str, before: bool) -> None:
    role, verb = ["--role", "auditor"], ["assign", "O-1"]
    ran = bwc(*(role + verb if before else verb + role), device=sim)
    assert ran.code == 6  # an auditor changes nothing
    assert "not-permitted" in ran.err


@pytest.mark.parametrize("before", [True, False])
def test_capture_is_taken_on_both_sides(bwc: Bwc, sim: str, tmp_path: Path, before: bool) -> None:
    capture, verb = ["--capture", str(tmp_path / "cap")], ["battery"]
    assert bwc(*(capture + verb if before else verb + capture), device=sim).code == 0
    assert (tmp_path / "cap").stat().st_size > 0


@pytest.mark.parametrize("before", [True, False])
def test_timeout_is_taken_on_both_sides(bwc: Bwc, sim: str, before: bool) -> None:
    slow = f"{sim}&faults=delay.rx=0.15"
    timeout, verb = ["--timeout", "0.05"], ["battery"]
    ran = bwc(*(timeout + verb if before else verb + timeout), device=slow)
    assert ran.code == 5
    assert "no reply" in ran.err


@pytest.mark.parametrize("before", [True, False])
def test_allow_insecure_and_verbose_are_taken_on_both_sides(bwc: Bwc, sim: str, before: bool) -> None:
    options, verb = ["--allow-insecure", "-v"], ["battery"]
    ran = bwc(*(options + verb if before else verb + options), device=f"{sim}&insecure=1")
    assert ran.code == 0 and "this session is not protected" in ran.err


def test_two_devices_are_refused_wherever_they_stand(bwc: Bwc, sim: str) -> None:
    for argv in (
        ["--device", "tcp:127.0.0.1:1", "config", "get", "overlay.identity", "--device", sim],
        ["config", "--device", "tcp:127.0.0.1:1", "get", "overlay.identity", "--device", sim],
    ):
        ran = bwc(*argv)
        assert ran.code == 2 and f"two devices are named, tcp:127.0.0.1:1 and {sim}" in ran.err
    assert bwc("--device", sim, "battery", "--device", sim).code == 0


def test_of_a_timeout_before_the_verb_and_one_behind_it_the_latter_counts(bwc: Bwc, sim: str) -> None:
    assert (
        bwc("--timeout", "0.05", "battery", "--timeout", "10", device=f"{sim}&faults=delay.rx=0.15").code == 0
    )


def test_the_command_line_counts_before_the_environment(
    bwc: Bwc, sim: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BWC_DEVICE", sim)
    assert bwc("battery").code == 0
    assert bwc("--device", "tcp:127.0.0.1:1", "battery").code == 3


def test_settings_add_up_from_left_to_right() -> None:
    nothing = {one.name: one.default for one in COMMON}
    first = Settings().merged({**nothing, "verbose": 1, "as_json": True, "role": RoleName.AUDITOR})
    second = first.merged({**nothing, "verbose": 1, "role": RoleName.BENCH})
    assert (second.verbose, second.as_json, second.role) == (2, True, RoleName.BENCH)


def test_role_names_are_the_protocols_roles() -> None:
    from bwc_protocol.declare import ANYONE
    from bwc_protocol.declare.plain import label

    assert {role.value for role in RoleName} == {label(role) for role in ANYONE}
