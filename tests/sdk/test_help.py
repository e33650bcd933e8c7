"""What `help()` shows: every field with its unit, every method with its errors, its roles and its section."""

import inspect
import io
import pydoc
import re
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from bwc_protocol.declare import COMMANDS, CONTROLS, EVENTS, FieldSpec, Role, Wire
from bwc_protocol.messages.battery import Battery, BatteryStatus
from bwc_protocol.messages.clock import SetClock
from bwc_sdk import errors
from bwc_sdk.clients.clock import Clock
from bwc_sdk.clients.recordings import Recordings
from bwc_sdk.sync import generated
from tools.generate import sync_twin

SPECIFICATION = (Path(__file__).parents[2] / "protocol" / "README.md").read_text(encoding="utf-8")
CLIENTS = tuple(dict.fromkeys([*sync_twin.CAMERA.values(), *sync_twin.STATION.values()]))


def _wires() -> list[type[Wire]]:
    found: list[type[Wire]] = []
    todo: list[type[Wire]] = [*COMMANDS.values(), *EVENTS.values(), *CONTROLS.values()]
    todo += [request.reply for request in COMMANDS.values()]
    while todo:
        one = todo.pop()
        if one not in found:
            found.append(one)
            todo += [spec.of for spec in one.codec.fields.values() if spec.of is not None]
    return found


def _methods(cls: type[Any]) -> Iterator[tuple[str, Callable[..., Any]]]:
    for name, member in inspect.getmembers(cls, inspect.isfunction):
        if not name.startswith("_"):
            yield f"{cls.__name__}.{name}", member


METHODS = dict(entry for cls in CLIENTS for entry in _methods(cls))
TWINS = dict(entry for cls in CLIENTS for entry in _methods(getattr(generated, f"Sync{cls.__name__}")))


def _shown(what: object) -> str:
    out = io.StringIO()
    with redirect_stdout(out):
        help(what)
    return pydoc.plain(out.getvalue())


def test_help_of_a_record_shows_what_each_number_means_and_in_which_unit() -> None:
    shown = _shown(BatteryStatus)
    for line in (
        "One cell: level, load and health.",
        "charge_pct: state of charge [%]; 0 to 100",
        "state: what the charger does; `ChargeState`",
        "voltage_mv: terminal voltage under the present load [mV]",
        "temperature_dc: cell temperature, tenths of a degree [0.1 °C]",
        "time_left_s: time left at the present load; not known while charging [s]; None: not known",
    ):
        assert line in shown, line
    assert "[mV]" in _shown(BatteryStatus.voltage_mv)


@pytest.mark.parametrize("cls", _wires(), ids=lambda cls: cls.__name__)
def test_every_field_of_every_declared_class_is_documented_with_its_unit(cls: type[Wire]) -> None:
    documented = inspect.getdoc(cls) or ""
    assert documented.startswith(cls.codec.doc) and cls.codec.doc
    spec: FieldSpec
    for name, spec in cls.codec.fields.items():
        unit = f" [{spec.unit}]" if spec.unit else ""
        assert f"\n    {name}: {spec.doc}{unit}" in documented, name
        assert spec.doc in (inspect.getdoc(getattr(cls, name)) or ""), name


@pytest.mark.parametrize("name", [*METHODS, *TWINS])
def test_every_method_says_who_may_call_it_what_it_raises_and_where_it_is_specified(name: str) -> None:
    method = METHODS[name] if name in METHODS else TWINS[name]
    documented = inspect.getdoc(method) or ""
    roles = re.search(r"^Roles: (.+)$", documented, re.MULTILINE)
    assert roles is not None, "roles"
    named = set() if roles[1] == "any" else set(roles[1].split(", "))
    assert named <= {role.name for role in Role}
    raises = re.search(r"^Raises:\n((?: {4}.+\n)+)", documented, re.MULTILINE)
    assert raises is not None and "    CommandError: " in raises[1], "errors"
    for line in raises[1].splitlines():
        for error in line.partition(":")[0].split(","):
            assert issubclass(getattr(errors, error.strip()), errors.BwcError), error
    section = re.search(r"^Specification: (.+)$", documented, re.MULTILINE)
    assert section is not None, "section"
    for command in re.findall(r"`([a-z_.]+)`", section[1]):
        assert f"\n#### `{command}`\n" in SPECIFICATION, command


def test_the_help_of_a_method_has_its_name_and_its_arguments() -> None:
    assert (
        str(inspect.signature(Battery.status))
        == "(self, /, *, cell: int = 0) -> bwc_protocol.messages.battery.BatteryStatus"
    )
    shown = _shown(Battery.status)
    assert "status(self" in shown and "cell: cell, from 0; 0 unless given" in shown


def test_a_guarded_command_says_what_its_precondition_is_and_that_it_may_have_taken_effect() -> None:
    documented = inspect.getdoc(Clock.set) or ""
    assert SetClock.guard and f"CONFLICT when `{SetClock.guard}` is not the present one" in documented
    assert "    OutcomeUnknown: " in documented and "    CommandTimeout: " not in documented
    assert "    OutcomeUnknown: " not in (inspect.getdoc(Recordings.list) or "")


# What a timeout does, by the kind of the method


BLOCKING = {
    **TWINS,
    "SyncCamera.events": generated.SyncCamera.events,
    "SyncDockingStation.events": generated.SyncDockingStation.events,
    "SyncDockingStation.camera": generated.SyncDockingStation.camera,
    "connect": generated.connect,
    "connect_station": generated.connect_station,
    "offload": generated.offload,
    "offload_many": generated.offload_many,
    "offload_station": generated.offload_station,
    "dock_watch": generated.dock_watch,
}


@pytest.mark.parametrize("name", BLOCKING)
def test_a_blocking_method_says_what_its_timeout_does(name: str) -> None:
    function = BLOCKING[name]
    documented = " ".join((inspect.getdoc(function) or "").split())
    gives = str(inspect.signature(function).return_annotation)
    goes_on = any(kind in gives for kind in ("BlockingIterator", "Job", "SyncDockWatch"))
    assert ("raises `CallTimeout`" in documented) is True
    assert ("goes on" in documented) is goes_on
    assert ("is cancelled" in documented) is not goes_on
    assert "ends it" not in documented


def test_a_call_that_changes_something_says_what_a_timeout_leaves_open() -> None:
    may_have = "it may have taken effect all the same"
    for name, method in METHODS.items():
        if name in sync_twin.ASYNC_ONLY:
            continue
        requests = getattr(method, "sends", None) or (method.request,)
        changes = any(request.effect.value != "reads" for request in requests)
        assert (may_have in " ".join((inspect.getdoc(TWINS[f"Sync{name}"]) or "").split())) is changes, name


@pytest.mark.parametrize("cls", CLIENTS, ids=lambda cls: cls.__name__)
def test_methods_stand_in_the_order_of_their_declaration(cls: type[Any]) -> None:
    twin = getattr(generated, f"Sync{cls.__name__}")
    order = list(dict.fromkeys(name for base in reversed(cls.__mro__) for name in vars(base)))
    mine = [name for name in vars(twin) if not name.startswith("_")]
    assert mine == [name for name in order if name in mine]
