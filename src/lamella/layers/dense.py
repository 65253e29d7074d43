"""The fully connected layer."""

from lamella.backend.workspace import replayable
from lamella.core.typing import Array, Initializer, Shape
from lamella.core.validation import at_least, flag, positive
from lamella.layers.base import Layer, fixed_once_built
from lamella.layers.initializers import get_initializer
from lamella.layers.regularizers import Regularizer, expect_regularizer


class Dense(Layer):
    """Fully connected layer: every output is a weighted sum of every input.

        y = x W + b

    Parameters
    ----------
    units : int
        Number of outputs, at least 1.
    use_bias : bool
        Whether to add ``b``.
    init : str or function (rng, shape) -> array
        Draws ``W``; He by default, which keeps the variance of ReLU networks level from layer to
        layer. "glorot_uniform" suits tanh and sigmoid.
    regularizer : Regularizer, optional
        Penalty on ``W``; never on ``b``.
    max_norm : float, optional
        Largest norm of each unit's weights, a column of ``W``, > 0: after each step longer columns
        are scaled down to it. As torch.renorm(weight, 2, 0, max_norm).
    trainable : bool
        Whether training changes ``W`` and ``b``; see `Layer`.

    Shapes
    ------
    x (N, D) -> y (N, units);  W (D, units), b (units,)

    Raises
    ------
    ShapeError
        If the input has more than one axis of features; put ``Flatten()`` before it.

    References
    ----------
    He et al., Delving Deep into Rectifiers, 2015 (initialisation). Srivastava et al., Dropout,
    2014 (max_norm). Equal to torch.nn.Linear with W transposed.
    """

    units = fixed_once_built("units", lambda value: at_least("units", value, 1))
    use_bias = fixed_once_built("use_bias")
    init = fixed_once_built("init")
    regularizer = fixed_once_built("regularizer", expect_regularizer)
    max_norm = fixed_once_built(
        "max_norm", lambda value: None if value is None else positive("max_norm", value)
    )

    def __init__(
        self,
        units: int,
        *,
        use_bias: bool = True,
        init: str | Initializer = "he_normal",
        regularizer: Regularizer | None = None,
        max_norm: float | None = None,
        trainable: bool = True,
    ) -> None:
        self.units = units
        self.use_bias = flag("use_bias", use_bias)
        self.init = init
        get_initializer(init)
        self.regularizer = regularizer
        self.max_norm = max_norm
        self.trainable = trainable

    def build(self, in_shape: Shape) -> Shape:
        (features,) = self.expect_ndim(in_shape, 1, hint="put Flatten() before it")
        self.W = self.add_param("W", (features, self.units), self.init, self.regularizer)
        self.W.max_norm = self.max_norm
        self.b = self.add_param("b", (self.units,)) if self.use_bias else None
        return (self.units,)

    @replayable
    def forward(self, x: Array, training: bool) -> Array:
        self.x = x
        y = self.scratch("y", (len(x), self.units))
        return self.dot(x, self.W.value, out=y, bias=None if self.b is None else self.b.value)

    @replayable
    def backward(self, dy: Array) -> Array | None:
        self.dot(self.x.T, dy, out=self.W.grad)
        if self.b is not None:
            self.sum_rows(dy, out=self.b.grad)
        if not self.needs_dx:
            return None
        return self.dot(dy, self.W.value.T, out=self.scratch("dx", self.x.shape))

    def inference(self, x: Array) -> Array:
        y = x @ self.W.value
        return y if self.b is None else y + self.b.value
