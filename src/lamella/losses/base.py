"""Base of all losses: the mean over the batch of each sample's error."""

from abc import abstractmethod

import numpy as np
from numpy import maximum

from lamella.backend.numba.loops import mean_of_vector
from lamella.backend.workspace import Workspace, replayable
from lamella.core.errors import DataError, ShapeError, UsageError
from lamella.core.typing import Array, Shape
from lamella.losses.labels import check_labels, is_integer


class Loss(Workspace):
    """Loss function. A subclass writes `forward` and `backward`.

    End `forward` with ``self.mean`` and `backward` with ``self.scale_by_batch``: they apply class
    and sample weights. ``takes_logits`` is True if predictions are raw scores, so that no layer
    before the loss may turn them into probabilities.
    """

    takes_logits: bool = False
    _weight: Array | None = None

    @abstractmethod
    def forward(self, pred: Array, target: Array) -> Array:
        """Return the mean loss of a batch as a 0-d array.

        ``pred`` is the last layer's output (N, *out_shape), ``target`` the result of
        `check_targets`.
        """

    @abstractmethod
    def backward(self) -> Array:
        """Return the gradient of the last `forward` at ``pred``, of the same shape.

        Called once after each `forward`: it may overwrite the arrays that `forward` stored.
        """

    def check_targets(self, target: np.ndarray, out_shape: Shape, dtype: np.dtype) -> np.ndarray:
        """Check targets for outputs of ``out_shape`` and return them in the form `forward` expects.

        Called once for a whole data set, before training. By default targets are numbers of the
        same shape as the predictions, or (N,) for a single output; integer labels (N,) for K > 1
        outputs become one-hot rows.

        Raises
        ------
        DataError
            If labels are out of range, or targets are not finite.
        ShapeError
            If targets do not have the shape of the predictions.
        """
        if target.ndim == 1 and len(out_shape) == 1 and out_shape[0] > 1 and is_integer(target):
            rows = np.zeros((len(target), *out_shape), dtype)
            rows[np.arange(len(target)), check_labels(target, out_shape[0])] = 1
            return rows
        if target.ndim == 1 and out_shape == (1,):
            target = target.reshape(-1, 1)
        if target.shape[1:] != out_shape:
            raise ShapeError(
                f"{type(self).__name__} takes targets of the shape of the predictions, "
                f"(N, {', '.join(map(str, out_shape))}), got {target.shape}"
            )
        with np.errstate(over="ignore"):
            target = np.ascontiguousarray(target, dtype)
        if not (np.isfinite(target.min()) and np.isfinite(target.max())):
            raise DataError(f"the targets contain NaN or infinite numbers (as {dtype})")
        return target

    def expect_valid_targets(self) -> None:
        """Raise a DataError if the last `forward` met a target that `check_targets` would refuse.

        Called before each step, since a replay of `forward` raises nothing. Targets can change
        after their check: they may share the memory of the user's array.
        """

    def probabilities(self, pred: Array) -> Array:
        """Return predictions as probabilities; by default they already are."""
        return pred

    @replayable
    def __call__(self, pred: Array, target: Array, weight: Array | None = None) -> Array:
        """Return `forward`, with samples weighted: sum(weight loss) / sum(weight)."""
        self._weight = weight
        self._is_reduced = self._is_scaled = False
        loss = self.forward(pred, target)
        if weight is not None:
            self._expect_weighted(self._is_reduced)
        return loss

    @replayable
    def gradient(self) -> Array:
        """Return `backward`; with weights, make sure that it applied them."""
        gradient = self.backward()
        if self._weight is not None:
            self._expect_weighted(self._is_scaled)
        return gradient

    def _expect_weighted(self, done: bool) -> None:
        if not done:
            raise UsageError(
                f"{type(self).__name__} does not support sample weights: reduce with "
                "self.mean(losses) in forward and self.scale_by_batch(gradients) in backward"
            )

    @replayable
    def mean(self, losses: Array) -> Array:
        """Return the mean over samples (weighted, if there are weights) and all further axes."""
        self._is_reduced = True
        mean = self.scratch("mean", ())
        if self._weight is not None and not self.backend.on_host:
            return self._weighted_mean(losses, self._weight, mean)
        loop = self.backend.compile(mean_of_vector) if self._weight is None else None
        if loop is not None:
            loop(losses.reshape(-1), mean.reshape(1))
            return mean
        if losses.ndim > 1:
            axes = tuple(range(1, losses.ndim))
            losses = losses.mean(axis=axes, out=self.scratch("per sample", losses.shape[:1]))
        if self._weight is None:
            losses.sum(out=mean)
            mean /= len(losses)
            return mean
        total = self._weight.sum(out=self.scratch("total", ()))
        # A batch in which every weight is 0 has loss 0, not 0 / 0.
        self.xp.maximum(total, np.finfo(self.dtype).tiny, out=total)
        weighted = self.xp.multiply(
            losses, self._weight, out=self.scratch("weighted", losses.shape)
        )
        weighted.sum(out=mean)
        mean /= total
        return mean

    @replayable
    def _weighted_mean(self, losses: Array, weight: Array, mean: Array) -> Array:
        """Return sum(weight loss) / sum(weight), by products, which a device can replay."""
        samples, tiny = len(losses), float(np.finfo(self.dtype).tiny)
        losses = losses.reshape(samples, -1)
        ones = self.scratch("ones", (max(samples, losses.shape[1]), 1))
        self.map(ones, lambda x: 1.0, ones)
        size = losses.shape[1]
        if size > 1:
            losses = self.dot(losses, ones[:size], out=self.scratch("per sample", (samples, 1)))
        row, total = weight.reshape(1, samples), self.scratch("total", (1, 1))
        self.dot(row, ones[:samples], out=total)
        # A batch in which every weight is 0 has loss 0, not 0 / 0.
        self.map(total, lambda x, tiny: maximum(x, tiny), total, scalars=(tiny,))
        weighted = self.dot(row, losses, out=self.scratch("weighted", (1, 1)))
        self.map(
            mean.reshape(1, 1), lambda x, total, n: x / n / total, weighted, total,
            scalars=(float(size),),
        )  # fmt: skip
        return mean

    @replayable
    def _scale_on_device(self, gradients: Array, weight: Array) -> Array:
        """Multiply the gradients of each sample by weight / sum(weight), by products."""
        samples = len(gradients)
        rows = gradients.reshape(samples, -1)
        ones = self.scratch("ones of columns", (1, rows.shape[1]))
        self.map(ones, lambda x: 1.0, ones)
        factors = self.scratch("factors", rows.shape)
        self.dot(weight.reshape(samples, 1), ones, out=factors)
        total = self.scratch("total", (1, 1))
        column, factors = rows.reshape(-1, 1), factors.reshape(-1, 1)
        self.map(column, lambda g, w, total: g * (w / total), column, factors, total.reshape(1))
        return gradients

    @replayable
    def scale_by_batch(self, gradients: Array) -> Array:
        """Turn, in place, gradients of each sample's loss into those of the mean."""
        self._is_scaled = True
        if self._weight is None:
            return self.map(
                gradients, lambda g, n: g / n, gradients, scalars=(float(len(gradients)),)
            )
        if not self.backend.on_host:
            return self._scale_on_device(gradients, self._weight)
        weights = self.scratch("weights", self._weight.shape)
        self.xp.divide(self._weight, self.scratch("total", ()), out=weights)
        gradients *= weights.reshape(-1, *(1,) * (gradients.ndim - 1))
        return gradients
