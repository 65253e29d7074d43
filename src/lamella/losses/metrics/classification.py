"""Metrics of classes: one of K > 1 outputs for each class."""

import numpy as np

from lamella.backend.workspace import replayable
from lamella.core.errors import DataError
from lamella.core.typing import Array, Shape
from lamella.core.validation import at_least
from lamella.losses.base import Loss
from lamella.losses.labels import holds_classes
from lamella.losses.metrics.base import Metric
from lamella.losses.metrics.binary import BinaryAccuracy


class Accuracy(BinaryAccuracy):
    """Fraction of right classes; of right answers, where outputs are yes-or-no answers.

    Of K > 1 outputs and one class a sample (labels, one-hot rows or rows of probabilities), the
    class is the largest, the lowest index if several are largest. A single output is an answer, and
    so is each of K where any sample has several hot labels or none, or targets are -1 and 1: then
    it is `BinaryAccuracy`. The data of the last `fit` decide for all data that are scored later.

    Shapes
    ------
    p (N, K), targets (N,) labels or (N, K)

    References
    ----------
    Equal to sklearn.metrics.accuracy_score of the classes.
    """

    name = "accuracy"
    _is_of_answers = False

    def check_targets(self, target: np.ndarray, out_shape: Shape, loss: Loss) -> None:
        classes = len(out_shape) == 1 and out_shape[0] > 1 and holds_classes(target)
        several = self.targets is not None and self.targets.several and target.ndim > 1
        self._is_of_answers = several or not classes
        if not self._is_of_answers:
            return
        try:
            super().check_targets(target, out_shape, loss)
        except DataError:
            raise DataError(
                "accuracy takes classes (labels or one-hot rows) or yes-or-no answers (0 and 1, or "
                "-1 and 1), not numbers"
            ) from None
        if out_shape != (1,) and self.targets is not None and not several:
            raise DataError(
                "accuracy counts classes, as the model was trained on one class a sample, but here "
                "a sample has several labels or none"
            )

    @replayable
    def score(self, pred: Array, target: Array) -> Array:
        if self._is_of_answers or pred.shape[-1] == 1:
            return super().score(pred, target)
        right = self.scratch("right", pred.shape[:1], bool)
        if self.backend.on_host:
            loop = None
        elif target.ndim == 1:
            loop = self.compile_for_device(is_right, pred, labels=target)
        else:
            loop = self.compile_for_device(same_largest, pred, target)
        if loop is not None:
            loop(pred, target, right)
            return right
        found = largest(self, pred, "found")
        wanted = target if target.ndim == 1 else largest(self, target, "wanted")
        return self.xp.equal(found, wanted, out=right)


class TopK(Metric):
    """Fraction of samples whose class is among the k largest outputs; logged as "top_<k>".

    Of equal outputs, that of the lower index is the larger, as in `Accuracy`, which is k = 1.

    Parameters
    ----------
    k : int
        At least 1, less than the number of classes.

    Shapes
    ------
    p (N, K), targets (N,) labels or rows (N, K) with one class

    References
    ----------
    Equal to sklearn.metrics.top_k_accuracy_score where outputs differ.
    """

    higher_is_better = True

    def __init__(self, k: int = 5) -> None:
        self.k = at_least("k", k, 1)
        self.name = f"top_{self.k}"

    def check_targets(self, target: np.ndarray, out_shape: Shape, loss: Loss) -> None:
        if len(out_shape) != 1 or out_shape[0] < 2 or not holds_classes(target):
            raise DataError(f"{self.name} takes classes, as labels or one-hot rows")
        if self.k >= out_shape[0]:
            raise DataError(
                f"{self.name} needs more than {self.k} classes, the model has {out_shape[0]}: any "
                "class would be right"
            )

    @replayable
    def score(self, pred: Array, target: Array) -> Array:
        if target.ndim == 1:
            loop = self.compile_for_device(is_in_top, pred, labels=target)
        else:
            loop = self.compile_for_device(largest_is_in_top, pred, target)
        if loop is not None:
            right = self.scratch("right", pred.shape[:1], bool)
            loop(pred, target, self.k, right)
            return right
        xp = self.xp
        wanted = target if target.ndim == 1 else largest(self, target, "wanted")
        row = wanted.reshape(-1, 1)
        own = xp.take_along_axis(pred, row, axis=1)
        behind = (pred < own) | ((pred == own) & (xp.arange(pred.shape[1]) >= row))
        # Counting those behind, itself included, a NaN is never right.
        return behind.sum(axis=1) > pred.shape[1] - self.k


def largest(metric: Metric, rows: Array, name: str) -> Array:
    """Return the index of the largest number of each row, in the scratch memory ``name``."""
    return rows.argmax(axis=-1, out=metric.scratch(name, rows.shape[:-1], "int64"))


def is_right(scores: Array, labels: Array, right: Array) -> None:
    """Fill ``right`` (N,): whether each row's largest score is at its label; to be compiled."""
    for n in range(len(scores)):
        right[n] = scores[n].argmax() == labels[n]


def same_largest(scores: Array, targets: Array, right: Array) -> None:
    """Fill ``right`` (N,): whether scores and targets are largest at one place; to be compiled."""
    for n in range(len(scores)):
        right[n] = scores[n].argmax() == targets[n].argmax()


def is_in_top(scores: Array, labels: Array, k: int, right: Array) -> None:
    """Fill ``right`` (N,): whether the score at a label is among the k largest; to be compiled."""
    for n in range(len(scores)):
        own = scores[n, labels[n]]
        equal_behind = (scores[n] == own) & (np.arange(len(scores[n])) >= labels[n])
        right[n] = ((scores[n] < own) | equal_behind).sum() > len(scores[n]) - k


def largest_is_in_top(scores: Array, targets: Array, k: int, right: Array) -> None:
    """The same of labels where the targets are largest; to be compiled."""
    is_in_top(scores, targets.argmax(axis=1), k, right)
