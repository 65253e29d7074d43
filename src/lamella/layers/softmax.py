"""Softmax: turn the scores of a sample into probabilities."""

from numpy import errstate, exp

from lamella.backend.workspace import replayable
from lamella.core.errors import ShapeError
from lamella.core.typing import Array
from lamella.layers.base import Layer


class Softmax(Layer):
    """Turn scores into probabilities that sum to 1, over the last axis.

        y_i = exp(x_i) / sum_j exp(x_j)
        dx  = J dy,   J = diag(y) - y y^T     that is   dx_i = y_i (dy_i - sum_j dy_j y_j)

    The row's maximum is subtracted first, which changes nothing and keeps exp finite. For
    training with cross-entropy leave this layer out and use `SoftmaxCrossEntropy` on the logits.
    """

    gives_probabilities = True

    @replayable
    def forward(self, x: Array, training: bool) -> Array:
        self.y = self.scratch("y", x.shape)
        loop = self.backend.compile(softmax_of_each)
        if loop is None:
            self._softmax_of_all(x)
        else:
            loop(_samples(x), _samples(self.y))
        return self.y

    @replayable
    def backward(self, dy: Array) -> Array:
        dx = self.scratch("dx", dy.shape)
        loop = self.backend.compile(gradient_of_each)
        if loop is None:
            self._gradient_of_all(dy, dx)
        else:
            loop(_samples(dy), _samples(self.y), _samples(dx))
        return dx

    def inference(self, x: Array) -> Array:
        p = exp(x - x.max(axis=-1, keepdims=True))
        return p / p.sum(axis=-1, keepdims=True)

    def _softmax_of_all(self, x: Array) -> None:
        """Fill ``self.y`` by operations on whole arrays."""
        y, row = self.y, (*x.shape[:-1], 1)
        top = x.max(axis=-1, keepdims=True, out=self.scratch("top", row))
        with errstate(over="ignore"):  # -inf, whose exp is 0, is right
            self.xp.subtract(x, top, out=y)
        self.xp.exp(y, out=y)
        y /= y.sum(axis=-1, keepdims=True, out=self.scratch("sum", row))

    def _gradient_of_all(self, dy: Array, dx: Array) -> None:
        """Fill ``dx`` by operations on whole arrays."""
        self.xp.multiply(dy, self.y, out=dx)
        mean = dx.sum(axis=-1, keepdims=True, out=self.scratch("mean", (*dy.shape[:-1], 1)))
        self.xp.subtract(dy, mean, out=dx)
        dx *= self.y


def softmax_of_each(x: Array, y: Array) -> None:
    """Fill ``y`` sample by sample; to be compiled."""
    for n in range(len(x)):
        top = x[n, 0]
        for k in range(1, x.shape[1]):
            top = max(top, x[n, k])
        total = exp(x[n, 0] - top)
        y[n, 0] = total
        for k in range(1, x.shape[1]):
            y[n, k] = exp(x[n, k] - top)
            total += y[n, k]
        for k in range(x.shape[1]):
            y[n, k] /= total


def gradient_of_each(dy: Array, y: Array, dx: Array) -> None:
    """Fill ``dx`` sample by sample; to be compiled."""
    if dy.shape != y.shape:
        raise ShapeError("the gradient of Softmax must have the shape of its output")
    for n in range(len(y)):
        mean = dy[n, 0] * y[n, 0]
        for k in range(1, y.shape[1]):
            mean += dy[n, k] * y[n, k]
        for k in range(y.shape[1]):
            dx[n, k] = (dy[n, k] - mean) * y[n, k]


def _samples(array: Array) -> Array:
    """Return an array as a matrix with all of its last axis in a row."""
    return array.reshape(-1, array.shape[-1])
