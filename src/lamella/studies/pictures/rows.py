"""Pictures with one row for each arm: a point with its interval, and a text to the right."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lamella.studies.analysis.incomplete import name_suffix
from lamella.studies.analysis.measures import Measure
from lamella.studies.analysis.runs import Runs
from lamella.studies.pictures.style import Look, arm_label
from lamella.studies.pictures.zoom import ZOOMED, zoom_limits

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Row:
    """Numbers and text of one arm.

    Attributes
    ----------
    arm : str
    mean, low, high : float
        Mean and interval; NaN if there is none.
    text : str
        Written to the right.
    seeds : sequence of float
        Drawn as thin ticks.
    strong : bool
        Whether the point is filled and the text dark.
    wide : pair of float
        Second interval, drawn thin; NaN if there is none.
    """

    arm: str
    mean: float
    low: float
    high: float
    text: str
    seeds: Sequence[float] = ()
    strong: bool = True
    wide: tuple[float, float] = (math.nan, math.nan)

    @property
    def known(self) -> list[float]:
        """All finite numbers that are drawn."""
        drawn = (*(self.seeds or [self.mean]), self.low, self.high, *self.wide)
        return [x for x in drawn if math.isfinite(x)]


def draw_rows(
    results: Runs,
    rows: Sequence[Row],
    measure: Measure,
    look: Look,
    *,
    subtitle: str,
    target: float,
    zero: bool = False,
) -> "Figure":
    """Draw the rows from top to bottom, with a second panel around ``target`` if it helps.

    With ``zero``, both panels have a line at zero.
    """
    spans = [(min(known), max(known)) for row in rows if (known := row.known)]
    spans += [(0.0, 0.0)] * zero
    whole = (min(low for low, _ in spans), max(high for _, high in spans))
    limits = zoom_limits(spans, whole, target)
    figure, (panels,) = look.figure(
        7.2 if limits is None else 9.6,
        1.2 + 0.32 * max(len(rows), 2),
        subtitle=subtitle,
        columns=1 if limits is None else 2,
        share_rows=True,
    )
    names = [arm_label(row.arm) + name_suffix(results, row.arm) for row in rows]
    panels[0].set_yticks(range(len(names)), names, color=look.text, fontsize=9.5)
    panels[0].set_ylim(len(names) - 0.4, -0.6)
    for panel, bounds in zip(panels, (whole, limits or whole), strict=False):
        _value_axis(panel, measure, bounds)
        if zero:
            panel.axvline(0, color=look.text, linewidth=1.2, zorder=1)
        for place, row in enumerate(rows):
            _draw_row(panel, place, row, look)
    if limits is not None:
        panels[1].set_xlabel(ZOOMED)
    for place, row in enumerate(rows):
        panels[-1].annotate(
            row.text,
            (1.015, place),
            xycoords=panels[-1].get_yaxis_transform(),
            va="center",
            fontsize=8.5,
            color=look.text if row.strong else look.muted,
            annotation_clip=False,
        )
    return figure


def _value_axis(axes: "Axes", measure: Measure, limits: tuple[float, float]) -> None:
    """Set up the x axis in the unit of the measure, with room at both ends."""
    from matplotlib.ticker import MaxNLocator

    low, high = limits
    room = 0.05 * (high - low) or 0.02 * abs(high) or 1.0
    axes.set_xlim(low - room, high + room)
    axes.xaxis.set_major_locator(MaxNLocator(6))
    axes.xaxis.set_major_formatter(lambda x, _: f"{measure.scale * x:.6g}")
    axes.grid(axis="both")


def _draw_row(axes: "Axes", place: int, row: Row, look: Look) -> None:
    """Draw seeds, mean and interval, or an arrow at the edge if the mean is out of range."""
    style = look.styles[row.arm]
    color: dict[str, Any] = {"color": style.color}
    if row.seeds:
        ticks: dict[str, Any] = {
            "linestyle": "none",
            "markersize": 11,
            "markeredgewidth": 1.3,
            "alpha": 0.55,
        }
        axes.plot(row.seeds, [place] * len(row.seeds), marker="|", **ticks, **color)
    if math.isnan(row.mean):
        return
    left, right = axes.get_xlim()
    if not left <= row.mean <= right:
        edge, arrow = (0.012, "<") if row.mean < left else (0.988, ">")
        axes.plot(edge, place, arrow, **color, markersize=7, transform=axes.get_yaxis_transform())
        return
    if not math.isnan(row.wide[0]):
        axes.plot(row.wide, [place] * 2, **color, linewidth=0.9, solid_capstyle="butt")
    if not math.isnan(row.low):
        interval = [row.low, row.high]
        axes.plot(interval, [place] * 2, **color, linewidth=2.2, solid_capstyle="butt")
    axes.plot(
        row.mean,
        place,
        marker=style.marker,
        markersize=8,
        color=style.color if row.strong else look.background,
        markeredgecolor=look.background if row.strong else style.color,
        markeredgewidth=0.8 if row.strong else 1.8,
    )
