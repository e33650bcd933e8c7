"""A declaration says everything once, and cannot say it wrongly."""

import ast
import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import bwc_protocol.messages
from bwc_protocol.conversation.message import BODY_MAX
from bwc_protocol.declare import (
    ANYONE,
    COMMANDS,
    CONTROLS,
    EVENTS,
    NO_ROLE,
    V1_0,
    Effect,
    FieldRangeError,
    Handlers,
    MalformedMessage,
    Request,
    Role,
    Wire,
    command,
    event,
    from_text,
    items,
    opt_u16,
    text,
    to_plain,
    u8,
    u16,
    wire,
)
from bwc_protocol.messages import SUBJECTS
from bwc_protocol.messages.battery import BatteryStatus, ChargeState, ReadBattery
from bwc_protocol.messages.config import MAX_UPLOAD, ConfigDocument
from bwc_protocol.messages.core import Done
from bwc_protocol.messages.identity import Fault
from bwc_protocol.word import Word, Words
from tools.generate import samples


@wire
class Part1(Wire):
    """A record as version 1.0 had it."""

    a: int = u8("a")


@wire
class Part2(Wire):
    """The same record with what later versions appended."""

    a: int = u8("a")
    b: int = u16("b", since=(1, 1), default=7)
    c: str = text("c", max=8, since=(1, 2), default="none")
    d: int = u8("d", since=(1, 2), default=9)


@wire
class List1(Wire):
    parts: tuple[Part1, ...] = items(Part1, "parts", max=4)


@wire
class List2(Wire):
    parts: tuple[Part2, ...] = items(Part2, "parts", max=4)


@pytest.mark.rule("MSG-013")
@pytest.mark.parametrize("known", [1, 3, 9])
def test_appended_fields_that_are_missing_get_their_defaults(known: int) -> None:
    whole = Part2.codec.encode(Part2(a=1, b=2, c="later", d=3))
    value = Part2.codec.decode(whole[:known] if known < 9 else whole[:-1])
    assert value.a == 1
    assert value.b == (2 if known >= 3 else 7)
    assert value.c == ("later" if known >= 9 else "none")
    assert value.d == 9


@pytest.mark.parametrize("cut", [2, 4, 5, 8])
def test_a_message_that_ends_inside_an_appended_field_is_an_error(cut: int) -> None:
    whole = Part2.codec.encode(Part2(a=1, b=2, c="later", d=3))
    with pytest.raises(MalformedMessage, match="inside a known field"):
        Part2.codec.decode(whole[:cut])


@pytest.mark.rule("MSG-012")
def test_old_and_new_records_in_a_list_read_each_other() -> None:
    new = List2(parts=(Part2(a=1, b=2, c="x", d=3), Part2(a=4)))
    assert List1.codec.decode(List2.codec.encode(new)) == List1(parts=(Part1(a=1), Part1(a=4)))
    old = List1(parts=(Part1(a=1), Part1(a=4)))
    assert List2.codec.decode(List1.codec.encode(old)) == List2(parts=(Part2(a=1), Part2(a=4)))


def test_an_appended_field_needs_a_default() -> None:
    with pytest.raises(TypeError, match="default"):
        u8("b", since=(1, 1))


def test_fields_are_only_appended() -> None:
    with pytest.raises(TypeError, match="appended"):

        @wire
        class Bad(Wire):
            a: int = u8("a", since=(1, 1), default=0)
            b: int = u8("b", default=0)


def test_not_known_is_not_a_number() -> None:
    @wire
    class Maybe(Wire):
        x: int | None = opt_u16("x")

    assert Maybe.codec.decode(Maybe.codec.encode(Maybe(x=None))) == Maybe(x=None)
    assert Maybe.codec.encode(Maybe(x=None)) == b"\xff\xff"


@pytest.mark.rule("MSG-017")
def test_an_opcode_is_declared_once() -> None:
    with pytest.raises(TypeError, match="twice"):

        @command(0x0201, "battery.other", roles=ANYONE)
        class Other(Request[Done]):
            """Another."""

    with pytest.raises(TypeError, match="twice"):

        @event(0x0201, "battery.other")
        class Told(bwc_protocol.declare.Event):
            """Another."""


