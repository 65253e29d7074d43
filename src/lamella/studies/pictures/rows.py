"""What pictures with an arm a row share: points with intervals, names, the axis of values."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lamella.studies.analysis.measures import Measure
from lamella.studies.pictures.style import Style, Theme, literal

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def row_height(arms: int) -> float:
    """Return a figure's height in inches for so many rows."""
    return 1.2 + 0.32 * max(arms, 2)


def name_rows(axes: "Axes", names: Sequence[str], theme: Theme) -> None:
    """Name the rows, the first on top."""
    axes.set_yticks(range(len(names)), [*map(literal, names)], color=theme.ink, fontsize=9.5)
    axes.set_ylim(len(names) - 0.4, -0.6)


def end_rows(axes: "Axes", texts: Sequence[str], colors: Sequence[str]) -> None:
    """Write something behind each row."""
    for row, (text, color) in enumerate(zip(texts, colors, strict=True)):
        axes.annotate(
            text,
            (1.015, row),
            xycoords=axes.get_yaxis_transform(),
            va="center",
            fontsize=8.5,
            color=color,
            annotation_clip=False,
        )


def value_axis(axes: "Axes", measure: Measure, limits: tuple[float, float], theme: Theme) -> None:
    """Set up the axis of values: with room at both ends, in the measure's unit."""
    from matplotlib.ticker import MaxNLocator

    low, high = limits
    room = 0.05 * (high - low) or 0.02 * abs(high) or 1.0
    axes.set_xlim(low - room, high + room)
    axes.xaxis.set_major_locator(MaxNLocator(6))
    axes.xaxis.set_major_formatter(lambda x, _: f"{measure.scale * x:.6g}")
    axes.grid(axis="both", color=theme.rule, linewidth=0.8)


def draw_point(
    axes: "Axes",
    row: int,
    mean: float,
    low: float,
    high: float,
    style: Style,
    theme: Theme,
    *,
    filled: bool = True,
) -> None:
    """Draw a mean with its interval; an arrow at the edge where it lies outside."""
    if math.isnan(mean):
        return
    left, right = axes.get_xlim()
    if not left <= mean <= right:
        edge, mark = (0.012, "<") if mean < left else (0.988, ">")
        axes.plot(
            edge, row, mark, color=style.color, markersize=7, transform=axes.get_yaxis_transform()
        )
        return
    if not math.isnan(low):
        axes.plot([low, high], [row, row], color=style.color, linewidth=2.2, solid_capstyle="butt")
    axes.plot(
        mean,
        row,
        marker=style.mark,
        markersize=8,
        color=style.color if filled else theme.paper,
        markeredgecolor=theme.paper if filled else style.color,
        markeredgewidth=0.8 if filled else 1.8,
    )
