"""Smoothed training loss against epochs."""

from typing import TYPE_CHECKING

import numpy as np

from lamella.studies.analysis.runs import Runs
from lamella.studies.pictures.lines import Curves, draw_curves
from lamella.studies.pictures.style import Look, NothingToDraw
from lamella.studies.running.archived_run import ArchivedRun, has_steps
from lamella.studies.running.run import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure


MAX_PER_EPOCH, MAX_POINTS, MIN_STEPS = 20, 300, 8
"""Most means per epoch, most points per curve, and fewest steps in a mean."""


def loss_curves(results: Runs, *, theme: str = "light", title: str | None = None) -> "Figure":
    """Draw the smoothed training loss against epochs.

    Every point is the mean over the same fraction of an epoch in all arms, so that smoothing does
    not depend on the batch size. The line is the mean over seeds, the band reaches from the lowest
    to the highest seed. An arm without a finished run is represented by its first run.
    """
    drawn = [run for run in results.runs if has_steps(run)]
    if not drawn:
        raise NothingToDraw("there are no losses to draw: no run has finished a step")
    longest = max(len(run.epochs) for run in drawn) or 1
    fewest = min(run.steps_per_epoch for run in drawn)
    parts = max(1, min(MAX_PER_EPOCH, MAX_POINTS // longest, fewest // MIN_STEPS))
    curves: Curves = {}
    for arm in results.arms:
        runs = results.of(arm) or [run for run in drawn if run.arm == arm][:1]
        means = [smoothed(run, parts) for run in runs]
        if means:
            # All seeds of the arm are cut to the shortest.
            rows = np.stack([mean[: min(map(len, means))] for mean in means])
            curves[arm] = ((np.arange(rows.shape[1]) + 0.5) / parts, rows)
    interval = f"every 1/{parts} epoch" if parts > 1 else "every epoch"
    subtitle = f"Training loss, mean over {interval}"
    look = Look.of(results, theme, title)
    return draw_curves(results, curves, look, subtitle=subtitle, first=0, log=True)[0]


def smoothed(run: Run, parts: int) -> np.ndarray:
    """Return the mean loss of each of ``parts`` equal parts of every epoch."""
    if isinstance(run, ArchivedRun):
        return run.steps.means(parts)
    losses = np.asarray(run.step_losses, np.float64)
    bad = np.flatnonzero(~np.isfinite(losses))
    losses = losses[: bad[0]] if len(bad) else losses
    within = np.arange(parts) * run.steps_per_epoch // parts
    epochs = -(-len(losses) // run.steps_per_epoch)
    starts = (np.arange(epochs)[:, None] * run.steps_per_epoch + within).ravel()
    starts = starts[starts < len(losses)]
    if not len(starts):
        return losses
    # Of fewer steps than parts, reduceat gives a step to each of the parts that begin with it.
    sizes = np.maximum(np.diff(np.append(starts, len(losses))), 1)
    means: np.ndarray = np.add.reduceat(losses, starts) / sizes
    return means
