"""Parts of pictures with curves: lines and bands of the arms, and the axes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lamella.studies.analysis.incomplete import name_suffix
from lamella.studies.analysis.runs import Runs
from lamella.studies.pictures.style import LONGEST, Look, arm_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


MAX_ARMS = 7
"""Arms in one panel. More arms are split into several panels, one below the other."""

LEGEND_ROW = 0.22  # inches

MAX_PEAK = 30.0
"""Upper limit of the loss axis, in multiples of the median peak of the arms."""

Curves = dict[str, tuple[np.ndarray, np.ndarray]]
"""By arm: x (K,), and values (seeds, K)."""


def draw_curves(
    results: Runs,
    curves: Curves,
    look: Look,
    *,
    subtitle: str,
    first: int,
    log: bool,
    columns: int = 1,
) -> "tuple[Figure, Any]":
    """Draw a line and a band for every arm against epochs, with a legend.

    The x axis begins at the epoch ``first``. A logarithmic y axis, ``log``, suits losses.

    Returns
    -------
    figure : Figure
    axes : array of Axes (rows, columns)
        One row for each group of arms, the same in all columns.
    """
    groups = split_arms(results.arms)
    several = len(groups) > 1
    width = (7.2 if columns == 1 else 9.6) + 1.2 * several
    beside = legend_columns([arm + name_suffix(results, arm) for arm in results.arms], width)
    figure, axes = look.figure(
        width,
        1.1 + 2.5 * len(groups)
        if several
        else 4.4 + LEGEND_ROW * ((len(results.arms) - 1) // beside),
        subtitle=subtitle + _band_text(results),
        rows=len(groups),
        columns=columns,
    )
    legend: dict[str, Any] = {
        "frameon": False,
        "fontsize": 9,
        "labelcolor": look.text,
        "handlelength": 2.6,
    }
    for row, group in zip(axes, groups, strict=True):
        for panel in row:
            handles = _draw_group(panel, results, curves, look, group)
        if several:
            legend |= {"loc": "center left", "bbox_to_anchor": (1.01, 0.5)}
            row[-1].legend(handles=handles, **legend)
    if not several:
        legend |= {"loc": "outside lower center", "ncols": beside}
        figure.legend(handles=handles, **legend)
    _epoch_axis(axes, first, max((x[-1] for x, _ in curves.values() if len(x)), default=1))
    if log:
        _log_axis(axes, curves)
    return figure, axes


def legend_columns(labels: Sequence[str], width: float) -> int:
    """Return how many labels of a legend stand side by side in a width of inches."""
    longest = min(max(map(len, labels)), LONGEST)
    return max(1, min(len(labels), int(width / (0.085 * longest + 0.55))))


def split_arms(arms: Sequence[str]) -> list[list[str]]:
    """Split the arms into groups of about equal size, at most `MAX_ARMS` each."""
    count = -(-len(arms) // MAX_ARMS)
    return [list(group) for group in np.array_split(np.array(arms, object), count)]


def _draw_group(
    axes: "Axes", results: Runs, curves: Curves, look: Look, group: Sequence[str]
) -> list[Any]:
    """Draw a group of arms with the others in grey behind them; return its legend handles."""
    from matplotlib.lines import Line2D

    for arm, (x, rows) in curves.items():
        if arm not in group:
            axes.plot(x, rows.mean(axis=0), color=look.grid, linewidth=1.0, zorder=1)
    handles = []
    for index, arm in enumerate(group):
        style = look.styles[arm]
        line: dict[str, Any] = {
            "color": style.color,
            "linestyle": style.line,
            "linewidth": 1.8,
            "marker": style.marker,
            "markersize": 6,
            "markeredgecolor": look.background,
            "markeredgewidth": 0.6,
        }
        handles.append(Line2D([], [], label=arm_label(arm) + name_suffix(results, arm), **line))
        x, rows = curves.get(arm, (np.zeros(0), np.zeros((0, 0))))
        if not len(x):
            continue
        every = max(1, len(x) // 8)
        # Markers of different arms are offset, so that they do not overlap where curves meet.
        axes.plot(x, rows.mean(axis=0), **line, markevery=(index % every, every))
        if len(rows) > 1:
            band: dict[str, Any] = {"color": style.color, "alpha": 0.16, "linewidth": 0}
            axes.fill_between(x, rows.min(axis=0), rows.max(axis=0), **band)
        if not results.of(arm):
            axes.plot(x[-1], rows[0, -1], "x", color=style.color, markersize=11, mew=2.5)
    axes.grid(axis="y")
    return handles


def _epoch_axis(axes: Any, first: float, last: float) -> None:
    """Set up the x axes: integer ticks, no room before a first epoch of 0."""
    from matplotlib.ticker import MaxNLocator

    room = 0.03 * (last - first) or 0.5
    for panel in axes.ravel():
        panel.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        panel.set_xlim(first - (room if first else 0), last + room)
    for panel in axes[:-1].ravel():
        panel.tick_params(labelbottom=False)
    for panel in axes[-1]:
        panel.set_xlabel("epoch")


def _log_axis(axes: Any, curves: Curves) -> None:
    """Set up logarithmic y axes for losses, with the same limits in all axes.

    Curves far above the median peak of the arms are cut off, and an arrow in their colour marks
    the place.
    """
    from matplotlib.ticker import LogLocator, NullFormatter

    values = [rows[rows > 0] for _, rows in curves.values()]
    values = [rows for rows in values if rows.size]
    if not values:
        return
    low = min(rows.min() for rows in values)
    high = min(max(rows.max() for rows in values), MAX_PEAK * median_peak(values))
    for panel in axes.ravel():
        panel.set_yscale("log", nonpositive="clip")
        panel.set_ylabel("logarithmic axis")
        panel.set_ylim(low / 1.25, high * 1.25)
        panel.yaxis.set_major_locator(
            LogLocator(subs=(1.0,) if high > 300 * low else (1.0, 2.0, 5.0))
        )
        panel.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        panel.yaxis.set_minor_formatter(NullFormatter())
        mark_cut_off(panel)


def median_peak(values: Sequence[np.ndarray]) -> float:
    """Return the median over the arms of their highest values."""
    return float(np.median([rows.max() for rows in values]))


def mark_cut_off(axes: "Axes") -> None:
    """Draw an arrow at the upper edge where a line first exceeds it."""
    top = axes.get_ylim()[1]
    for line in axes.get_lines():
        beyond = np.flatnonzero(np.asarray(line.get_ydata()) > top)
        if len(beyond):
            x, edge = np.asarray(line.get_xdata())[beyond[0]], axes.get_xaxis_transform()
            axes.plot(x, 0.98, "^", color=line.get_color(), markersize=8, transform=edge)


def _band_text(results: Runs) -> str:
    """Return the part of a subtitle that explains line and band."""
    if len(results.seeds) == 1:
        return f"; one seed ({results.seeds[0]})"
    return f"; line: mean of {len(results.seeds)} seeds, band: lowest to highest"
