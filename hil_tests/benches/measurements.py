"""What the suite measures, by the names in its report."""

from typing import Final

MEASUREMENTS: Final = (
    "connect time",
    "round trip, median",
    "round trip, longest",
    "offload rate",
    "clock offset",
    "clock drift",
    "battery charge",
    "battery voltage",
    "battery temperature",
    "battery health",
    "reboot time",
    "time to be back after a loss of power",
)
"""All of them: a test compares the list with what the tests measure."""
