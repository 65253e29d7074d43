"""Losses for numbers: distances between predictions and targets."""

from lamella.arrays import Array
from lamella.losses.base import Loss


class MeanSquaredError(Loss):
    """Mean of (p - t)^2 over samples and outputs. With `Softmax` before it, the report's L2 loss.

    Shapes
    ------
    p (N, ...), targets of the same shape; integer labels (N,) for K > 1 outputs become one-hot

    References
    ----------
    Equal to torch.nn.MSELoss().
    """

    def forward(self, pred: Array, target: Array) -> Array:
        self.d = self.xp.subtract(pred, target, out=self.scratch("d", pred.shape))
        return self.mean(self.xp.multiply(self.d, self.d, out=self.scratch("square", pred.shape)))

    def backward(self) -> Array:
        d = self.d
        d *= 2 / d[0].size
        return self.share(d)


class MeanAbsoluteError(Loss):
    """Mean of abs(p - t) over samples and outputs, the report's L1 loss; slope 0 at 0.

    Shapes
    ------
    p (N, ...), targets of the same shape; integer labels (N,) for K > 1 outputs become one-hot

    References
    ----------
    Equal to torch.nn.L1Loss().
    """

    def forward(self, pred: Array, target: Array) -> Array:
        self.d = self.xp.subtract(pred, target, out=self.scratch("d", pred.shape))
        return self.mean(self.xp.absolute(self.d, out=self.scratch("distance", pred.shape)))

    def backward(self) -> Array:
        d = self.xp.sign(self.d, out=self.d)
        d /= d[0].size
        return self.share(d)
