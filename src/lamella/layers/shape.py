"""Layers that only change shapes."""

import math

from lamella.backend.workspace import replayable
from lamella.core.typing import Array, Shape
from lamella.layers.base import Layer


class Flatten(Layer):
    """Flatten the features of each sample; inputs that are rows already pass unchanged.

    Shapes
    ------
    x (N, ...) -> y (N, product of the other axes): (N, 28, 28) and (N, 784) both give (N, 784)
    """

    takes_any_shape = True

    def build(self, in_shape: Shape) -> Shape:
        self.features = math.prod(in_shape)
        return (self.features,)

    @replayable
    def forward(self, x: Array, training: bool) -> Array:
        self.in_shape = x.shape[1:]
        return x.reshape(len(x), self.features)

    @replayable
    def backward(self, dy: Array) -> Array:
        return dy.reshape(len(dy), *self.in_shape)

    def inference(self, x: Array) -> Array:
        return x  # exports take the shape from build
