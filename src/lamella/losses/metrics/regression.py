"""Metrics of numbers: distances between predictions and targets."""

import numpy as np

from lamella.backend.workspace import replayable
from lamella.core.errors import DataError
from lamella.core.typing import Array, Shape
from lamella.losses.base import Loss
from lamella.losses.metrics.base import Metric

# Variances under this part of the mean square are rounding errors: of constant targets, say.
ROUNDING = 1e-14


class OfNumbers(Metric):
    """Metric of targets that are numbers of the predictions' shape."""

    def check_targets(self, target: np.ndarray, out_shape: Shape, loss: Loss) -> None:
        if target.shape[1:] != out_shape:
            raise DataError(f"{self.name} takes numbers, not class labels")
        if loss.takes_logits:
            raise DataError(f"{self.name} compares targets with outputs, but these are logits")

    def errors(self, pred: Array, target: Array) -> Array:
        """Return p - t in float64, shape (N, number of outputs), as scratch memory."""
        out = self.scratch("errors", pred.shape, "float64")
        self.xp.subtract(pred, target, out=out)
        return out.reshape(len(pred), -1)


class MAE(OfNumbers):
    """Mean absolute error: mean of abs(p - t) over samples and outputs.

    Shapes
    ------
    p (N, ...), targets of the same shape

    References
    ----------
    Equal to sklearn.metrics.mean_absolute_error.
    """

    name = "mae"
    higher_is_better = False

    @replayable
    def score(self, pred: Array, target: Array) -> Array:
        loop = self.compile_for_device(mean_absolute_errors, pred, target)
        if loop is not None:
            loop(pred, target, scores := self.scratch("scores", pred.shape[:1], "float64"))
            return scores
        errors = self.errors(pred, target)
        return self.xp.absolute(errors, out=errors).mean(axis=1)


class RMSE(OfNumbers):
    """Root mean squared error: sqrt of the mean of (p - t)^2 over samples and outputs.

    It is the root over the whole epoch, not a mean of the batches' roots.

    Shapes
    ------
    p (N, ...), targets of the same shape

    References
    ----------
    Equal to keras.metrics.RootMeanSquaredError; for one output to
    sklearn.metrics.root_mean_squared_error, which takes the mean of several outputs' roots.
    """

    name = "rmse"
    higher_is_better = False

    @replayable
    def score(self, pred: Array, target: Array) -> Array:
        loop = self.compile_for_device(mean_squared_errors, pred, target)
        if loop is not None:
            loop(pred, target, scores := self.scratch("scores", pred.shape[:1], "float64"))
            return scores
        errors = self.errors(pred, target)
        return self.xp.square(errors, out=errors).mean(axis=1)

    def result(self, means: np.ndarray) -> float:
        return float(np.sqrt(means))


class R2(OfNumbers):
    """Coefficient of determination, the mean over outputs of

        1 - sum (p - t)^2 / sum (t - mean t)^2         (sums over all samples of the epoch)

    1 is perfect, 0 as good as always predicting the mean; 0 also is the value for constant targets
    that are not met exactly. Targets that vary by less than 1e-7 of their size count as constant.

    Shapes
    ------
    p (N, ...), targets of the same shape

    References
    ----------
    Equal to sklearn.metrics.r2_score.
    """

    name = "r2"
    higher_is_better = True

    def score_shape(self, out_shape: Shape) -> Shape:
        return (3, *out_shape)

    @replayable
    def score(self, pred: Array, target: Array) -> Array:
        terms = self.scratch("terms", (len(pred), 3, *pred.shape[1:]), "float64")
        loop = self.compile_for_device(r2_terms, pred, target)
        if loop is not None:
            loop(pred, target, terms)
            return terms
        self.xp.subtract(pred, target, out=terms[:, 0])
        terms[:, 1] = terms[:, 2] = target
        terms[:, ::2] *= terms[:, ::2]
        return terms

    def result(self, means: np.ndarray) -> float:
        error, mean, square = means.reshape(3, -1)
        variance = square - mean * mean
        varies = variance > ROUNDING * square
        ratio = np.divide(error, variance, out=np.sign(error), where=varies)
        return float((1 - ratio).mean())


def mean_absolute_errors(pred: Array, target: Array, errors: Array) -> None:
    """Fill ``errors`` (N,) with the means of abs(p - t) over outputs; to be compiled."""
    for n in range(len(pred)):
        errors[n] = np.abs(np.subtract(pred[n], target[n], dtype=float)).mean()


def mean_squared_errors(pred: Array, target: Array, errors: Array) -> None:
    """Fill ``errors`` (N,) with the means of (p - t)^2 over outputs; to be compiled."""
    for n in range(len(pred)):
        errors[n] = (np.subtract(pred[n], target[n], dtype=float) ** 2).mean()


def r2_terms(pred: Array, target: Array, terms: Array) -> None:
    """Fill ``terms`` (N, 3, ...) with (p - t)^2, t and t^2; to be compiled."""
    for n in range(len(pred)):
        terms[n, 0] = np.subtract(pred[n], target[n], dtype=float) ** 2
        terms[n, 1] = target[n]
        terms[n, 2] = terms[n, 1] ** 2
