"""Batch normalisation."""

from typing import Any

from numpy import sqrt

from lamella.backend.workspace import product, replayable
from lamella.core.typing import Array, Shape
from lamella.core.validation import in_range, positive
from lamella.layers.base import Layer


class BatchNorm(Layer):
    """Gives every feature mean 0 and variance 1 over the batch, then a learned scale and shift.

        n = (x - mean) / sqrt(var + eps)            y = gamma n + beta
        dx = gamma / sqrt(var + eps) (dy - mean(dy) - n mean(dy n))

    In training mean and variance are those of the batch (the variance divided by N). At
    evaluation they are running means of what was seen in training:

        running <- momentum running + (1 - momentum) batch

    Parameters
    ----------
    momentum : float
        Share of the old running value that is kept, in [0, 1). (torch names the other share.)
    eps : float
        Keeps the division finite, > 0.

    Shapes
    ------
    x (N, D) -> y (N, D);  gamma, beta, running mean and variance (D,);  N at least 2 in training

    References
    ----------
    Ioffe and Szegedy, Batch Normalization, 2015. Equal to torch.nn.BatchNorm1d(momentum=0.1): the
    running variance is the unbiased one (divided by N - 1).
    """

    min_batch = 2

    def __init__(self, momentum: float = 0.9, eps: float = 1e-5) -> None:
        self.momentum = in_range("momentum", momentum, 0, 1, right_open=True)
        self.eps = positive("eps", eps)

    def build(self, in_shape: Shape) -> Shape:
        self.expect_ndim(in_shape, 1, hint="put Flatten() before it")
        self.gamma = self.add_param("gamma", in_shape, "ones")
        self.beta = self.add_param("beta", in_shape, "zeros")
        self.running_mean = self.add_state("running_mean", in_shape, 0.0)
        self.running_var = self.add_state("running_var", in_shape, 1.0)
        return in_shape

    @replayable
    def forward(self, x: Array, training: bool) -> Array:
        self.training = training
        mean, var = self.running_mean.value, self.running_var.value
        if training:
            mean = self.mean_rows("mean", x)
            var = self.mean_rows("var", self.map("squares", squared_distance, x, mean))
            self._remember(mean, var, len(x))
        self.inv_std = self.map("inv_std", inverse_root, var, scalars=(self.eps,))
        self.n = self.map("n", normalize, x, mean, self.inv_std)
        return self.map("y", scale_and_shift, self.n, self.gamma.value, self.beta.value)

    @replayable
    def _remember(self, mean: Array, var: Array, samples: int) -> None:
        unbiased = samples / (samples - 1)
        for state, batch, factor in (
            (self.running_mean.value, mean, 1.0),
            (self.running_var.value, var, unbiased),
        ):
            shares = self.momentum, (1 - self.momentum) * factor
            self.map(state, weighted_sum, state, batch, scalars=shares)

    @replayable
    def backward(self, dy: Array) -> Array | None:
        self.sum_rows(self.map("dx", product, dy, self.n), out=self.gamma.grad)
        self.sum_rows(dy, out=self.beta.grad)
        if not self.needs_dx:
            return None
        slope = self.map("slope", product, self.gamma.value, self.inv_std)
        if not self.training:  # mean and variance are constants then
            return self.map("dx", product, dy, slope)
        sums, share = (self.gamma.grad, self.beta.grad), (1 / len(dy),)
        return self.map("dx", gradient, dy, self.n, *sums, slope, scalars=share)


def squared_distance(x: Any, mean: Any) -> Any:
    """Return (x - mean)^2."""
    return (x - mean) * (x - mean)


def inverse_root(var: Any, eps: Any) -> Any:
    """Return 1 / sqrt(var + eps)."""
    return 1 / sqrt(var + eps)


def normalize(x: Any, mean: Any, inv_std: Any) -> Any:
    """Return n."""
    return (x - mean) * inv_std


def scale_and_shift(n: Any, gamma: Any, beta: Any) -> Any:
    """Return y."""
    return gamma * n + beta


def weighted_sum(old: Any, new: Any, share: Any, rest: Any) -> Any:
    """Return share old + rest new."""
    return share * old + rest * new


def gradient(dy: Any, n: Any, sum_dy_n: Any, sum_dy: Any, slope: Any, share: Any) -> Any:
    """Return dx, where ``share`` turns sums over the batch into means."""
    return (dy - share * sum_dy - n * (share * sum_dy_n)) * slope
