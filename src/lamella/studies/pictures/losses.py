"""The loss of every step, smoothed, against epochs."""

from typing import TYPE_CHECKING

import numpy as np

from lamella.studies.analysis.runs import Runs
from lamella.studies.pictures.lines import Curves, band_text, draw_curves, epoch_axis, log_axis
from lamella.studies.pictures.style import NothingToDraw, get_theme, title_of
from lamella.studies.running.run import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure


FINEST, POINTS, LEAST = 20, 300, 8
"""At most so many means an epoch, and points a curve; at least so many steps in a mean."""


def loss_curves(results: Runs, *, theme: str = "light", title: str | None = None) -> "Figure":
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
        raise NothingToDraw("there are no losses to draw: no run has finished a step")
    look = get_theme(theme)
    longest = max(len(run.epochs) for run in drawn) or 1
    fewest = min(run.steps_per_epoch for run in drawn)
    parts = max(1, min(FINEST, POINTS // longest, fewest // LEAST))
    curves: Curves = {}
    for arm in results.arms:
        runs = results.of(arm) or [run for run in drawn if run.arm == arm][:1]
        means = [smoothed(run, parts) for run in runs]
        if means:
            # Shares of an epoch that all of the arm's seeds have.
            rows = np.stack([mean[: min(map(len, means))] for mean in means])
            curves[arm] = ((np.arange(rows.shape[1]) + 0.5) / parts, rows)
    share = f"every 1/{parts} epoch" if parts > 1 else "every epoch"
    figure, axes = draw_curves(
        results,
        curves,
        look,
        title=title_of(results, title),
        subtitle=f"Training loss, mean over {share}{band_text(results)}",
    )
    log_axis(axes, curves)
    epoch_axis(axes, 0, max((x[-1] for x, _ in curves.values() if len(x)), default=1), look)
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
