"""Layer normalisation."""

from numpy import sqrt

from lamella.backend.workspace import replayable
from lamella.core.descriptors import checked
from lamella.core.errors import ShapeError
from lamella.core.typing import Array, Shape
from lamella.core.validation import positive
from lamella.layers.base import Layer


class LayerNorm(Layer):
    """Normalize each sample over its features, then scale and shift each feature.

        n = (x - mean) / sqrt(var + eps)            y = gamma n + beta
        dx = (dn - mean(dn) - n mean(dn n)) / sqrt(var + eps),   dn = gamma dy

    Unlike `BatchNorm` it is the same in training and evaluation, and for a batch of any size.
    ``eps`` > 0 keeps the division finite; ``trainable`` is that of `Layer`.

    Shapes
    ------
    x (N, D) -> y (N, D);  gamma, beta (D,);  D at least 2, since n of a single feature is 0

    References
    ----------
    Ba et al., Layer Normalization, 2016. Equal to torch.nn.LayerNorm(D).
    """

    eps: float = checked(positive)

    def __init__(self, *, eps: float = 1e-5, trainable: bool = True) -> None:
        self.eps, self.trainable = eps, trainable

    def build(self, in_shape: Shape) -> Shape:
        (features,) = self.expect_ndim(in_shape, 1, hint="put Flatten() before it")
        if features == 1:
            raise ShapeError("LayerNorm turns a single feature into 0: it needs at least 2")
        self.gamma = self.add_param("gamma", in_shape, "ones")
        self.beta = self.add_param("beta", in_shape, "zeros")
        return in_shape

    @replayable
    def forward(self, x: Array, training: bool) -> Array:
        size = (x.shape[1],)
        total = self.row_totals("total", x)
        d = self.map("n", lambda x, total, k: x - total / k, x, total, scalars=size)
        total = self.row_totals("total", self.map("squares", lambda d: d * d, d))
        self.inv_std = self.map(
            "inv_std", lambda v, k, eps: 1 / sqrt(v / k + eps), total, scalars=(*size, self.eps)
        )
        self.n = self.map(d, lambda d, inv_std: d * inv_std, d, self.inv_std)
        gamma, beta = self.gamma.value, self.beta.value
        return self.map("y", lambda n, gamma, beta: gamma * n + beta, self.n, gamma, beta)

    @replayable
    def backward(self, dy: Array) -> Array | None:
        self.sum_rows(self.map("dn", lambda dy, n: dy * n, dy, self.n), out=self.gamma.grad)
        self.sum_rows(dy, out=self.beta.grad)
        if not self.needs_dx:
            return None
        dn = self.map("dn", lambda dy, gamma: dy * gamma, dy, self.gamma.value)
        slope = self.row_totals("slope", self.map("dx", lambda dn, n: dn * n, dn, self.n))
        return self.map(
            "dx",
            lambda dn, n, total, slope, s, k: (dn - total / k - n * (slope / k)) * s,
            *(dn, self.n, self.row_totals("total", dn), slope, self.inv_std),
            scalars=(dy.shape[1],),
        )

    def inference(self, x: Array) -> Array:
        d = x - x.mean(axis=-1, keepdims=True)
        n = d / sqrt((d * d).mean(axis=-1, keepdims=True) + self.eps)
        return self.gamma.value * n + self.beta.value
