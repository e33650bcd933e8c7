"""Where this host has its time from, and how good it is: whoever sets clocks may say so."""

import enum
from typing import Annotated

import typer


class SourceName(enum.StrEnum):
    """Where the host has its time from."""

    NTP = "ntp"
    NTS = "nts"
    PTP = "ptp"
    GNSS = "gnss"
    OPERATOR = "operator"


Source = Annotated[
    SourceName | None,
    typer.Option(help="Where this host has its time from; without it the host itself has to know."),
]
Uncertainty = Annotated[
    str | None,
    typer.Option(
        metavar="TIME",
        help="How far this host's time may be off, such as 1ms. Needed with ptp and gnss, and where the host "
        "does not know; a person (operator) is good for 5s if nothing is said.",
    ),
]
