"""Batch normalisation."""

from lamella.arguments import in_range, positive
from lamella.arrays import Array, Shape
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
        self.expect_rank(in_shape, 1, hint="put Flatten() before it")
        self.gamma = self.add_param("gamma", in_shape, "ones")
        self.beta = self.add_param("beta", in_shape, "zeros")
        self.running_mean = self.add_state("running_mean", in_shape, 0.0)
        self.running_var = self.add_state("running_var", in_shape, 1.0)
        return in_shape

    def forward(self, x: Array, training: bool) -> Array:
        xp, features = self.xp, x.shape[1:]
        self.training = training
        self.n = n = self.scratch("n", x.shape)
        y = self.scratch("y", x.shape)
        self.inv_std = inv_std = self.scratch("inv_std", features)
        if training:
            mean = x.mean(axis=0, out=self.scratch("mean", features))
            xp.subtract(x, mean, out=n)
            xp.multiply(n, n, out=y)
            var = y.mean(axis=0, out=self.scratch("var", features))
            xp.add(var, self.eps, out=inv_std)
            self._remember(mean, var, len(x))
        else:
            xp.subtract(x, self.running_mean.value, out=n)
            xp.add(self.running_var.value, self.eps, out=inv_std)
        xp.sqrt(inv_std, out=inv_std)
        xp.divide(1, inv_std, out=inv_std)
        n *= inv_std
        xp.multiply(n, self.gamma.value, out=y)
        y += self.beta.value
        return y

    def _remember(self, mean: Array, var: Array, samples: int) -> None:
        unbiased = samples / (samples - 1)
        batch = self.scratch("batch", mean.shape)
        for running, value, factor in (
            (self.running_mean.value, mean, 1.0),
            (self.running_var.value, var, unbiased),
        ):
            running *= self.momentum
            running += self.xp.multiply(value, (1 - self.momentum) * factor, out=batch)

    def backward(self, dy: Array) -> Array | None:
        xp, features = self.xp, dy.shape[1:]
        dx = xp.multiply(dy, self.n, out=self.scratch("dx", dy.shape))
        dx.sum(axis=0, out=self.gamma.grad)
        dy.sum(axis=0, out=self.beta.grad)
        if not self.needs_dx:
            return None
        slope = xp.multiply(self.gamma.value, self.inv_std, out=self.scratch("slope", features))
        if not self.training:  # mean and variance are constants then
            return xp.multiply(dy, slope, out=dx)
        # gamma.grad / N is mean(dy n) and beta.grad / N is mean(dy).
        share = self.scratch("share", features)
        xp.multiply(self.n, xp.divide(self.gamma.grad, len(dy), out=share), out=dx)
        xp.subtract(dy, dx, out=dx)
        dx -= xp.divide(self.beta.grad, len(dy), out=share)
        dx *= slope
        return dx
