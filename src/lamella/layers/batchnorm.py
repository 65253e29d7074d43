"""Batch normalisation."""

from numpy import sqrt

from lamella.backend.workspace import replayable
from lamella.core.descriptors import checked
from lamella.core.typing import Array, Shape
from lamella.core.validation import in_range, positive
from lamella.layers.base import Layer


class BatchNorm(Layer):
    """Normalize each feature over the batch, then scale and shift it.

        n = (x - mean) / sqrt(var + eps)            y = gamma n + beta
        dx = gamma / sqrt(var + eps) (dy - mean(dy) - n mean(dy n))

    Training uses the mean and variance of the batch (the variance divided by N); evaluation uses
    the running averages of both:

        running <- momentum running + (1 - momentum) batch

    Parameters
    ----------
    momentum : float
        Weight of the old running value, in [0, 1). (In torch it is the weight of the new one.)
    eps : float
        Keeps the division finite, > 0.
    trainable : bool
        Whether training changes the layer. A frozen one normalizes by the running averages, in
        training too, and leaves them as they are: it stays the same function. (So in Keras; in
        torch it takes ``requires_grad=False`` and ``eval()`` of the module.)

    Shapes
    ------
    x (N, D) -> y (N, D);  gamma, beta, running mean and variance (D,);  N at least 2 in training

    References
    ----------
    Ioffe and Szegedy, Batch Normalization, 2015. Equal to torch.nn.BatchNorm1d(momentum=0.1): the
    running variance is the unbiased one (divided by N - 1).
    """

    min_batch = 2
    momentum: float = checked(in_range, 0, 1, right_open=True)
    eps: float = checked(positive)

    def __init__(self, momentum: float = 0.9, eps: float = 1e-5, *, trainable: bool = True) -> None:
        self.momentum, self.eps = momentum, eps
        self.trainable = trainable

    def build(self, in_shape: Shape) -> Shape:
        self.expect_ndim(in_shape, 1, hint="put Flatten() before it")
        self.gamma = self.add_param("gamma", in_shape, "ones")
        self.beta = self.add_param("beta", in_shape, "zeros")
        self.running_mean = self.add_state("running_mean", in_shape, 0.0)
        self.running_var = self.add_state("running_var", in_shape, 1.0)
        return in_shape

    @replayable
    def forward(self, x: Array, training: bool) -> Array:
        self.training = training = training and self._trainable
        mean, var = self.running_mean.value, self.running_var.value
        if training:
            mean = self.mean_rows("mean", x)
            var = self.mean_rows(
                "var", self.map("squares", lambda x, mean: (x - mean) ** 2, x, mean)
            )
            self._update_running(mean, var, len(x))
        self.inv_std = self.map(
            "inv_std", lambda var, eps: 1 / sqrt(var + eps), var, scalars=(self.eps,)
        )
        self.n = self.map("n", lambda x, mean, inv_std: (x - mean) * inv_std, x, mean, self.inv_std)
        gamma, beta = self.gamma.value, self.beta.value
        return self.map("y", lambda n, gamma, beta: gamma * n + beta, self.n, gamma, beta)

    @replayable
    def _update_running(self, mean: Array, var: Array, samples: int) -> None:
        unbiased = samples / (samples - 1)
        for state, batch, factor in (
            (self.running_mean.value, mean, 1.0),
            (self.running_var.value, var, unbiased),
        ):
            weights = self.momentum, (1 - self.momentum) * factor
            self.map(state, lambda old, new, a, b: a * old + b * new, state, batch, scalars=weights)

    @replayable
    def backward(self, dy: Array) -> Array | None:
        self.sum_rows(self.map("dx", lambda dy, n: dy * n, dy, self.n), out=self.gamma.grad)
        self.sum_rows(dy, out=self.beta.grad)
        if not self.needs_dx:
            return None
        slope = self.map("slope", lambda gamma, s: gamma * s, self.gamma.value, self.inv_std)
        if not self.training:  # mean and variance are constants then
            return self.map("dx", lambda dy, slope: dy * slope, dy, slope)
        return self.map(
            "dx",
            lambda dy, n, sum_dy_n, sum_dy, slope, c: (
                (dy - c * sum_dy - n * (c * sum_dy_n)) * slope
            ),
            *(dy, self.n, self.gamma.grad, self.beta.grad, slope),
            scalars=(1 / len(dy),),
        )

    def inference(self, x: Array) -> Array:
        n = (x - self.running_mean.value) / sqrt(self.running_var.value + self.eps)
        return self.gamma.value * n + self.beta.value
