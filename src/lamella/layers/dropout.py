"""Dropout."""

from lamella.backend.workspace import replayable
from lamella.core.descriptors import checked
from lamella.core.typing import Array
from lamella.core.validation import in_range
from lamella.layers.base import Layer


class Dropout(Layer):
    """Zero a random fraction of the inputs in training and scale up the rest (inverted dropout).

        y = x mask,   mask = 1 / (1 - rate) with probability 1 - rate, else 0

    ``rate``, in [0, 1), is the fraction to zero. Evaluation passes everything unchanged. The
    fraction that is kept is rounded to a multiple of 2^-16, the resolution of the random numbers.

    References
    ----------
    Srivastava et al., Dropout: A Simple Way to Prevent Neural Networks from Overfitting, 2014.
    """

    rate: float = checked(in_range, 0, 1, right_open=True)

    def __init__(self, rate: float) -> None:
        self.rate = rate

    @replayable
    def forward(self, x: Array, training: bool) -> Array:
        self.mask = None
        if not training or self.rate == 0:
            return x
        self.mask = self.rng.dropout_mask(1 - self.rate, out=self.scratch("mask", x.shape))
        return self.map("y", lambda x, mask: x * mask, x, self.mask)

    @replayable
    def backward(self, dy: Array) -> Array:
        if self.mask is None:
            return dy
        return self.map("dx", lambda dy, mask: dy * mask, dy, self.mask)

    def inference(self, x: Array) -> Array:
        return x
