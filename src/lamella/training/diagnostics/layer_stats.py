"""Statistics of each layer in one training step: outputs, gradients and updates."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lamella.core.typing import Array, Shape
from lamella.layers import Activation, Layer, Sigmoid, Tanh
from lamella.network.batches import Data
from lamella.network.trainable import Trainable

SATURATED: dict[type, tuple[float, float]] = {Sigmoid: (0.01, 0.99), Tanh: (-0.99, 0.99)}


@dataclass
class LayerStats:
    """Statistics of one layer in a training step; None where they do not apply.

    Attributes
    ----------
    name : str
        Index and class, such as "2 ReLU".
    declared, shape : tuple of int
        Shape of the outputs without the batch axis, as returned by ``build`` and as observed.
    mean : float
        Mean of the outputs.
    spread : float
        Standard deviation of an output over the samples, averaged over the outputs.
    dead : float
        Fraction of an activation's units that are 0 for every sample.
    saturated : float
        Fraction of the outputs of a sigmoid or tanh within 0.01 of its limits.
    output_gradient : float
        Norm of the gradient with respect to the outputs.
    gradient : float
        Norm of the gradient with respect to the parameters; None if the layer is frozen.
    update : float
        Norm of the change of the parameters in this step, divided by their norm.
    """

    name: str
    declared: Shape
    shape: Shape = ()
    mean: float = np.nan
    spread: float = np.nan
    dead: float | None = None
    saturated: float | None = None
    output_gradient: float | None = None
    gradient: float | None = None
    update: float | None = None


def observe_step(model: Trainable, data: Data) -> list[LayerStats]:
    """Do one training step and return the statistics of each layer."""
    host = model.backend.to_host
    layers: list[LayerStats] = []
    for i, layer in enumerate(model.layers):
        layers.append(_observe(layer, f"{i} {type(layer).__name__}", model.shapes[i + 1], host))
    before = [[np.array(host(p.value)) for p in layer.parameters] for layer in model.layers]
    model.step(model.batches.scale(data.x), data.y, data.weight)
    for layer, stats, old in zip(model.layers, layers, before, strict=True):
        if layer.parameters and layer.trainable:
            stats.gradient = norm(*(host(p.grad) for p in layer.parameters))
        if norm(*old):
            new = [host(p.value) for p in layer.parameters]
            change = (b.astype(float) - a for a, b in zip(old, new, strict=True))
            stats.update = norm(*change) / norm(*old)
    return layers


def _observe(
    layer: Layer, name: str, declared: Shape, host: Callable[[Array], np.ndarray]
) -> LayerStats:
    """Wrap forward and backward of a layer to fill the returned statistics."""
    stats = LayerStats(name, declared)
    forward, backward = layer.forward, layer.backward

    def observed_forward(x: Array, training: bool) -> Array:
        y = forward(x, training)
        _measure_outputs(stats, layer, host(y).astype(float))
        return y

    def observed_backward(dy: Array) -> Array | None:
        stats.output_gradient = norm(host(dy))
        return backward(dy)

    layer.forward, layer.backward = observed_forward, observed_backward  # type: ignore[method-assign]
    return stats


def norm(*arrays: np.ndarray) -> float:
    """Return the Euclidean norm of several arrays taken as one vector."""
    return float(np.sqrt(sum(float((a.astype(float) ** 2).sum()) for a in arrays)))


def _measure_outputs(stats: LayerStats, layer: Layer, y: np.ndarray) -> None:
    stats.shape = y.shape[1:]
    stats.mean = float(y.mean())
    stats.spread = float(y.std(axis=0).mean())
    if isinstance(layer, Activation) and y.min() == 0:
        stats.dead = float((y == 0).all(axis=0).mean())
    if type(layer) in SATURATED:
        low, high = SATURATED[type(layer)]
        stats.saturated = float(((y < low) | (y > high)).mean())
