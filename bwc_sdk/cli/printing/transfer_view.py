"""An offload on a terminal: a line a camera, one for the whole, and above them what happened. Loaded only there."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Self

from rich.cells import cell_len, set_cell_size
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from bwc_sdk.cli.printing import text
from bwc_sdk.cli.printing.readable import Stamps
from bwc_sdk.cli.printing.transfer import Board
from bwc_sdk.offload import CameraEvent

REFRESH_S: Final = 0.25
NAME_MAX: Final = 24
"""Columns of a slot's name: a URI is cut on its left, where all are the same."""
PART: Final = 5
RATE: Final = 12
LEFT: Final = 15
UNTIL: Final = 15
"""Columns of ` 62 %`, `1023.9 MiB/s`, `1023.9 GiB left` and `until 14:05:10Z`."""
BAR: Final = "█░"
BAR_ASCII: Final = "#."
BAR_MIN: Final = 8
BAR_MAX: Final = 30
GAP: Final = 2
ECHO: Final = 2
"""Columns that lines leave free: a terminal echoes ^C there, and would go to the next line, off what is erased."""
RESERVED_LINES: Final = 3
"""Lines of a terminal that are left for the whole, for what is not shown, and for what happened last."""
LEFT_MAX_S: Final = 10 * 86_400.0
"""An end that is further away is none that anybody waits for."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line, before it is fitted to the terminal."""

    name: str
    done: int
    total: int
    per_s: float
    state: str
    until: str = ""


class TransferView:
    """Lines on stderr that renew themselves; results belong on stdout and come later.

    `single` shows the recordings of one camera instead of one line for it.
    """

    def __init__(
        self, now_s: Callable[[], float], utc_ns: Callable[[], int], *, single: bool = False
    ) -> None:
        self._board = Board(now_s)
        self._utc_ns = utc_ns
        self._stamps = Stamps(utc_ns)
        self._single = single
        self._tick: asyncio.TimerHandle | None = None
        self._console = Console(stderr=True, highlight=False, emoji=False, markup=False)
        self._live = Live(
            get_renderable=self._drawn,
            console=self._console,
            auto_refresh=False,  # its thread would read what the loop is changing
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._tick is not None:
            self._tick.cancel()
            self._live.stop()

    def tell(self, tagged: CameraEvent) -> None:
        """Takes one event into the lines, which are there from the first one on: notes on connecting come before."""
        self._board.tell(tagged)
        if self._tick is None:
            self._live.start()
            self._refresh()

    def _refresh(self) -> None:
        self._live.refresh()
        self._tick = asyncio.get_running_loop().call_later(REFRESH_S, self._refresh)

    def remark(self, *values: object) -> None:
        """One line above, which stays."""
        said = "  ".join(text.clean(str(value)) for value in (self._stamps.short(), *values))
        self._console.print(Text(said), overflow="fold")

    def _drawn(self) -> Group:
        width, height = max(1, self._console.width - ECHO), self._console.height
        rows = list(self._rows())
        most = max(1, height - RESERVED_LINES - 1)
        shown = rows if len(rows) <= most else [one for one in rows if not _is_over(one)][:most]
        names = max((cell_len(one.name) for one in [*shown, _WHOLE]), default=0)
        names = min(names, NAME_MAX, max(4, width // 3))
        marks = BAR if self._console.encoding.startswith("utf") else BAR_ASCII
        lines = [Text(line_of(one, names, width, marks), no_wrap=True) for one in shown]
        if len(rows) > len(shown):
            lines.append(Text(f"and {len(rows) - len(shown)} more", style="dim", no_wrap=True))
        lines.append(Text(line_of(self._whole(), names, width, marks), style="bold", no_wrap=True))
        return Group(*lines)

    def _rows(self) -> Iterator[Row]:
        now_s = self._board.now_s()
        for slot, one in self._board.in_order():
            if not self._single:
                yield Row(text.clean(slot), one.done, one.planned, one.rate.per_s(now_s), one.state)
                continue
            for recording, (done, total) in one.current.items():
                yield Row(f"recording {recording}", done, total, one.rate.per_s(now_s), one.state)

    def _whole(self) -> Row:
        board = self._board
        done, total, per_s = board.done(), board.planned(), board.per_s()
        state = next((one.state for one in board.cameras.values() if self._single and not one.over), "")
        seconds = board.coming() / per_s if per_s > 0 else float("inf")
        until = ""
        if 0 < seconds < LEFT_MAX_S:
            end_ns = self._utc_ns() + round(seconds * 1e9)
            until = f"until {Stamps(lambda: end_ns).short()}"
        return Row(_WHOLE.name, done, total, per_s, state, until)


_WHOLE: Final = Row("all", 0, 0, 0.0, "")


def _is_over(row: Row) -> bool:
    return row.total > 0 and row.done >= row.total


def line_of(row: Row, names: int, width: int, marks: str = BAR) -> str:
    """The line in `width` columns: the bar gives way first, then words."""
    name = row.name if cell_len(row.name) <= names else "…" + row.name[-(names - 1) :]
    name = set_cell_size(name, names)
    part = f"{100 * row.done // row.total:3} %" if row.total else " " * PART
    rate = f"{text.size(round(row.per_s))}/s" if row.per_s > 0 else ""
    left = f"{text.size(row.total - row.done)} left" if row.total > row.done else ""
    if row.state:
        rate, left = row.state, ""
    room = width - names - GAP
    fixed = PART + GAP + RATE + GAP + LEFT
    bar = min(room - GAP - fixed - GAP - UNTIL, BAR_MAX)
    if bar < BAR_MIN:  # the end stands where it is told what is left
        bar = min(room - GAP - fixed, BAR_MAX)
        left = row.until or left
    padded = [part, rate.rjust(RATE), left.rjust(LEFT), row.until if left != row.until else ""]
    if bar >= BAR_MIN:
        said = (" " * GAP).join([name, _bar(row, bar, marks), *padded])
        return said.rstrip()[:width]
    for words in (padded, [part, rate, left], [part.strip(), left.removesuffix(" left")], [part.strip()]):
        said = (" " * GAP).join(word for word in words if word.strip())
        if cell_len(said) <= room:
            break
    return f"{name}{' ' * GAP}{said}"[:width].rstrip()


def _bar(row: Row, width: int, marks: str) -> str:
    full = width * row.done // row.total if row.total else 0
    return marks[0] * full + marks[1] * (width - full)
