"""`bwc clock show` and `bwc clock sync`."""

import enum
from typing import Annotated

import typer

from bwc_protocol.declare import Role, to_plain
from bwc_protocol.evidence import ClockState
from bwc_protocol.messages.clock import ClockReason, TimeSource
from bwc_sdk.cli import text
from bwc_sdk.cli.facts import Fact, fact, facts
from bwc_sdk.cli.output import Facts, Output
from bwc_sdk.cli.verb import UNSURE, common_options, device_verb, verbs
from bwc_sdk.clock_sync import Measurement
from bwc_sdk.connecting import AnyDevice
from bwc_sdk.errors import ClockImplausible
from bwc_sdk.host_time import host_time


class SourceName(enum.StrEnum):
    """Where the host has its time from."""

    NTP = "ntp"
    NTS = "nts"
    PTP = "ptp"
    GNSS = "gnss"
    OPERATOR = "operator"


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
@device_verb(Role.TECHNICIAN)
async def show(device: AnyDevice, output: Output) -> None:
    """Time, state and uncertainty, and how far it is from this host's clock; sets nothing."""
    reading = await device.clock.read()
    measured = await device.clock.measure()
    output.show(
        {"clock": to_plain(reading), "measured": _document(measured)},
        Facts("clock", list(facts(reading))),
        Facts("measured against this host", _facts(measured), section="measured"),
    )


@app.command("sync")
@device_verb(Role.TECHNICIAN, interrupted=UNSURE)
async def sync(
    device: AnyDevice,
    output: Output,
    source: Annotated[
        SourceName | None,
        typer.Option(
            help="Where this host has its time from; without it the kernel is asked whether it knows."
        ),
    ] = None,
    reason: Annotated[
        ReasonName | None,
        typer.Option(help="Why; bounds the step. Default: routine, or first-set if the clock is not set."),
    ] = None,
) -> None:
    """Measure the clock, then set it within limits.

    Refused when this host does not know its own time to be right, or when the step is beyond what the
    reason allows. The device keeps a record of every set.
    """
    time_source, uncertainty_ns = host_source(source, device.name)
    reading = await device.clock.read()
    if reason is not None:
        why = ClockReason[reason.name]
    else:
        why = ClockReason.FIRST_SET if reading.state is ClockState.UNSET else ClockReason.ROUTINE
    before, done = await device.clock.sync(reason=why, source=time_source, host_uncertainty_ns=uncertainty_ns)
    after = await device.clock.measure()
    output.show(
        {
            "reason": to_plain(why),
            "source": to_plain(time_source),
            "before": _document(before),
            "set": to_plain(done),
            "after": _document(after),
        },
        Facts("", [fact("reason", why), fact("source", time_source)]),
        Facts("before", _facts(before), section="before"),
        Facts("set", list(facts(done)), section="set"),
        Facts("after", _facts(after), section="after"),
    )


def host_source(named: SourceName | None, device: str) -> tuple[TimeSource, int]:
    """Source and uncertainty (ns) of the host's time. Raises `ClockImplausible` if nobody vouches for it."""
    kernel = host_time()
    if named is not None:
        # A clock may be right without the kernel knowing (PTP daemons often do not tell it): the operator's
        # word counts, and goes on the device's record.
        return TimeSource[named.name], kernel.max_error_ns if kernel.synchronised else 0
    if not kernel.synchronised:
        says = "says that it is not synchronised" if kernel.synchronised is False else "does not say"
        raise ClockImplausible(
            f"whether this host's time is right is not known: the system {says}",
            device=device,
            advice="start a time service (chrony, systemd-timesyncd), or name the source: --source ntp",
        )
    return TimeSource.NTP, kernel.max_error_ns


def _document(measured: Measurement) -> dict[str, int]:
    return {
        "offset_ns": measured.offset_ns,
        "uncertainty_ns": measured.uncertainty_ns,
        "round_trip_ns": measured.round_trip_ns,
        "rounds": measured.rounds,
    }


def _facts(measured: Measurement) -> list[Fact]:
    units = {"rounds": ""}
    shown = {"offset_ns": offset_in_words(measured.offset_ns)}
    return [
        fact(name, value, shown.get(name), unit=units.get(name, "ns"))
        for name, value in _document(measured).items()
    ]


def offset_in_words(offset_ns: int) -> str:
    """What has to be added to the device's time to get the host's, as people say it."""
    return f"{text.small_time(abs(offset_ns))} {'behind' if offset_ns > 0 else 'ahead of'} this host"
