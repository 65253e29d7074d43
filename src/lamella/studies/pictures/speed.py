"""Fraction of seeds that have not reached a score yet, by time."""

import math
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from lamella.core.errors import ArgumentError
from lamella.studies.analysis.measures import TimeTo
from lamella.studies.analysis.runs import Runs
from lamella.studies.analysis.speed import Speed
from lamella.studies.analysis.speed import speed as speed_of
from lamella.studies.pictures.lines import LEGEND_ROW, legend_columns
from lamella.studies.pictures.style import Look, NothingToDraw, arm_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 7.2
OFFSET = 0.006
"""Vertical distance of the arms' lines, so that those with equal fractions do not hide another."""


def speed_curves(
    results: Runs,
    threshold: float | None = None,
    *,
    by: Literal["epochs", "steps", "seconds"] = "steps",
    measure: str | None = None,
    theme: str = "light",
    title: str | None = None,
) -> "Figure":
    """Draw the survival curve of each arm: the fraction of seeds below the score, by time.

    A vertical tick ends the line where the last run was stopped before it reached the score.

    Parameters
    ----------
    results : Runs
    threshold : float
    by, measure
        As in `lamella.studies.Results.speed`.
    theme, title : str, optional
        As in `lamella.studies.pictures.draw`.

    Raises
    ------
    NothingToDraw
        If no run ended.
    """
    if threshold is None:
        raise ArgumentError('give the score: results.plot("speed", threshold=0.95)')
    found = speed_of(results, threshold, measure, by, None)
    if math.isnan(found.until):
        raise NothingToDraw(f"there is nothing to draw: no run is done, to {found.measure.label}")
    look = Look.of(results, theme, title)
    beside = legend_columns([f"{arm}: 10 of 10" for arm in found.arms], WIDTH)
    height = 4.4 + LEGEND_ROW * ((len(found.arms) - 1) // beside)
    figure, ((axes,),) = look.figure(
        WIDTH, height, subtitle=f"Fraction of seeds not there yet: {found.measure.label}"
    )
    for place, arm in enumerate(found.arms):
        _draw_arm(axes, found, arm, look, OFFSET * (place - (len(found.arms) - 1) / 2))
    _axes(axes, found.measure)
    figure.legend(
        loc="outside lower center",
        ncols=beside,
        frameon=False,
        fontsize=9,
        labelcolor=look.text,
        handlelength=2.6,
    )
    return figure


def _draw_arm(axes: "Axes", found: Speed, arm: str, look: Look, offset: float) -> None:
    each, style = found[arm], look.styles[arm]
    curve = each.curve
    end = max([min(curve.followed, found.longest), *curve.times])
    x = np.concatenate([[0.0], curve.times, [end]])
    y = np.concatenate([[1.0], curve.fractions])
    y = np.append(y, y[-1])
    line: dict[str, Any] = {"color": style.color, "linestyle": style.line, "linewidth": 1.8}
    axes.plot(x, y + offset, drawstyle="steps-post", **line)
    marks: dict[str, Any] = {"color": style.color, "marker": style.marker, "markersize": 6}
    axes.plot(curve.times, curve.fractions + offset, **marks, linestyle="")
    if each.reached < each.of:
        axes.plot(end, y[-1] + offset, "|", color=style.color, markersize=11, mew=2)
    label = f"{arm_label(arm)}: {each.reached} of {each.of}"
    axes.plot([], [], **{**line, **marks}, label=label)


def _axes(axes: "Axes", measure: TimeTo) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.set_ylim(-0.04, 1.04)
    axes.set_xlim(0, None)
    axes.grid(axis="y")
    axes.set_xlabel(measure.counted)
    axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:g}%")
    if measure.counted != "seconds":
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
