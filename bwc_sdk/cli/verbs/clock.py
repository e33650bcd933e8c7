"""`bwc clock show` and `bwc clock sync`."""

import enum
from typing import Annotated, Any

import typer

from bwc_protocol.declare import Role, to_plain
from bwc_protocol.evidence import ClockState
from bwc_protocol.messages.clock import ClockReason, TimeSource
from bwc_sdk.cli.arguments.host_time_word import Source, Uncertainty
from bwc_sdk.cli.arguments.time_span import span_ns
from bwc_sdk.cli.printing import text
from bwc_sdk.cli.printing.facts import Fact, fact, facts
from bwc_sdk.cli.printing.output import Facts, Output
from bwc_sdk.cli.printing.readable import readable
from bwc_sdk.cli.running.verb import UNSURE, common_options, device_verb, verbs
from bwc_sdk.clients.clock_sync import Measurement
from bwc_sdk.clients.connecting import AnyDevice
from bwc_sdk.host.host_time import HostTime
from bwc_sdk.host.world import World


class ReasonName(enum.StrEnum):
    """Why the clock is set."""

    ROUTINE = "routine"
    FIRST_SET = "first-set"
    CORRECTION = "correction"
    BENCH = "bench"


app = verbs(
    no_args_is_help=True,
    help="Read, measure and set the device's clock.\n\nOf a docking station: its own; ?bay=3 behind its URI is the "
    "camera in bay 3.",
)
common_options(app)


@app.command("show")
@device_verb(Role.TECHNICIAN, any_role=True)
async def show(device: AnyDevice, output: Output) -> None:
    """Time, state and uncertainty, and how far it is from this host's clock; sets nothing."""
    reading = await device.clock.read()
    measured = await device.clock.measure()
    world = World()
    known = await world.workers.wait(world.host_time)
    output.show(
        {
            "clock": readable(to_plain(reading)),
            "measured": _document(measured),
            "host_time": readable(known.plain()),
        },
        Facts("clock", list(facts(reading))),
        Facts("measured against this host", _facts(measured), section="measured"),
        Facts("this host's clock", _host_facts(known), section="host_time"),
    )


@app.command("sync")
@device_verb(Role.TECHNICIAN, interrupted=UNSURE)
async def sync(
    device: AnyDevice,
    output: Output,
    source: Source = None,
    uncertainty: Uncertainty = None,
    reason: Annotated[
        ReasonName | None,
        typer.Option(help="Why; bounds the step. Default: routine, or first-set if the clock is not set."),
    ] = None,
) -> None:
    """Measure the clock, set it within limits, and measure again.

    Refused when this host does not know its own time to be right, when either clock is not steady while it is
    measured, or when the step is beyond what the reason allows. The device keeps a record of every set: source,
    uncertainty, and whether this host's system confirms them (verified) or somebody says so (unverified).
    """
    stated_ns = span_ns(uncertainty) if uncertainty is not None else None
    reading = await device.clock.read()
    if reason is not None:
        why = ClockReason[reason.name]
    else:
        why = ClockReason.FIRST_SET if reading.state is ClockState.UNSET else ClockReason.ROUTINE
    named = TimeSource[source.name] if source is not None else None
    found = await device.clock.sync(reason=why, source=named, host_uncertainty_ns=stated_ns)
    said = {
        "reason": why,
        "source": found.word.source,
        "assurance": found.word.assurance,
        "uncertainty_ns": found.uncertainty_ns,
    }
    output.show(
        readable({name: to_plain(value) for name, value in said.items()})
        | {
            "before": _document(found.before),
            "set": readable(to_plain(found.done)),
            "after": _document(found.after),
        },
        Facts(
            "", [fact(name, value, unit="ns" if name.endswith("_ns") else "") for name, value in said.items()]
        ),
        Facts("before", _facts(found.before), section="before"),
        Facts("set", list(facts(found.done)), section="set"),
        Facts("after", _facts(found.after), section="after"),
    )


def _measured(measured: Measurement) -> dict[str, int]:
    return {
        "offset_ns": measured.offset_ns,
        "uncertainty_ns": measured.uncertainty_ns,
        "round_trip_ns": measured.round_trip_ns,
        "rounds": measured.rounds,
        "discarded": measured.discarded,
    }


def _document(measured: Measurement) -> dict[str, Any]:
    return readable(_measured(measured))


def _facts(measured: Measurement) -> list[Fact]:
    units = {"rounds": "", "discarded": ""}
    shown = {"offset_ns": offset_in_words(measured.offset_ns)}
    return [
        fact(name, value, shown.get(name), unit=units.get(name, "ns"))
        for name, value in _measured(measured).items()
    ]


def _host_facts(known: HostTime) -> list[Fact]:
    units = {"max_error_ns": "ns"}
    return [fact(name, value, unit=units.get(name, "")) for name, value in known.plain().items()]


def offset_in_words(offset_ns: int) -> str:
    """What has to be added to the device's time to get the host's, as people say it."""
    return f"{text.small_time(abs(offset_ns))} {'behind' if offset_ns > 0 else 'ahead of'} this host"
