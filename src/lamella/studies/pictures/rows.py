"""Parts of pictures with one row for each arm: panels, row labels, points with intervals."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lamella.studies.analysis.incomplete import name_suffix
from lamella.studies.analysis.measures import Measure
from lamella.studies.analysis.runs import Runs
from lamella.studies.pictures.style import (
    Style,
    Theme,
    caption,
    escape_math,
    make_figure,
    title_of,
)
from lamella.studies.pictures.zoom import zoom_limits

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def row_panels(
    results: Runs,
    arms: Sequence[str],
    measure: Measure,
    theme: Theme,
    *,
    spans: Sequence[tuple[float, float]],
    target: float,
    title: str | None,
    subtitle: str,
) -> "tuple[Figure, Any]":
    """Create a panel with a labelled row for each arm, and a zoomed panel if it helps.

    Parameters
    ----------
    results : Runs
    arms : list of str
        From top to bottom.
    measure : Measure
    theme : Theme
    spans : sequence of (low, high)
        Ranges that the first panel shows.
    target : float
        Value around which the second panel zooms in.
    title : str, optional
    subtitle : str

    Returns
    -------
    figure : Figure
    axes : array of Axes (1 or 2,)
    """
    whole = (min(low for low, _ in spans), max(high for _, high in spans))
    limits = zoom_limits(spans, whole, target)
    figure, (panels,) = make_figure(
        theme,
        7.2 if limits is None else 9.6,
        1.2 + 0.32 * max(len(arms), 2),
        title=title_of(results, title),
        subtitle=subtitle,
        columns=1 if limits is None else 2,
        share="y",
    )
    for panel, bounds in zip(panels, (whole, limits), strict=False):
        _value_axis(panel, measure, bounds or whole, theme)
    names = [escape_math(arm + name_suffix(results, arm)) for arm in arms]
    panels[0].set_yticks(range(len(names)), names, color=theme.text, fontsize=9.5)
    panels[0].set_ylim(len(names) - 0.4, -0.6)
    if limits is not None:
        caption(panels[1], "zoomed in", theme)
    return figure, panels


def annotate_rows(axes: "Axes", texts: Sequence[str], colors: Sequence[str]) -> None:
    """Write a text to the right of each row."""
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


def _value_axis(axes: "Axes", measure: Measure, limits: tuple[float, float], theme: Theme) -> None:
    """Set up the x axis in the unit of the measure, with room at both ends."""
    from matplotlib.ticker import MaxNLocator

    low, high = limits
    room = 0.05 * (high - low) or 0.02 * abs(high) or 1.0
    axes.set_xlim(low - room, high + room)
    axes.xaxis.set_major_locator(MaxNLocator(6))
    axes.xaxis.set_major_formatter(lambda x, _: f"{measure.scale * x:.6g}")
    axes.grid(axis="both", color=theme.grid, linewidth=0.8)


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
    """Draw a mean with its interval, or an arrow at the edge if the mean is out of range."""
    if math.isnan(mean):
        return
    left, right = axes.get_xlim()
    if not left <= mean <= right:
        edge, arrow = (0.012, "<") if mean < left else (0.988, ">")
        axes.plot(
            edge, row, arrow, color=style.color, markersize=7, transform=axes.get_yaxis_transform()
        )
        return
    if not math.isnan(low):
        axes.plot([low, high], [row, row], color=style.color, linewidth=2.2, solid_capstyle="butt")
    axes.plot(
        mean,
        row,
        marker=style.marker,
        markersize=8,
        color=style.color if filled else theme.background,
        markeredgecolor=theme.background if filled else style.color,
        markeredgewidth=0.8 if filled else 1.8,
    )
