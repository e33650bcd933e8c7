"""A few curves below each other or side by side, over the same axis: what changed over a shift, or over many nights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH_IN: Final = 12.0
PANEL_IN: Final = 2.25
"""Height of a row of panels."""
DPI: Final = 110
INK: Final = "#22262b"
FAINT: Final = "#7b838c"
GRID: Final = "#e3e6e9"
CURVE: Final = "#1f6fb4"
SECOND: Final = "#d9822b"
TROUBLE: Final = "#c62828"
SHADES: Final = ("#e3ecf6", "#fbebd8", "#b9dfb1", "#efe3f3")
TROUBLE_MAX: Final = 150
"""Characters of what went wrong."""
TICKS: Final = 16
"""Numbers on the whole width of the axis."""
DOTS_MAX: Final = 120
"""Points that are marked one by one; more are a line."""


@dataclass(frozen=True, slots=True)
class Curve:
    """Values over the axis; None where there is none."""

    values: Sequence[float | None]
    label: str = ""
    band: Sequence[float | None] = ()
    """How far each may be off, both ways."""
    steps: bool = False
    """Whether a value holds until the next one."""


@dataclass(frozen=True, slots=True)
class Panel:
    """One pair of axes."""

    title: str
    unit: str
    curves: tuple[Curve, ...]
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of the axis that is shaded in every panel."""

    begin: float
    end: float
    label: str


@dataclass(frozen=True, slots=True)
class Picture:
    """What is drawn."""

    title: str
    subtitle: str
    x: Sequence[float]
    x_label: str
    panels: tuple[Panel, ...]
    columns: int = 1
    spans: tuple[Span, ...] = ()
    marks: tuple[float, ...] = ()
    """Places on the axis of which something is to be said, told in `marks_label`."""
    marks_label: str = ""
    trouble: tuple[float, str] | None = None
    """Where it went wrong, and how."""


def draw(picture: Picture, path: Path) -> None:
    """Writes the picture. Raises `ImportError` without the extra `plot`, `OSError` where it cannot be written."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = -(-len(picture.panels) // picture.columns)
    figure = Figure(figsize=(WIDTH_IN, rows * PANEL_IN + 1.5), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, picture.columns, squeeze=False, sharex=True)
    figure.text(0.03, 1 - 0.36 / figure.get_figheight(), picture.title, size=15, weight="bold", color=INK)
    figure.text(0.03, 1 - 0.66 / figure.get_figheight(), picture.subtitle, size=9.5, color=FAINT)
    flat = list(axes.flat)
    shades = _shades(picture.spans)
    for place, panel in enumerate(picture.panels):
        _panel(flat[place], picture, panel, shades)
    for spare in flat[len(picture.panels) :]:
        spare.set_visible(False)
    for axis in axes[-1]:
        axis.set_xlabel(picture.x_label, color=FAINT, size=9.5)
    figure.subplots_adjust(
        left=0.065,
        right=0.985,
        top=1 - (1.35 if picture.trouble is not None else 1.1) / figure.get_figheight(),
        bottom=0.72 / figure.get_figheight(),
        hspace=0.38,
        wspace=0.16,
    )
    _notes(figure, picture, shades)
    figure.savefig(path, format="png", metadata={"Software": "bwc_sdk"})


def _shades(spans: tuple[Span, ...]) -> dict[str, str]:
    labels = list(dict.fromkeys(span.label for span in spans))
    return {label: SHADES[number % len(SHADES)] for number, label in enumerate(labels)}


def _panel(axis: Axes, picture: Picture, panel: Panel, shades: dict[str, str]) -> None:
    from matplotlib.ticker import MaxNLocator

    axis.set_title(panel.title, loc="left", size=10.5, color=INK, weight="bold", pad=5)
    axis.set_ylabel(panel.unit, size=9, color=FAINT)
    axis.grid(visible=True, color=GRID, linewidth=0.8)
    axis.set_axisbelow(True)
    axis.margins(y=0.1)
    axis.xaxis.set_major_locator(MaxNLocator(nbins=TICKS // picture.columns, integer=True))
    axis.tick_params(colors=FAINT, labelsize=8.5, length=0)
    for side in ("top", "right", "left"):
        axis.spines[side].set_visible(False)
    axis.spines["bottom"].set_color(GRID)
    for span in picture.spans:
        axis.axvspan(span.begin, span.end, color=shades[span.label], linewidth=0, zorder=0)
    some = False
    for number, curve in enumerate(panel.curves):
        some = _curve(axis, picture.x, curve, CURVE if not number else SECOND) or some
    if not some:
        axis.text(0.5, 0.5, "not measured", transform=axis.transAxes, ha="center", color=FAINT)
        axis.set_yticks([])
    axis.set_ylim(bottom=panel.low, top=panel.high)
    if any(curve.label for curve in panel.curves) and some:
        axis.legend(loc="best", fontsize=8.5, frameon=False, labelcolor=INK)
    if picture.marks:
        axis.plot(
            list(picture.marks),
            [0.0] * len(picture.marks),
            "|",
            color=FAINT,
            markersize=7,
            transform=axis.get_xaxis_transform(),
            clip_on=False,
        )
    if picture.trouble is not None:
        axis.axvline(picture.trouble[0], color=TROUBLE, linewidth=1.6)
    if len(picture.x) > 1:
        axis.set_xlim(min(picture.x), max(picture.x))
    axis.get_yaxis().get_major_formatter().set_useOffset(False)  # type: ignore[attr-defined]  # of numbers


def _curve(axis: Axes, x: Sequence[float], curve: Curve, colour: str) -> bool:
    points = [(at, value) for at, value in zip(x, curve.values, strict=True) if value is not None]
    if not points:
        return False
    places, values = zip(*points, strict=True)
    style: dict[str, Any] = {"drawstyle": "steps-post"} if curve.steps else {}
    if len(points) <= DOTS_MAX and not curve.steps:
        style |= {"marker": "o", "markersize": 3}
    axis.plot(places, values, color=colour, linewidth=1.5, label=curve.label or None, **style)
    band = [
        (at, value - off, value + off)
        for at, value, off in zip(x, curve.values, curve.band, strict=False)
        if value is not None and off is not None
    ]
    if band:
        at, low, high = zip(*band, strict=True)
        axis.fill_between(at, low, high, color=colour, alpha=0.15, linewidth=0)
    return True


def _notes(figure: Any, picture: Picture, shades: dict[str, str]) -> None:
    """What shades and marks mean, below the panels; what went wrong, above them."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    told: list[Any] = [Patch(facecolor=shade, label=label) for label, shade in shades.items()]
    if picture.marks:
        told.append(Line2D([], [], color=FAINT, marker="|", linestyle="none", label=picture.marks_label))
    if picture.trouble is not None:
        what = picture.trouble[1]
        shown = what if len(what) <= TROUBLE_MAX else f"{what[:TROUBLE_MAX]}…"
        place = 1 - 0.9 / figure.get_figheight()
        figure.text(0.03, place, shown, size=10, color=TROUBLE, weight="bold")
    if told:
        figure.legend(
            handles=told,
            loc="lower right",
            bbox_to_anchor=(0.99, 0.05 / figure.get_figheight()),
            ncols=len(told),
            fontsize=9,
            frameon=False,
            labelcolor=INK,
        )
