"""`bwc station`: a docking station and its bays."""

import contextlib
import dataclasses
import enum
from collections.abc import Iterator
from typing import Annotated, Final

import typer

from bwc_protocol.declare import Role, to_plain
from bwc_protocol.messages.station import BAYS_MAX, LEASE_MAX_S, LOCK_MAX_S, BayStatus, BayVerdict
from bwc_sdk.cli.advice import advice_for
from bwc_sdk.cli.printing.facts import Fact, facts
from bwc_sdk.cli.printing.output import Facts, Output, rows_of
from bwc_sdk.cli.running.on_camera import run_on_station
from bwc_sdk.cli.running.options import Settings
from bwc_sdk.cli.running.verb import UNCHANGED, UNSURE, common_options, local_verb, station_verb, verbs
from bwc_sdk.cli.verbs.self_test import run_self_test
from bwc_sdk.clients.station import DockingStation
from bwc_sdk.errors import CommandError

app = verbs(no_args_is_help=True, help="Show a docking station, and switch its bays.")
common_options(app)

IN_LIST: Final = (
    "bay",
    "state",
    "led",
    "charge",
    "charge_ma",
    "temperature_dc",
    "alarms",
    "label",
    "verdict_lease_s",
    "lock_s",
)
"""What of a bay stands in a table of all; a pipe and `bwc station bay N` have the rest."""

NUMBER_DIGITS: Final = 20
"""Of the largest number on the wire."""

VERDICT_S: Final = 600
"""How long a verdict holds that somebody typed, unless told otherwise."""
LOCK_S: Final = 60
"""The same of a lock: whoever typed it stands by."""
Bay = Annotated[int, typer.Argument(metavar="BAY", min=1, max=BAYS_MAX, help="The bay, from 1.")]


class Said(enum.StrEnum):
    """What may be said of a camera."""

    TAKE_ME = "take-me"
    BUSY = "busy"
    NEEDS_ATTENTION = "needs-attention"
    DO_NOT_USE = "do-not-use"
    NONE = "none"


class Action(enum.StrEnum):
    """What can be done with a bay."""

    POWER = "power"
    DATA = "data"
    IDENTIFY = "identify"
    RELEASE = "release"


@app.command("show")
@station_verb(Role.TECHNICIAN, any_role=True)
async def show(station: DockingStation, output: Output) -> None:
    """Who and what the station is, and how it does."""
    identity = await station.device.identify()
    status = await station.bays.status()
    clock = await station.clock.read()
    output.show(
        {"identity": to_plain(identity), "station": to_plain(status), "clock": to_plain(clock)},
        Facts("identity", list(facts(identity))),
        Facts("station", list(facts(status)), section="station"),
        Facts("clock", list(facts(clock)), section="clock"),
    )


@app.command("bays")
@station_verb(Role.TECHNICIAN, any_role=True)
async def bays(station: DockingStation, output: Output) -> None:
    """All bays: on a terminal a table, in a pipe a line a value, with its name, such as bay.3.state.

    Any other verb reaches the camera in bay 3 with ?bay=3 behind the station's URI.
    """
    found = await station.bays.list()
    listed = [{one.name: one for one in facts(bay)} for bay in found]
    document = {"bays": [to_plain(bay) for bay in found]}
    if output.terminal:
        output.show(document, rows_of("", [[_renamed(row[name]) for name in IN_LIST] for row in listed]))
        return
    for_each = (Facts("", [*row.values()], section=f"bay.{row['bay'].plain}") for row in listed)
    output.show(document, *for_each)  # columns would say nothing without headings


def _renamed(one: Fact) -> Fact:
    """Two columns of the list would have the same heading, once the unit is left out."""
    return dataclasses.replace(one, label="current") if one.name == "charge_ma" else one


@app.command("bay")
@local_verb
def bay(
    settings: Settings,
    output: Output,
    number: Bay,
    action: Annotated[Action | None, typer.Argument(help="What to do with it; without one, show it.")] = None,
    value: Annotated[
        str | None,
        typer.Argument(
            help="For power and data: on or off. For identify: seconds (30). For release: the incident that was "
            "looked into, as 'bwc station bay BAY' shows it."
        ),
    ] = None,
) -> int | None:
    """Show one bay, or switch it: power on|off, data on|off, identify, release.

    A bay in quarantine is released once somebody has looked at what is in it; refused while it is hot or swollen,
    and when there was another incident since.
    """
    on, count = _value(action, value)

    async def work(station: DockingStation, out: Output) -> None:
        with _named(number):
            state = await _act(station, number, action, on, count)
        _show(out, state)

    interrupted = UNCHANGED if action is None else UNSURE
    return run_on_station(settings, Role.TECHNICIAN, work, interrupted=interrupted)


