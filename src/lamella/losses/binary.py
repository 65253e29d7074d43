"""Cross-entropy of yes-or-no answers: one output an answer, each independent of the others."""

from typing import Any

import numpy as np
from numpy import absolute, exp, log, log1p, maximum, minimum

from lamella.backend.workspace import replayable
from lamella.core.descriptors import checked
from lamella.core.errors import DataError
from lamella.core.typing import Array, Shape
from lamella.core.validation import in_range
from lamella.losses.base import Loss


class SigmoidCrossEntropy(Loss):
    """Cross-entropy of yes-or-no answers, given their logits: for binary and multi-label networks.

        p = sigmoid(z)    loss = -t log p - (1 - t) log(1 - p)    d loss / d z = p - t

    It is the mean over samples and outputs. Loss and gradient have all their digits at any finite
    logit: a confident and wrong answer of logit z costs abs(z) and has gradient 1, where the
    probability of `Sigmoid` rounds to 0 or 1 and has none. End the model with `Dense`.

    Parameters
    ----------
    label_smoothing : float
        Fraction s, in [0, 1], by which targets are drawn to one half: (1 - s) t + s / 2. Also in
        evaluation, as in Keras's BinaryCrossentropy.

    Shapes
    ------
    z (N, K), targets (N, K) in [0, 1], any number of them 1; integer labels (N,) for K > 1 outputs
    become one-hot

    References
    ----------
    Equal to torch.nn.BCEWithLogitsLoss().
    """

    takes_logits = True
    label_smoothing: float = checked(in_range, 0, 1)

    def __init__(self, label_smoothing: float = 0.0) -> None:
        self.label_smoothing = label_smoothing

    @replayable
    def forward(self, pred: Array, target: Array) -> Array:
        if self.label_smoothing:
            scalars = 1 - self.label_smoothing, self.label_smoothing / 2
            target = self.map("smooth", lambda t, a, b: a * t + b, target, scalars=scalars)
        self.pred, self.target = pred, target
        return self.mean(self.map("losses", _cross_entropy_of_logit, pred, target))

    @replayable
    def backward(self) -> Array:
        scalars = (self.pred[0].size,)
        return self.scale_by_batch(
            self.map("d", _slope_of_logit, self.pred, self.target, scalars=scalars)
        )

    def check_targets(self, target: np.ndarray, out_shape: Shape, dtype: np.dtype) -> np.ndarray:
        return _expect_fractions(self, super().check_targets(target, out_shape, dtype))

    def probabilities(self, pred: Array) -> Array:
        xp = self.xp
        return xp.exp(xp.minimum(pred, 0)) / (1 + xp.exp(-abs(pred)))  # neither overflows


class BinaryCrossEntropy(Loss):
    """Cross-entropy of yes-or-no answers, given their probabilities (from `Sigmoid`).

        loss = -t log p - (1 - t) log(1 - p)         d loss / d p = (p - t) / (p (1 - p))

    It is the mean over samples and outputs. ``p`` is clipped to at least the smallest normal
    number, and ``1 - p`` to at least the step of the dtype at 1 (1.2e-38 and 1.2e-7 in float32),
    so that loss and gradient stay finite.

    Behind `Sigmoid` a confident and wrong answer has no gradient (from logit 17 on in float32,
    where p rounds to 1), and is never learned: prefer `SigmoidCrossEntropy`, which takes the logits
    themselves.

    Shapes
    ------
    p (N, K), targets (N, K) in [0, 1]

    References
    ----------
    Equal to torch.nn.BCELoss() away from 0 and 1.
    """

    @replayable
    def forward(self, pred: Array, target: Array) -> Array:
        limits = np.finfo(self.dtype)
        self.pred, self.target = pred, target
        self.limits = float(limits.tiny), float(limits.eps)
        return self.mean(self.map("losses", _cross_entropy, pred, target, scalars=self.limits))

    @replayable
    def backward(self) -> Array:
        scalars = *self.limits, self.pred[0].size
        return self.scale_by_batch(self.map("d", _slope, self.pred, self.target, scalars=scalars))

    def check_targets(self, target: np.ndarray, out_shape: Shape, dtype: np.dtype) -> np.ndarray:
        return _expect_fractions(self, super().check_targets(target, out_shape, dtype))


def _expect_fractions(loss: Loss, target: np.ndarray) -> np.ndarray:
    if target.min() < 0 or target.max() > 1:
        raise DataError(
            f"{type(loss).__name__} takes targets in [0, 1], got values from "
            f"{target.min():g} to {target.max():g}"
        )
    return target


def _cross_entropy_of_logit(z: Any, t: Any) -> Any:
    """Return -t log p - (1 - t) log(1 - p) for p = sigmoid(z), without p, which may round to 1."""
    return (1 - t) * maximum(z, 0) - t * minimum(z, 0) + log1p(exp(-absolute(z)))


def _slope_of_logit(z: Any, t: Any, outputs: Any) -> Any:
    """Return p - t for p = sigmoid(z), divided by the number of outputs.

    As p = a / (a + b) and 1 - p = b / (a + b), no digits cancel where p is near t = 0 or 1.
    """
    a, b = exp(minimum(z, 0)), exp(-maximum(z, 0))
    return ((1 - t) * a - t * b) / (a + b) / outputs


def _cross_entropy(p: Any, t: Any, tiny: Any, eps: Any) -> Any:
    """Return -t log p - (1 - t) log(1 - p)."""
    yes, no = log(maximum(p, tiny)), log(maximum(1 - p, eps))
    return -(t * (yes - no) + no)


def _slope(p: Any, t: Any, tiny: Any, eps: Any, outputs: Any) -> Any:
    """Return the derivative of the cross-entropy by p, divided by the number of outputs."""
    q = maximum(1 - p, eps)
    p = maximum(p, tiny)
    return (p - t) / (p * q) / outputs
