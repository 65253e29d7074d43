"""What pictures of curves share: the arms' lines and bands, and the axes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lamella.studies.analysis.incomplete import behind_name
from lamella.studies.analysis.runs import Runs
from lamella.studies.pictures.style import (
    Style,
    Theme,
    arm_styles,
    frame,
    legend_below,
    legend_beside,
    literal,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


TOGETHER = 7
"""Arms that are drawn in one panel; more are shared out to several, one below the other."""

BURST = 30.0
"""Losses are drawn up to so many times the usual peak."""

Curves = dict[str, tuple[np.ndarray, np.ndarray]]
"""For each arm that has any: places (K,), and values (seeds, K)."""


def draw_curves(
    results: Runs, curves: Curves, theme: Theme, *, title: str, subtitle: str, columns: int = 1
) -> "tuple[Figure, Any]":
    """Draw a line and a band for every arm, and name the arms.

    Returns
    -------
    figure : Figure
    axes : array of Axes (rows, columns)
        A row for each group of arms, the same in all columns; their limits are still open.
    """
    groups = shared_out(results.arms)
    several = len(groups) > 1
    width = (7.2 if columns == 1 else 9.6) + 1.2 * several
    height = 1.1 + 2.5 * len(groups) if several else 4.4
    figure, axes = frame(
        theme, width, height, title=title, subtitle=subtitle, rows=len(groups), columns=columns
    )
    for row, group in zip(axes, groups, strict=True):
        for panel in row:
            handles = _draw_group(panel, results, curves, theme, group)
        if several:
            legend_beside(row[-1], handles, theme)
    if not several:
        legend_below(figure, handles, theme)
    return figure, axes


def shared_out(arms: Sequence[str]) -> list[list[str]]:
    """Return the arms in groups of like size, none larger than `TOGETHER`."""
    count = -(-len(arms) // TOGETHER)
    return [list(group) for group in np.array_split(np.array(arms, object), count)]


def _draw_group(
    axes: "Axes", results: Runs, curves: Curves, theme: Theme, group: Sequence[str]
) -> list[Any]:
    """Draw a group of arms, the others palely behind; return a line for each, to be named."""
    from matplotlib.lines import Line2D

    styles = arm_styles(results.arms, theme)
    for arm, (x, rows) in curves.items():
        if arm not in group:
            axes.plot(x, rows.mean(axis=0), color=theme.rule, linewidth=1.0, zorder=1)
    handles = []
    for place, arm in enumerate(group):
        look = arm_line(styles[arm], theme)
        handles.append(Line2D([], [], label=literal(arm + behind_name(results, arm)), **look))
        x, rows = curves.get(arm, (np.zeros(0), np.zeros((0, 0))))
        if not len(x):
            continue
        every = max(1, len(x) // 8)
        # Marks of different arms at different places: where curves meet they stay apart.
        axes.plot(x, rows.mean(axis=0), **look, markevery=(place % every, every))
        if len(rows) > 1:
            band: dict[str, Any] = {"color": styles[arm].color, "alpha": 0.16, "linewidth": 0}
            axes.fill_between(x, rows.min(axis=0), rows.max(axis=0), **band)
        if not results.of(arm):
            axes.plot(x[-1], rows[0, -1], "x", color=styles[arm].color, markersize=11, mew=2.5)
    axes.grid(axis="y", color=theme.rule, linewidth=0.8)
    return handles


def arm_line(style: Style, theme: Theme) -> dict[str, Any]:
    """Return how an arm's line looks, as matplotlib calls it."""
    return {
        "color": style.color,
        "linestyle": style.line,
        "linewidth": 1.8,
        "marker": style.mark,
        "markersize": 6,
        "markeredgecolor": theme.paper,
        "markeredgewidth": 0.6,
    }


def epoch_axis(axes: Any, first: float, last: float, theme: Theme) -> None:
    """Set up the axes' epochs: whole numbers; they begin at 0 only where the curves do."""
    from matplotlib.ticker import MaxNLocator

    room = 0.03 * (last - first) or 0.5
    for panel in axes.ravel():
        panel.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        panel.set_xlim(first - (room if first else 0), last + room)
    for panel in axes[:-1].ravel():
        panel.tick_params(labelbottom=False)
    for panel in axes[-1]:
        panel.set_xlabel("epoch", color=theme.ink, fontsize=9)


def log_axis(axes: Any, curves: Curves) -> None:
    """Show losses by their ratios, with plain numbers, the same in all axes.

    Losses that burst do not push all others to the floor: a curve is cut where it is far above
    what the arms usually reach, and an arrow in its colour says so.
    """
    from matplotlib.ticker import LogLocator, NullFormatter

    values = [rows[rows > 0] for _, rows in curves.values()]
    values = [rows for rows in values if rows.size]
    if not values:
        return
    low = min(rows.min() for rows in values)
    high = min(max(rows.max() for rows in values), BURST * usual_peak(values))
    for panel in axes.ravel():
        panel.set_yscale("log", nonpositive="clip")
        panel.set_ylim(low / 1.25, high * 1.25)
        panel.yaxis.set_major_locator(
            LogLocator(subs=(1.0,) if high > 300 * low else (1.0, 2.0, 5.0))
        )
        panel.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        panel.yaxis.set_minor_formatter(NullFormatter())
        mark_cut(panel)


def usual_peak(values: Sequence[np.ndarray]) -> float:
    """Return the highest value that half of the arms stay below."""
    return float(np.median([rows.max() for rows in values]))


def mark_cut(axes: "Axes") -> None:
    """Put an arrow at the upper edge where a line first goes beyond it."""
    top = axes.get_ylim()[1]
    for line in axes.get_lines():
        beyond = np.flatnonzero(np.asarray(line.get_ydata()) > top)
        if len(beyond):
            place, edge = np.asarray(line.get_xdata())[beyond[0]], axes.get_xaxis_transform()
            axes.plot(place, 0.98, "^", color=line.get_color(), markersize=8, transform=edge)


def band_text(results: Runs) -> str:
    """Return what line and band are, to be put behind the name of what is drawn."""
    if len(results.seeds) == 1:
        return f"; one seed ({results.seeds[0]})"
    return f"; line: mean of {len(results.seeds)} seeds, band: lowest to highest"