def test_a_guarded_command_names_the_field_that_guards_it() -> None:
    with pytest.raises(TypeError, match="guard"):

        @command(0xEE01, "x.y", roles=ANYONE, effect=Effect.GUARDED)
        class Unguarded(Request[Done]):
            """Do."""

    assert 0xEE01 not in COMMANDS


def test_every_command_has_roles_a_line_and_a_precondition_if_it_changes_anything() -> None:
    for request in COMMANDS.values():
        assert request.roles != NO_ROLE, request.name
        assert request.codec.doc and "\n" not in request.codec.doc, request.name
        if request.effect is not Effect.READS and not request.signed:
            assert not request.roles & Role.AUDITOR, f"{request.name}: an auditor changes nothing"
        if request.effect is Effect.GUARDED:
            assert request.guard in request.codec.fields, request.name


def test_every_field_says_what_it_is() -> None:
    for cls in samples.every_class():
        for name, spec in cls.codec.fields.items():
            assert spec.doc, f"{cls.__name__}.{name}"
            for suffix, unit in (("_mv", "mV"), ("_ma", "mA"), ("_ms", "ms"), ("_s", "s"), ("_ns", "ns")):
                if name.endswith(suffix):
                    assert spec.unit == unit, f"{cls.__name__}.{name} is in {spec.unit!r}"
            if name.endswith("_bytes"):
                assert spec.unit == "byte", f"{cls.__name__}.{name}"


def test_opcodes_lie_in_the_range_of_their_subject() -> None:
    ranges: dict[str, set[int]] = {}
    for opcode, cls in [*COMMANDS.items(), *EVENTS.items()]:
        ranges.setdefault(cls.name.split(".")[0], set()).add(opcode >> 8)
        assert opcode > 0xFF
        assert (opcode & 0xFF >= 0xF0) == (opcode in EVENTS), f"{cls.name}: events from 0xF0"
    assert all(len(highs) == 1 for highs in ranges.values()), ranges
    highs = [next(iter(h)) for h in ranges.values()]
    assert len(set(highs)) == len(highs), "two subjects share a range"
    assert all(opcode <= 0xFF for opcode in CONTROLS)


def test_every_opcode_is_looked_for_in_the_file_that_declares_it() -> None:
    for opcode, cls in [*COMMANDS.items(), *EVENTS.items(), *CONTROLS.items()]:
        file = bwc_protocol.messages.FILES[opcode >> 8]
        assert cls.__module__ == f"bwc_protocol.messages.{file}", cls.name


_LOOK_UP = """
import sys
from bwc_protocol.declare import COMMANDS, EVENTS
import bwc_protocol.messages
loaded = lambda: sorted(n.rpartition('.')[2] for n in sys.modules if n.startswith('bwc_protocol.messages.'))
print(*loaded()); COMMANDS[0x0201]; print(*loaded())
print(COMMANDS.get(0x0299), COMMANDS.get(0xEE00), EVENTS[0x04F0].name, *loaded())
print(len(COMMANDS) > 30, len(loaded()))
"""


def test_a_declaration_is_found_before_its_file_is_loaded_and_loads_no_other() -> None:
    done = subprocess.run([sys.executable, "-c", _LOOK_UP], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "",
        "battery",
        "None None clock.changed battery clock",
        f"True {len(bwc_protocol.messages.FILES)}",
    ]


def test_method_names_equal_command_names() -> None:
    reachable = set()
    for subject in SUBJECTS:
        for name, member in vars(subject).items():
            request = getattr(member, "request", None)
            if request is not None:
                assert request.name == f"{subject.__name__.lower()}.{name}"
                reachable.add(request.name)
    plain = {request.name for request in COMMANDS.values() if request.stream is None}
    assert reachable == plain, "every command without a stream is a method of its subject"


def test_every_message_at_its_largest_fits_one_message() -> None:
    for cls in samples.every_message():
        assert cls.codec.size_max <= BODY_MAX, cls.__name__
    assert ConfigDocument.codec.size_max <= MAX_UPLOAD


