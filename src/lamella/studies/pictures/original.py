"""The three figures of the original report in their original form: one seed, raw numbers.

The other pictures show the same data with intervals and against epochs.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from lamella.studies.analysis.runs import Runs
from lamella.studies.pictures.lines import mark_cut_off, median_peak
from lamella.studies.pictures.style import Look, NothingToDraw, arm_label
from lamella.studies.running.archived_run import ArchivedRun, has_steps
from lamella.studies.running.run import Run
from lamella.training.diagnostics.theme import Theme

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


BINS = 400
"""Longer curves are drawn with the lowest and the highest value of each bin."""
MAX_PEAK = 4.0
"""Upper limit of the loss axis, in multiples of the median peak of the arms."""
FONT_SIZE = 8.0
"""Font size of the annotations, in points."""
ROW = 12.0
"""Height of a row of annotations, in points."""


def report_loss(
    results: Runs, *, seed: int | None = None, theme: str = "light", title: str | None = None
) -> "Figure":
    """Draw the unsmoothed loss of every step against steps, for one seed (the first by default)."""
    look = Look.of(results, theme, title)
    runs = _trained(results, seed)
    if any(isinstance(run, ArchivedRun) for run in runs.values()):
        raise NothingToDraw(
            "runs of an archive do not have the loss of every step: draw the smoothed one with "
            'results.plot("loss"), or read the folder of the study'
        )
    figure, axes = _start(look, 8.0, 5.0, "steps:", "loss:")
    for arm, run in runs.items():
        x, y = envelope(np.asarray(run.step_losses, np.float64))
        axes.plot(x, y, label=arm_label(arm), color=look.styles[arm].color, linewidth=0.8)
    peaks = [run.step_losses[np.isfinite(run.step_losses)] for run in runs.values()]
    top = MAX_PEAK * median_peak([losses for losses in peaks if losses.size] or [np.ones(1)])
    if axes.get_ylim()[1] > top:
        axes.set_ylim(-0.04 * top, top)
        mark_cut_off(axes)
    _legend(axes, look, loc="upper right")
    return figure


def report_scores(
    results: Runs, *, seed: int | None = None, theme: str = "light", title: str | None = None
) -> "Figure":
    """Draw the validation score of every epoch against epochs.

    The values stand above, in one row for each arm in the order of the legend, where no curve
    crosses them.
    """
    look = Look.of(results, theme, title)
    column = f"val_{results.metric}"
    curves = {
        arm: [row[column] for row in run.epochs]
        for arm, run in _trained(results, seed).items()
        if run.epochs and column in run.epochs[0]
    }
    if not curves:
        raise NothingToDraw("no run has validation scores: nothing was held out")
    longest = max(map(len, curves.values()))
    width, height = max(8.0, 0.62 * longest + 1.5), 4.5 + ROW / 72 * len(curves)
    figure, axes = _start(look, width, height, "epochs:", "score:")
    for place, (arm, scores) in enumerate(reversed(curves.items())):
        style = look.styles[arm]
        line = {"linestyle": style.line, "linewidth": 1.5, "marker": style.marker, "markersize": 5}
        epochs = range(1, len(scores) + 1)
        axes.plot(epochs, scores, **line, label=arm_label(arm), color=style.color)
        for epoch, score in zip(epochs, scores, strict=True):
            axes.annotate(
                f"{score:.4f}",
                (epoch, 1),
                (0, 4 + ROW * place),
                xycoords=axes.get_xaxis_transform(),
                textcoords="offset points",
                ha="center",
                fontsize=FONT_SIZE,
                color=style.color,
            )
    axes.set_xticks(range(1, longest + 1))
    _four_digits(axes)
    # Right of the axes, since rising curves fill the upper corner.
    handles = axes.get_lines()[::-1]
    _legend(axes, look, handles=handles, loc="upper left", bbox_to_anchor=(1.005, 1))
    return figure


def report_test(
    results: Runs, *, seed: int | None = None, theme: str = "light", title: str | None = None
) -> "Figure":
    """Draw one line through the test scores of all arms, with a value at each point."""
    look = Look.of(results, theme, title)
    runs, name = _of_seed(results, seed), f"test_{results.metric}"
    scores = [run.scores.get(name, np.nan) if run.done else np.nan for run in runs]
    if np.isnan(scores).all():
        raise NothingToDraw("there is nothing to draw: no run of this seed has a test score")
    names = [arm_label(run.arm) + f" ({run.status})" * (not run.done) for run in runs]
    width = max(8.0, 0.6 * len(scores))
    figure, axes = _start(look, width, 4.6, "", "score:")
    axes.plot(range(len(scores)), scores, color=look.muted, linewidth=1.0)
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.08 * (high - low))
    for x, (run, score) in enumerate(zip(runs, scores, strict=True)):
        if np.isnan(score):
            continue
        style = look.styles[run.arm]
        axes.plot(x, score, marker=style.marker, color=style.color, markersize=7)
        axes.annotate(
            f"{score:.4f}",
            (x, score),
            (0, 7),
            textcoords="offset points",
            ha="center",
            fontsize=FONT_SIZE,
            color=look.text,
            bbox={"facecolor": look.background, "edgecolor": "none", "pad": 0.6},
        )
    tight = max(map(len, names)) * len(names) > 17 * width
    slant: dict[str, Any] = {"rotation": 25, "ha": "right"} if tight else {}
    axes.set_xticks(range(len(names)), names, fontsize=6, **slant)
    _four_digits(axes)
    return figure


def envelope(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return steps, counted from 1, and values of fewer points that draw the same curve."""
    if len(values) <= 2 * BINS:
        return np.arange(1, len(values) + 1), values
    steps = []
    for part in np.array_split(np.arange(len(values)), BINS):
        steps += sorted({part[values[part].argmin()], part[values[part].argmax()]})
    chosen = np.array(steps)
    return chosen + 1, values[chosen]


def _of_seed(results: Runs, seed: int | None) -> list[Run]:
    """Return the runs of one seed (the first of the study by default), in the order of the arms."""
    return [run for run in results.runs if run.seed == (results.seeds[0] if seed is None else seed)]


def _trained(results: Runs, seed: int | None) -> dict[str, Run]:
    runs = {run.arm: run for run in _of_seed(results, seed) if has_steps(run)}
    if not runs:
        raise NothingToDraw("there is nothing to draw: no run of this seed has taken a step")
    return runs


def _start(look: Look, width: float, height: float, x: str, y: str) -> "tuple[Figure, Axes]":
    figure, ((axes,),) = look.figure(width, height)
    axes.set(xlabel=x, ylabel=y)
    axes.grid(axis="y")
    return figure, axes


def _four_digits(axes: "Axes") -> None:
    """Format ticks with four digits, as in the report, and remove ticks above 1."""
    low, high = axes.get_ylim()
    axes.set_yticks([tick for tick in axes.get_yticks() if low <= tick <= min(high, 1 + 1e-9)])
    axes.yaxis.set_major_formatter("{x:.4f}")


def _legend(axes: "Axes", theme: Theme, **place: Any) -> None:
    axes.legend(
        **place, fontsize=9, labelcolor=theme.text, facecolor=theme.background, edgecolor=theme.grid
    )
