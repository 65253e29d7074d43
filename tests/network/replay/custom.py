"""Layers and losses that somebody else has written."""

from typing import Any

import numpy as np

import lamella as lm
from lamella.backend.workspace import replayable


class Twice(lm.Layer):
    """A layer that lamella knows nothing about."""

    def forward(self, x: Any, training: bool) -> Any:
        return np.multiply(x, 2, out=self.scratch("y", x.shape))

    def backward(self, dy: Any) -> Any:
        return np.multiply(dy, 2, out=self.scratch("dx", dy.shape))


class Third(lm.MeanSquaredError):
    """A loss that lamella knows nothing about."""

    def forward(self, pred: Any, target: Any) -> Any:
        self.d = np.subtract(pred, target, out=self.scratch("d", pred.shape))
        return self.mean(np.square(self.d, out=self.scratch("squares", pred.shape)))

    def backward(self) -> Any:
        return self.scale_by_batch(np.multiply(self.d, 2 / 3, out=self.d))


class Steep(lm.SoftmaxCrossEntropy):
    """Another that takes the same targets."""

    def backward(self) -> Any:
        gradients = super().backward()
        gradients *= 3
        return gradients


class Marked(lm.Layer):
    """A layer of somebody who has read the documentation."""

    scalars: tuple[str, ...] = ()

    def __init__(self, factor: float) -> None:
        self.factor = factor

    def build(self, in_shape: tuple[int, ...]) -> tuple[int, ...]:
        self.shift = self.add_param("shift", in_shape, "ones")
        return in_shape

    @replayable
    def forward(self, x: Any, training: bool) -> Any:
        return self.map("y", scale_and_add, x, self.shift.value, scalars=(self.factor,))

    @replayable
    def backward(self, dy: Any) -> Any:
        self.sum_rows(dy, out=self.shift.grad)
        return self.map("dx", scaled, dy, scalars=(self.factor,))


def scale_and_add(x: Any, shift: Any, factor: Any) -> Any:
    return factor * x + shift


def scaled(x: Any, factor: Any) -> Any:
    return factor * x