def test_declarations_use_only_the_bounded_makers() -> None:
    """Raw Construct in a declaration would be a field without range, unit or bound."""
    folder = Path(str(bwc_protocol.messages.__file__)).parent
    for path in sorted(folder.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                assert not any(alias.name.startswith("construct") for alias in node.names), path.name
            if isinstance(node, ast.ImportFrom):
                assert not (node.module or "").startswith("construct"), path.name
            if isinstance(node, ast.Name | ast.Attribute):
                name = node.id if isinstance(node, ast.Name) else node.attr
                assert name not in ("GreedyBytes", "GreedyRange", "Prefixed", "PrefixedArray"), path.name


def test_wire_values_are_frozen_and_readable() -> None:
    value = samples.typical(BatteryStatus)
    with pytest.raises(dataclasses.FrozenInstanceError):
        value.charge_pct = 1
    assert repr(value).startswith("BatteryStatus(charge_pct=")
    assert not hasattr(value, "__dict__")


def test_a_device_without_a_handler_is_seen() -> None:
    on: Handlers[Any] = Handlers()
    assert "battery.status" in on.missing()

    @ReadBattery.handler(on)
    def read(device: Any, request: ReadBattery) -> BatteryStatus:
        return BatteryStatus(**device)

    assert "battery.status" not in on.missing()
    with pytest.raises(TypeError, match="two handlers"):
        ReadBattery.handler(on)(read)


def test_plain_data_has_names_and_hex() -> None:
    plain = to_plain(samples.typical(BatteryStatus))
    assert plain["state"] in {member.name.lower().replace("_", "-") for member in ChargeState}
    assert to_plain(Fault.CLOCK_UNSET | Fault.AUDIO) == ["clock-unset", "audio"]
    assert to_plain((b"\x01\x02",)) == ["0102"]


@pytest.mark.parametrize("cls", list(COMMANDS.values()), ids=lambda cls: cls.name)
def test_what_plain_data_shows_can_be_typed_again(cls: type[Request[Any]]) -> None:
    value = samples.typical(cls)
    for name, spec in cls.codec.fields.items():
        if spec.kind in ("record", "items"):
            continue
        shown = to_plain(getattr(value, name))
        typed = ",".join(shown) if isinstance(shown, list) else str(shown)
        assert from_text(name, spec, typed) == getattr(value, name), name


def test_versions_start_at_one() -> None:
    assert V1_0 == (1, 0)
    for cls in samples.every_class():
        assert all(spec.since >= V1_0 for spec in cls.codec.fields.values())


# What people read


def test_an_enumeration_prints_as_the_specification_names_it_and_stays_a_number() -> None:
    assert f"{ChargeState.DISCHARGING}" == str(ChargeState.DISCHARGING) == "discharging"
    assert f"{Role.TECHNICIAN | Role.BENCH}" == "technician, bench"
    assert str(NO_ROLE) == "none"
    assert f"{Role.BENCH:#06x}" == f"{int(Role.BENCH):#06x}"
    assert json.dumps([ChargeState.DISCHARGING, Role.BENCH]) == json.dumps(
        [int(ChargeState.DISCHARGING), int(Role.BENCH)]
    )


def test_every_enumeration_of_a_declaration_prints_in_words() -> None:
    declared: set[type[Wire]] = {*COMMANDS.values(), *EVENTS.values(), *CONTROLS.values()}
    declared |= {request.reply for request in COMMANDS.values()}
    found = {spec.enum for one in declared for spec in one.codec.fields.values() if spec.enum is not None}
    assert len(found) > 10
    for kind in found:
        assert issubclass(kind, Word | Words), kind.__name__


def test_a_field_is_named_as_the_specification_names_it() -> None:
    with pytest.raises(FieldRangeError, match=r"^battery\.status\.cell: "):
        ReadBattery.codec.encode(ReadBattery(cell=256))
    with pytest.raises(MalformedMessage, match=r"^BatteryStatus\.charge_pct: "):
        BatteryStatus.codec.decode(b"")
