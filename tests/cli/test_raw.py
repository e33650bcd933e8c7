"""`bwc raw`: every declared command can be typed; what cannot be typed says so."""

from collections.abc import Callable
from typing import Any

import pytest
import typer

from bwc_protocol.declare import COMMANDS, FieldRangeError, FieldSpec, Role, StreamDirection
from bwc_sdk.cli.verbs.raw import parse_request, role_for

Bwc = Callable[..., Any]

ALL = list(COMMANDS.values())


def _typed(spec: FieldSpec) -> str:
    """A value of a field, as a person would type it."""
    if spec.enum is not None:
        return str(int(next(iter(spec.enum))))
    if spec.kind == "bool":
        return "true"
    if spec.kind == "text":
        return "x"
    if spec.kind == "blob":
        return "00"
    if spec.kind.startswith("bytes"):
        return "00" * (spec.bound or 0)
    return str(max(spec.low or 0, 1))


@pytest.mark.parametrize("kind", ALL, ids=[kind.name for kind in ALL])
def test_every_declared_command_can_be_typed(kind: Any) -> None:
    specs = kind.codec.fields
    if any(spec.kind in ("items", "record") for spec in specs.values()):
        with pytest.raises((FieldRangeError, typer.BadParameter)):
            parse_request(kind, [f"{name}=x" for name in specs])
        return
    request = parse_request(kind, [f"{name}={_typed(spec)}" for name, spec in specs.items()])
    assert kind.codec.decode(kind.codec.encode(request)) == request


@pytest.mark.parametrize("kind", ALL, ids=[kind.name for kind in ALL])
def test_the_role_that_is_asked_for_carries_the_command(kind: Any) -> None:
    role = role_for(kind)
    assert role in kind.roles
    assert role is Role.TECHNICIAN or Role.TECHNICIAN not in kind.roles


def test_the_list_has_every_command(bwc: Bwc) -> None:
    listed = {line.split("\t")[0] for line in bwc("raw").out.splitlines()}
    assert listed == {kind.name for kind in ALL}


@pytest.mark.parametrize("kind", [kind for kind in ALL if kind.stream], ids=lambda kind: kind.name)
def test_a_command_that_opens_a_stream_points_to_the_verb_that_can(bwc: Bwc, kind: Any) -> None:
    assert kind.stream in StreamDirection
    ran = bwc("raw", kind.name)
    assert ran.code == 2 and "use 'bwc" in ran.err


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["battery.state"], "battery.status"),
        (["nonsense.x"], "lists them"),
        (["battery.status", "cel=0"], "takes cell"),
        (["battery.status", "cell"], "takes cell"),
        (["battery.status", "cell=0", "cell=1"], "each once"),
        (["battery.status", "cell=256"], "0 to 255"),
        (["battery.status", "cell=x"], "0 to 255"),
        (["device.reboot"], "needs boot_counter"),
        (["recordings.manifest", "recording=00"], "16 bytes"),
    ],
)
def test_what_cannot_be_sent_says_what_can(bwc: Bwc, argv: list[str], told: str) -> None:
    ran = bwc("raw", *argv, device="tcp:127.0.0.1:1")
    assert ran.code == 2
    assert told in ran.err.replace("\n", " ")


def test_a_reply_comes_by_field(bwc: Bwc, sim: str) -> None:
    assert "cycles\t" in bwc("raw", "battery.status", "cell=0", device=sim).out
    assert "cycles" in bwc("raw", "battery.status", "--json", device=sim).document["reply"]
