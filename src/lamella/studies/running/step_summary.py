"""Summary of a run's step losses: a thinned curve, and how much they vary in the end."""

import math
from dataclasses import dataclass

import numpy as np

PARTS = 20
"""Most means per epoch in the curve."""


@dataclass(frozen=True, eq=False)
class StepSummary:
    """Step losses of a run in brief.

    Attributes
    ----------
    jitter : float
        Standard deviation of the losses in the last epoch.
    curve : float32 array
        Mean loss of each of 20 equal parts of each epoch (of each step, if an epoch has fewer), in
        order. An archive rounds it to bfloat16, by at most 0.4%.
    per_epoch : int
        Number of parts of an epoch.
    """

    jitter: float
    curve: np.ndarray
    per_epoch: int

    def means(self, parts: int) -> np.ndarray:
        """Return the mean loss of each of ``parts`` equal parts of each epoch.

        They end where the loss is not finite. Where parts do not coincide with those of the curve,
        it counts as constant within each of its own.
        """
        finite = np.logical_and.accumulate(np.isfinite(self.curve))
        curve = self.curve[finite].astype(np.float64)
        width = self.per_epoch / parts
        edges = width * np.arange(math.floor(len(curve) / width + 1e-9) + 1)
        sums = np.interp(edges, np.arange(len(curve) + 1), [0.0, *np.cumsum(curve)])
        means: np.ndarray = np.diff(sums) / width
        return means


def summarize(step_losses: np.ndarray, steps_per_epoch: int) -> StepSummary:
    """Return the summary of the losses of all steps, in order."""
    losses = step_losses.astype(np.float64)
    if not len(losses):
        return StepSummary(math.nan, np.zeros(0, np.float32), 1)
    per_epoch = min(PARTS, steps_per_epoch)
    epochs = -(-len(losses) // steps_per_epoch)
    starts = np.round(np.arange(epochs * per_epoch) * (steps_per_epoch / per_epoch)).astype(int)
    starts = starts[starts < len(losses)]
    with np.errstate(all="ignore"):
        curve = np.add.reduceat(losses, starts) / np.diff([*starts, len(losses)])
        return StepSummary(
            float(np.std(step_losses[-steps_per_epoch:], dtype=np.float64)),
            curve.astype(np.float32),
            per_epoch,
        )