@contextlib.contextmanager
def _named(number: int) -> Iterator[None]:
    """What is advised after a refusal names the bay."""
    try:
        yield
    except CommandError as error:
        error.advice = advice_for(error).replace("bay BAY", f"bay {number}")
        raise


def _show(output: Output, state: BayStatus) -> None:
    output.show({"bay": to_plain(state)}, Facts(f"bay {state.bay}", list(facts(state))))


@app.command("verdict")
@station_verb(Role.TECHNICIAN, interrupted=UNSURE)
async def verdict(
    station: DockingStation,
    output: Output,
    number: Bay,
    said: Annotated[Said, typer.Argument(metavar="VERDICT", help="What its light says; none takes it back.")],
    seconds: Annotated[
        int,
        typer.Option(
            "--for",
            metavar="SECONDS",
            min=1,
            max=LEASE_MAX_S,
            help="How long it says so, unless the camera is taken out or something else is said before.",
        ),
    ] = VERDICT_S,
) -> None:
    """Have the light of a bay tell whoever stands there what may be done with the camera in it.

    VERDICT is take-me, busy, needs-attention, do-not-use or none. It ends by itself, and with the docking; take-me
    also when a host talks to the camera, or its link ends. Check it first: the station does not. While
    'bwc dock watch' runs, that has the station and says it.
    """
    with _named(number):
        docking = (await station.bays.bay(bay=number)).docking
        judged = await station.bays.verdict(
            bay=number,
            docking=docking,
            verdict=BayVerdict[said.name],
            seconds=0 if said is Said.NONE else seconds,
        )
    _show(output, judged)
    if judged.verdict is BayVerdict.TAKE_ME:
        output.note(
            f"nobody has checked this camera for that word: 'bwc check -d URI?bay={number}' does, before it is said"
        )


@app.command("lock")
@station_verb(Role.TECHNICIAN, interrupted=UNSURE)
async def lock(
    station: DockingStation,
    output: Output,
    number: Bay,
    seconds: Annotated[
        int,
        typer.Option(
            "--for", metavar="SECONDS", min=1, max=LOCK_MAX_S, help="How long it is held at the most."
        ),
    ] = LOCK_S,
) -> None:
    """Hold the camera in a bay for a time.

    No lock holds for ever: it ends by itself, at an alarm and without power, and it opens by hand.
    """
    await _hold(station, output, number, seconds)


@app.command("unlock")
@station_verb(Role.TECHNICIAN, interrupted=UNSURE)
async def unlock(station: DockingStation, output: Output, number: Bay) -> None:
    """Let the camera in a bay go."""
    await _hold(station, output, number, 0)


async def _hold(station: DockingStation, output: Output, number: int, seconds: int) -> None:
    with _named(number):
        docking = (await station.bays.bay(bay=number)).docking
        held = await station.bays.lock(bay=number, docking=docking, seconds=seconds)
    _show(output, held)


def _value(action: Action | None, value: str | None) -> tuple[bool, int]:
    """The switch, and the number, that an action takes. Raises `BadParameter`."""
    typed = value is not None and value.isascii() and value.isdecimal() and len(value) <= NUMBER_DIGITS
    number = int(value) if value is not None and typed else None
    match action:
        case None if value is None:
            return False, 0
        case Action.POWER | Action.DATA if value in ("on", "off"):
            return value == "on", 0
        case Action.POWER | Action.DATA:
            raise typer.BadParameter(f"{action} takes on or off")
        case Action.IDENTIFY if value is None:
            return False, 30
        case Action.IDENTIFY | Action.RELEASE if number is not None:
            return False, number
        case Action.IDENTIFY:
            raise typer.BadParameter("identify takes seconds")
        case _:
            raise typer.BadParameter("release takes the number of the incident that was looked into")


async def _act(station: DockingStation, bay: int, action: Action | None, on: bool, count: int) -> BayStatus:
    match action:
        case None:
            return await station.bays.bay(bay=bay)
        case Action.POWER:
            return await station.bays.power(bay=bay, on=on)
        case Action.DATA:
            return await station.bays.data(bay=bay, on=on)
        case Action.IDENTIFY:
            return await station.bays.identify(bay=bay, seconds=count)
        case Action.RELEASE:
            return await station.bays.release(bay=bay, incident=count)


@app.command("self-test")
@station_verb(Role.TECHNICIAN)
async def self_test(station: DockingStation, output: Output) -> int:
    """Run the station's self-test, as 'bwc self-test' does; switches nothing.

    Exits with 1 when a step failed.
    """
    return await run_self_test(station, output)
