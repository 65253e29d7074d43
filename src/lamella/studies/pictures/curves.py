"""Curves over epochs: the loss of every step, smoothed, and the scores after every epoch."""

from typing import TYPE_CHECKING, Any

import numpy as np

from lamella.errors import DataError
from lamella.studies.measures import MEASURES, is_higher_better
from lamella.studies.pictures.closer import closer_limits
from lamella.studies.pictures.style import (
    Style,
    Theme,
    arm_styles,
    caption,
    frame,
    get_theme,
    legend_below,
)
from lamella.studies.run import Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lamella.studies.results import Results

FINEST, POINTS = 20, 300
"""At most so many means an epoch, and points a curve."""


def loss_curves(results: "Results", *, theme: str = "light", title: str | None = None) -> "Figure":
    """Draw the training loss, step by step, against epochs.

    Every point is the mean over the same share of an epoch in all arms, so that batch sizes are
    smoothed alike. The line is the mean over seeds, the band reaches from the lowest to the
    highest. Of an arm that never got through, one run is drawn to where it broke off.

    Parameters
    ----------
    results : Results
    theme : {"light", "dark"}
    title : str, optional
        The study's, if left out.
    """
    drawn = [run for run in results.runs if len(run.step_losses)]
    if not drawn:
        raise DataError("there are no losses to draw: no run has finished a step")
    look = get_theme(theme)
    figure, (axes,) = frame(look, 7.2, 4.4, title=_title(results, title))
    longest = max(len(run.epochs) for run in drawn) or 1
    parts = max(1, min(FINEST, POINTS // longest, min(run.steps_per_epoch for run in drawn)))
    curves = {}
    for arm in results.arms:
        runs = results.of(arm) or [run for run in drawn if run.arm == arm][:1]
        means = [smoothed(run, parts) for run in runs]
        if means:
            # Shares of an epoch that all of the arm's seeds have.
            rows = np.stack([mean[: min(map(len, means))] for mean in means])
            curves[arm] = ((np.arange(rows.shape[1]) + 0.5) / parts, rows)
    _draw(axes, results, curves, look, marks=False)
    _log_axis(axes, [rows for _, rows in curves.values()])
    _epoch_axis(axes, 0, max(x[-1] for x, _ in curves.values() if len(x)), look)
    share = f"each {_ordinal(parts)} of an epoch" if parts > 1 else "each epoch"
    caption(axes, f"training loss, mean over {share}{_band(results)}", look)
    return figure


def score_curves(
    results: "Results",
    column: str = "val_accuracy",
    *,
    theme: str = "light",
    title: str | None = None,
) -> "Figure":
    """Draw a score after every epoch: mean over seeds, with a band from lowest to highest.

    Where the arms end close together, a second panel shows the better half of them closely.

    Parameters
    ----------
    results : Results
    column : str
        Of the epochs: "val_accuracy", "val_loss", "accuracy", "loss".
    theme : {"light", "dark"}
    title : str, optional
        The study's, if left out.
    """
    curves = {}
    for arm in results.arms:
        runs = [run for run in results.of(arm) if run.epochs and column in run.epochs[0]]
        if runs:
            rows = np.array([[row[column] for row in run.epochs] for run in runs])
            curves[arm] = (np.arange(1, rows.shape[1] + 1), rows)
    if not curves:
        known = dict.fromkeys(name for run in results.runs for row in run.epochs for name in row)
        raise DataError(f"no finished run has {column!r}; epochs have {', '.join(known) or 'none'}")
    look = get_theme(theme)
    share = column.endswith("accuracy")
    limits = _closer(curves) if share else None
    panels = 1 if limits is None else 2
    figure, axes = frame(look, 7.2 if panels == 1 else 9.6, 4.4, title=_title(results, title), panels=panels)
    for panel in axes:
        _draw(panel, results, curves, look, marks=True)
        _epoch_axis(panel, 1, max(len(x) for x, _ in curves.values()), look)
        if share:
            panel.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.4g}%")
        else:
            _log_axis(panel, [rows for _, rows in curves.values()])
    if limits is not None:
        axes[1].set_ylim(limits)
        caption(axes[1], "the same, closer", look)
    label = MEASURES[column].label if column in MEASURES else f"training {column}"
    caption(axes[0], f"{label} by epoch{_band(results)}", look)
    return figure


def smoothed(run: Run, parts: int) -> np.ndarray:
    """Return the means of the losses over each of ``parts`` equal shares of every epoch."""
    losses = np.asarray(run.step_losses, np.float64)
    losses = losses[: _finite(losses)]
    within = np.round(np.linspace(0, run.steps_per_epoch, parts, endpoint=False)).astype(int)
    epochs = -(-len(losses) // run.steps_per_epoch)
    starts = (np.arange(epochs)[:, None] * run.steps_per_epoch + within).ravel()
    starts = starts[starts < len(losses)]
    if not len(starts):
        return losses
    sizes = np.diff(np.append(starts, len(losses)))
    means: np.ndarray = np.add.reduceat(losses, starts) / sizes
    return means


def _finite(losses: np.ndarray) -> int:
    """Return how many losses come before the first that is not finite."""
    bad = np.flatnonzero(~np.isfinite(losses))
    return int(bad[0]) if len(bad) else len(losses)


def _draw(
    axes: "Axes", results: "Results", curves: dict[str, Any], theme: Theme, *, marks: bool
) -> None:
    from matplotlib.lines import Line2D

    handles = []
    styles = arm_styles(results.arms, theme)
    for place, arm in enumerate(results.arms):
        style = styles[arm]
        label = arm + _lost(results, arm)
        if arm in curves and len(curves[arm][0]):
            x, rows = curves[arm]
            every = max(1, len(x) // (8 if marks else 6))
            start = place % every if every > 1 else 0
            axes.plot(x, rows.mean(axis=0), **_line(style, theme), markevery=(start, every))
            if len(rows) > 1:
                axes.fill_between(
                    x, rows.min(axis=0), rows.max(axis=0), color=style.color, alpha=0.16, linewidth=0
                )
            if not results.of(arm):
                axes.plot(x[-1], rows[0, -1], "x", color=style.color, markersize=11, mew=2.5)
        handles.append(Line2D([], [], label=label, **_line(style, theme)))
    axes.grid(axis="y", color=theme.rule, linewidth=0.8)
    if axes.figure.axes[0] is axes:
        legend_below(axes.figure, handles, theme)


def _line(style: Style, theme: Theme) -> dict[str, Any]:
    return {
        "color": style.color,
        "linestyle": style.line,
        "linewidth": 1.8,
        "marker": style.mark,
        "markersize": 6,
        "markeredgecolor": theme.paper,
        "markeredgewidth": 0.6,
    }


def _lost(results: "Results", arm: str) -> str:
    """Return what has to be said behind an arm's name if not all its runs are done."""
    done, seeds = len(results.of(arm)), len(results.seeds)
    if done == seeds:
        return ""
    lost = {run.status for run in results.failed if run.arm == arm}
    why = " and ".join(sorted(lost)) or "not run yet"
    return f" ({why})" if done == 0 else f" ({done} of {seeds} seeds)"


def _closer(curves: dict[str, Any]) -> tuple[float, float] | None:
    """Return limits for the second half of the epochs of the better half of the arms."""
    late = [rows[:, rows.shape[1] // 2 :] for _, rows in curves.values()]
    everything = np.concatenate([rows.ravel() for _, rows in curves.values()])
    spans = [(float(rows.min()), float(rows.max())) for rows in late]
    whole = (float(everything.min()), float(everything.max()))
    return closer_limits(spans, whole, max(high for _, high in spans))


def _epoch_axis(axes: "Axes", first: float, last: float, theme: Theme) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.set_xlabel("epoch", color=theme.ink, fontsize=9)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    room = 0.03 * (last - first) or 0.5
    axes.set_xlim(first - (room if first else 0), last + room)


def _log_axis(axes: "Axes", values: list[np.ndarray]) -> None:
    """Show losses by their ratios, with plain numbers."""
    from matplotlib.ticker import LogLocator, NullFormatter

    positive = np.concatenate([rows.ravel() for rows in values])
    positive = positive[positive > 0]
    if not len(positive):
        return
    axes.set_yscale("log", nonpositive="clip")
    wide = positive.max() / positive.min() > 300
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0,) if wide else (1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.yaxis.set_minor_formatter(NullFormatter())


def _title(results: "Results", title: str | None) -> str:
    return (results.study.title or results.study.name) if title is None else title


def _band(results: "Results") -> str:
    if len(results.seeds) == 1:
        return f"; one seed ({results.seeds[0]})"
    return f"; line: mean of {len(results.seeds)} seeds, band: lowest to highest"


def _ordinal(number: int) -> str:
    names = {2: "half", 3: "third", 4: "quarter", 10: "tenth", 20: "twentieth"}
    return names.get(number, f"{number}th")
