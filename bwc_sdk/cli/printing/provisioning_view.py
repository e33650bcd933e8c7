"""Provisioning on a terminal: one table that renews itself, a line a camera. Loaded only there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from rich.console import Console
from rich.live import Live
from rich.table import Table

from bwc_sdk.cli.printing.text import clean
from bwc_sdk.provisioning import Looked, NotHere, NotProvisioned, Provisioned, ProvisioningEvent, StepBegun


class ProvisioningView:
    """A table on stderr; results belong on stdout and come later."""

    def __init__(self, places: Sequence[str]) -> None:
        self._rows = {place: ["", "", "connect"] for place in places}
        self._live = Live(console=Console(stderr=True), transient=True, get_renderable=self._table)

    def tell(self, event: ProvisioningEvent) -> None:
        """Shows an event in its camera's line."""
        if isinstance(event, NotHere):
            return  # it has no place
        row = self._rows[event.place]
        match event:
            case Looked():
                officer = event.member.officer if event.member else event.found.assignment.officer
                row[:] = [event.found.identity.serial, officer, "waits"]
            case StepBegun():
                row[2] = event.step
            case Provisioned():
                row[2] = "done"
            case NotProvisioned():
                row[2] = f"left at {event.step}: {event.error.rule}"

    def _table(self) -> Table:
        table = Table("place", "camera", "officer", "", box=None, pad_edge=False)
        for place, row in self._rows.items():
            table.add_row(*(clean(cell) for cell in (place, *row)))
        return table

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *error: Any) -> None:
        self._live.stop()
