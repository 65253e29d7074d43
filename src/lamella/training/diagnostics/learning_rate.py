"""Learning-rate finder: train a few steps at rising rates, and see how far the loss falls."""

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lamella.core.errors import ArgumentError, DataError
from lamella.core.signatures import known_arguments
from lamella.core.validation import at_least, instance, positive
from lamella.network.prepare import expect_batch, expect_scale, prepare
from lamella.network.trainable import Trainable
from lamella.training.diagnostics.curves import INK, TRAINING, VALIDATION, style_panel
from lamella.training.diagnostics.overfit_one_batch import on_a_copy

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SMOOTHING = 0.9  # weight of earlier losses in their running mean
RISE = 3.0  # times its size, by which the loss rises above its lowest before the search ends
FALL, BEGIN = 0.1, 10  # the loss falls if it is later this part below the mean of these steps


@dataclass(frozen=True)
class LearningRates:
    """Learning rate of each step, and the loss of its batch before it, as a running mean.

    ``suggestion`` is a tenth of the rate of the lowest loss, where the loss still falls; None if it
    never does.
    """

    rates: np.ndarray
    losses: np.ndarray
    suggestion: float | None

    def plot(self) -> "Figure":
        """Draw loss against learning rate; save it with ``figure.savefig(path)``."""
        from lamella.training.diagnostics.figure import Figure

        figure = Figure(figsize=(5.6, 3.8), dpi=150, layout="constrained")
        axes = figure.subplots()
        axes.semilogx(self.rates, self.losses, color=TRAINING["color"], linewidth=1.8)
        axes.set_xlabel("learning rate", color=INK)
        if self.suggestion is not None:
            axes.axvline(self.suggestion, color=VALIDATION["color"], linestyle="--")
        style_panel(axes, f"{self}\nloss of a batch, running mean")
        return figure

    def __str__(self) -> str:
        lowest = f"lowest loss {self.losses.min():.3g} at {self.rates[self.losses.argmin()]:.2g}"
        if self.suggestion is None:
            return f"no suggestion: the loss does not fall ({lowest})"
        return f"suggested learning rate {self.suggestion:.2g} ({lowest})"

    __repr__ = __str__


@known_arguments
def find_lr(
    model: Trainable,
    x: Any,
    y: Any,
    *,
    low: float = 1e-6,
    high: float = 10.0,
    steps: int = 200,
    batch_size: int = 64,
) -> LearningRates:
    """Search a learning rate: train a copy for one step at each of many rising rates.

    The search ends early where the loss has risen to four times its lowest value, or above a lowest
    one below 0 by three times its size. The model stays as it is.

    Parameters
    ----------
    model : Sequential
        A compiled one, built or not.
    x, y
        Training data, in the form that `fit` accepts.
    low, high : float
        First and last rate, 0 < low < high.
    steps : int
        Number of rates, at least 10.
    batch_size : int
        That of the training to come: larger batches take larger rates.

    References
    ----------
    Smith, Cyclical Learning Rates for Training Neural Networks, 2017; the suggestion is "minimum"
    of fastai's lr_find.
    """
    instance("model", model, Trainable, "lm.MLP()").expect_compiled()
    if positive("low", low) >= positive("high", high):
        raise ArgumentError(f"low must be less than high, got {low!r} and {high!r}")
    at_least("steps", steps, 10)
    at_least("batch_size", batch_size, 1)
    model = copy.deepcopy(model)
    data, _ = prepare(model, x, y, trains=True)
    size = min(batch_size, len(data))
    model.expect_trainable()
    expect_scale(model, data)
    expect_batch(model, size)
    rng = model.streams.generator("find_lr")
    rates, means, mean = np.geomspace(low, high, steps), [], 0.0
    with on_a_copy(model) as trial:
        for step, rate in enumerate(rates, 1):
            trial.optimizer.lr = float(rate)
            rows = rng.choice(len(data), size, replace=False)
            loss = float(trial.step(*trial.batches.take(data, trial.backend.asarray(rows))))
            mean = SMOOTHING * mean + (1 - SMOOTHING) * loss
            means.append(mean / (1 - SMOOTHING**step))
            lowest = min(means)
            scale = lowest if lowest > 0 else max(-lowest, abs(means[0]))
            if not means[-1] - lowest <= RISE * scale:  # NaN and infinity, too
                means.pop()
                break
    if len(means) < 2:
        when = f"after a step at low={low:g}: give a lower rate"
        raise DataError(f"the loss is not finite {when if means else 'before any step'}")
    losses, rates = np.array(means), rates[: len(means)]
    begin, best = losses[:BEGIN].mean(), int(losses.argmin())
    falls = best >= min(BEGIN, len(losses) // 2) and losses[best] < begin - FALL * abs(begin)
    return LearningRates(rates, losses, float(rates[best]) / 10 if falls else None)
