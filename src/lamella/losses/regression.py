"""Losses for numbers: distances between predictions and targets."""

from numpy import absolute, sign

from lamella.backend.workspace import replayable
from lamella.core.typing import Array
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
