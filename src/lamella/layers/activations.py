"""Activations: functions of one number, and Softmax, a function of all scores of a sample."""

from lamella.arguments import in_range
from lamella.arrays import Array
from lamella.layers.base import Layer


class ReLU(Layer):
    """Rectifier, ``y = max(x, 0)``, element by element. Its slope at 0 is taken as 0."""

    def forward(self, x: Array, training: bool) -> Array:
        self.y = self.xp.maximum(x, 0, out=self.scratch("y", x.shape))
        return self.y

    def backward(self, dy: Array) -> Array:
        # y > 0 exactly where x > 0: the output says all that backward needs to know.
        lit = self.xp.greater(self.y, 0, out=self.scratch("lit", dy.shape, bool))
        return self.xp.multiply(dy, lit, out=self.scratch("dx", dy.shape))


class LeakyReLU(Layer):
    """Rectifier that lets a little through below 0: ``y = max(x, slope x)``.

    Parameters
    ----------
    slope : float
        Slope below 0 (and at 0), in [0, 1].

    References
    ----------
    Maas et al., Rectifier Nonlinearities Improve Neural Network Acoustic Models, 2013.
    """

    def __init__(self, slope: float = 0.01) -> None:
        self.slope = in_range("slope", slope, 0, 1)

    def forward(self, x: Array, training: bool) -> Array:
        self.x = x
        y = self.xp.multiply(x, self.slope, out=self.scratch("y", x.shape))
        return self.xp.maximum(x, y, out=y)

    def backward(self, dy: Array) -> Array:
        lit = self.xp.greater(self.x, 0, out=self.scratch("lit", dy.shape, bool))
        # The slope is 1 where lit and `slope` elsewhere: slope + (1 - slope) lit.
        factor = self.xp.multiply(lit, 1 - self.slope, out=self.scratch("factor", dy.shape))
        factor += self.slope
        return self.xp.multiply(dy, factor, out=self.scratch("dx", dy.shape))


class Sigmoid(Layer):
    """Logistic function, ``y = 1 / (1 + exp(-x))``; exact to the last digits on both sides of 0."""

    gives_probabilities = True

    def forward(self, x: Array, training: bool) -> Array:
        # exp(min(x, 0)) / (1 + exp(-|x|)) is the same number, and neither exponential overflows.
        xp = self.xp
        below = xp.absolute(x, out=self.scratch("below", x.shape))
        below = xp.exp(xp.negative(below, out=below), out=below)
        below += 1
        y = xp.minimum(x, 0, out=self.scratch("y", x.shape))
        self.y = xp.divide(xp.exp(y, out=y), below, out=y)
        return self.y

    def backward(self, dy: Array) -> Array:
        dx = self.xp.subtract(1, self.y, out=self.scratch("dx", dy.shape))
        dx *= self.y
        dx *= dy
        return dx


class Tanh(Layer):
    """Hyperbolic tangent, ``y = tanh(x)``, with slope ``1 - y^2``."""

    def forward(self, x: Array, training: bool) -> Array:
        self.y = self.xp.tanh(x, out=self.scratch("y", x.shape))
        return self.y

    def backward(self, dy: Array) -> Array:
        dx = self.xp.multiply(self.y, self.y, out=self.scratch("dx", dy.shape))
        dx = self.xp.subtract(1, dx, out=dx)
        dx *= dy
        return dx


class Softmax(Layer):
    """Turns scores into probabilities that sum to 1, over the last axis.

        y_i = exp(x_i) / sum_j exp(x_j)
        dx  = J dy,   J = diag(y) - y y^T     that is   dx_i = y_i (dy_i - sum_j dy_j y_j)

    The row's maximum is subtracted first, which changes nothing and keeps exp finite. For
    training with cross-entropy leave this layer out and use `SoftmaxCrossEntropy` on the logits.
    """

    gives_probabilities = True

    def forward(self, x: Array, training: bool) -> Array:
        row = (*x.shape[:-1], 1)
        top = x.max(axis=-1, keepdims=True, out=self.scratch("top", row))
        y = self.xp.subtract(x, top, out=self.scratch("y", x.shape))
        self.xp.exp(y, out=y)
        y /= y.sum(axis=-1, keepdims=True, out=self.scratch("sum", row))
        self.y = y
        return y

    def backward(self, dy: Array) -> Array:
        dx = self.xp.multiply(dy, self.y, out=self.scratch("dx", dy.shape))
        mean = dx.sum(axis=-1, keepdims=True, out=self.scratch("mean", (*dy.shape[:-1], 1)))
        self.xp.subtract(dy, mean, out=dx)
        dx *= self.y
        return dx
