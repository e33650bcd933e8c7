"""Which steps a dock takes with each camera: `--steps clock,desired,check`."""

from pathlib import Path
from typing import Final

import typer

from bwc_protocol.messages.clock import TimeSource
from bwc_sdk.cli.arguments.host_time_word import SourceName
from bwc_sdk.cli.arguments.time_span import span_ns
from bwc_sdk.offload.steps import Check, DockStep, SetClock

CLOCK: Final = "clock"
DESIRED: Final = "desired"
CHECK: Final = "check"
NAMES: Final = (CLOCK, DESIRED, CHECK)


def steps_of(
    text: str | None,
    desired: Path | None,
    source: SourceName | None = None,
    uncertainty: str | None = None,
) -> tuple[DockStep, ...]:
    """Those at the end of the steps that are named, in their order, whatever the order in which they are named.

    `desired` is the directory of desired states, `source` and `uncertainty` are of this host's time. Raises
    `typer.BadParameter`, and what `span_ns` raises.
    """
    named = [] if text is None else [one.strip() for one in text.split(",")]
    for one in named:
        if one not in NAMES:
            raise typer.BadParameter(f"there is no step {one[:40]!r}; known: {', '.join(NAMES)}")
    if DESIRED in named and desired is None:
        raise typer.BadParameter("--steps desired needs the directory of desired states: --desired DIR")
    if (source is not None or uncertainty is not None) and CLOCK not in named:
        raise typer.BadParameter("--source and --uncertainty are for --steps clock")
    if source is SourceName.OPERATOR:
        raise typer.BadParameter(
            "--source operator is for one moment, and a watch goes on: name what keeps the time of this host, such as "
            "--source ptp --uncertainty 1ms, or leave --source out where the host itself knows"
        )
    clock = SetClock(
        source=TimeSource[source.name] if source is not None else None,
        host_uncertainty_ns=span_ns(uncertainty) if uncertainty is not None else None,
    )
    return tuple(step for step in (clock, Check()) if step.name in named)
