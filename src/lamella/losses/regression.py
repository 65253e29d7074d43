"""Losses for numbers: distances between predictions and targets."""

import numpy as np
from numpy import absolute, log, maximum, minimum, sign

from lamella.backend.workspace import replayable
from lamella.core.descriptors import checked
from lamella.core.errors import DataError
from lamella.core.typing import Array, Shape
from lamella.core.validation import positive
from lamella.losses.base import Loss


class MeanSquaredError(Loss):
    """Mean of (p - t)^2 over samples and outputs. After a `Softmax` layer, the report's L2 loss.

    Shapes
    ------
    p (N, ...), targets of the same shape; integer labels (N,) for K > 1 outputs become one-hot

    References
    ----------
    Equal to torch.nn.MSELoss().
    """

    @replayable
    def forward(self, pred: Array, target: Array) -> Array:
        self.d = self.map("d", lambda p, t: p - t, pred, target)
        return self.mean(self.map("squares", lambda d: d**2, self.d))

    @replayable
    def backward(self) -> Array:
        return self.scale_by_batch(
            self.map(self.d, lambda d, c: d * c, self.d, scalars=(2 / self.d[0].size,))
        )


class MeanAbsoluteError(Loss):
    """Mean of abs(p - t) over samples and outputs, the report's L1 loss; slope 0 at 0.

    Shapes
    ------
    p (N, ...), targets of the same shape; integer labels (N,) for K > 1 outputs become one-hot

    References
    ----------
    Equal to torch.nn.L1Loss().
    """

    @replayable
    def forward(self, pred: Array, target: Array) -> Array:
        self.d = self.map("d", lambda p, t: p - t, pred, target)
        return self.mean(self.map("distances", absolute, self.d))

    @replayable
    def backward(self) -> Array:
        return self.scale_by_batch(
            self.map(self.d, lambda d, n: sign(d) / n, self.d, scalars=(self.d[0].size,))
        )


class Huber(Loss):
    """Mean of a squared error near the target and a linear one far from it; ``delta`` is > 0.

        d = p - t       loss = d^2 / 2  where abs(d) <= delta,  else delta (abs(d) - delta / 2)

    Shapes are those of `MeanSquaredError`.

    References
    ----------
    Huber, Robust Estimation of a Location Parameter, 1964. Equal to torch.nn.HuberLoss.
    """

    delta: float = checked(positive)

    def __init__(self, delta: float = 1.0) -> None:
        self.delta = delta

    @replayable
    def forward(self, pred: Array, target: Array) -> Array:
        d = self.map("losses", lambda p, t: p - t, pred, target)
        self.near = self.map(
            "near", lambda d, most: minimum(maximum(d, -most), most), d, scalars=(self.delta,)
        )
        return self.mean(self.map(d, lambda d, near: near * (d - near / 2), d, self.near))

    @replayable
    def backward(self) -> Array:
        return self.scale_by_batch(
            self.map(self.near, lambda d, n: d / n, self.near, scalars=(self.near[0].size,))
        )


class Poisson(Loss):
    """Negative log-likelihood of counts, given their rates, but for terms without the rate.

        loss = p - t log(p + 1e-8)         d loss / d p = 1 - t / (p + 1e-8)

    It is the mean over samples and outputs. End the model with `Softplus`, whose rates are above 0:
    the logarithm of a negative rate is NaN.

    Shapes
    ------
    p (N, ...), targets of the same shape, at least 0

    References
    ----------
    Equal to torch.nn.PoissonNLLLoss(log_input=False).
    """

    @replayable
    def forward(self, pred: Array, target: Array) -> Array:
        self.pred, self.target = pred, target
        return self.mean(self.map("losses", lambda p, t: p - t * log(p + 1e-8), pred, target))

    @replayable
    def backward(self) -> Array:
        slope, scalars = lambda p, t, n: (1 - t / (p + 1e-8)) / n, (self.pred[0].size,)
        return self.scale_by_batch(self.map("d", slope, self.pred, self.target, scalars=scalars))

    def check_targets(self, target: np.ndarray, out_shape: Shape, dtype: np.dtype) -> np.ndarray:
        target = super().check_targets(target.astype(float), out_shape, dtype)  # not as labels
        if target.min() < 0:
            raise DataError(f"Poisson takes counts of at least 0, got {target.min():g}")
        return target
