"""Metrics of yes-or-no answers: one output an answer."""

import numpy as np

from lamella.backend.workspace import replayable
from lamella.core.errors import DataError
from lamella.core.typing import Array, Shape
from lamella.losses.base import Loss
from lamella.losses.binary import BinaryCrossEntropy, SigmoidCrossEntropy
from lamella.losses.metrics.base import Metric


class BinaryAccuracy(Metric):
    """Fraction of yes-or-no answers that are right, over all samples and outputs.

    Targets of p's shape are 0 and 1, or -1 and 1 (for `Tanh`). An answer is yes above the middle of
    these two, or above 0 if outputs are logits. With a binary cross-entropy targets may also lie
    between 0 and 1.

    Shapes
    ------
    p (N, ...), targets of the same shape

    References
    ----------
    Equal to keras.metrics.BinaryAccuracy; with several outputs, 1 - sklearn.metrics.hamming_loss.
    """

    name = "binary_accuracy"
    higher_is_better = True
    _middle = 0.5  # of the two targets

    def check_targets(self, target: np.ndarray, out_shape: Shape, loss: Loss) -> None:
        if target.shape[1:] != out_shape and not (target.ndim == 1 and out_shape == (1,)):
            raise DataError(f"{self.name} takes yes-or-no answers, not class labels")
        low, high = target.min(), target.max()
        signed = low < 0 if self.targets is None else self.targets.signed
        soft = isinstance(loss, BinaryCrossEntropy | SigmoidCrossEntropy) and not signed
        if not (soft and low >= 0 and high <= 1):
            other = target[(target != 1) & (target != (-1 if signed else 0))]
            if other.size:
                known = "0 and 1 or -1 and 1"
                if self.targets is not None and other[0] in (-1, 0):
                    known = f"{'-1' if signed else '0'} and 1 as in training"
                raise DataError(f"{self.name} takes yes-or-no answers, {known}, got {other[0]:g}")
        self._middle = 0.0 if signed else 0.5

    @replayable
    def right(self, pred: Array, target: Array) -> Array:
        """Return whether each answer is right, shape (N, number of outputs)."""
        shape = (len(pred), pred.size // len(pred))
        yes = self.scratch("yes", shape, bool)
        wanted = self.scratch("wanted", shape, bool)
        threshold = self.threshold if self._middle else 0.0
        loop = self.compile_for_device(same_side, pred, target)
        if loop is not None:
            loop(pred, target, threshold, self._middle, yes)
            return yes
        self.xp.greater(pred.reshape(shape), threshold, out=yes)
        self.xp.greater(target.reshape(shape), self._middle, out=wanted)
        return self.xp.equal(yes, wanted, out=yes)

    @replayable
    def score(self, pred: Array, target: Array) -> Array:
        right = self.right(pred, target)
        if right.shape[1] == 1:
            return right.reshape(-1)
        fractions = self.scratch("fraction", (len(pred),), "float64")
        loop = self.compile_for_device(fractions_right)
        if loop is not None:
            loop(right, fractions)
            return fractions
        return right.mean(axis=1, out=fractions)


class SubsetAccuracy(BinaryAccuracy):
    """Fraction of samples whose yes-or-no answers are all right.

    Targets are those of `BinaryAccuracy`.

    Shapes
    ------
    p (N, ...), targets of the same shape

    References
    ----------
    Equal to sklearn.metrics.accuracy_score of rows.
    """

    name = "subset_accuracy"

    @replayable
    def score(self, pred: Array, target: Array) -> Array:
        right, every = self.right(pred, target), self.scratch("all", (len(pred),), bool)
        loop = self.compile_for_device(all_right)
        if loop is not None:
            loop(right, every)
            return every
        return right.all(axis=1, out=every)


def same_side(pred: Array, target: Array, threshold: float, middle: float, right: Array) -> None:
    """Fill ``right`` (N, K): whether p and t are both above their limits; to be compiled."""
    for n in range(len(right)):
        right[n] = (pred[n] > threshold) == (target[n] > middle)


def fractions_right(right: Array, fractions: Array) -> None:
    """Fill ``fractions`` (N,) with those of the right answers (N, K); to be compiled."""
    for n in range(len(right)):
        fractions[n] = right[n].mean()


def all_right(right: Array, every: Array) -> None:
    """Fill ``every`` (N,): whether all answers (N, K) of a sample are right; to be compiled."""
    for n in range(len(right)):
        every[n] = right[n].all()
