"""One step of training, watched: what each layer gives, gets back and changes."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lamella.core.typing import Array, Shape
from lamella.layers import Activation, Layer, Sigmoid, Tanh
from lamella.network.batches import Data
from lamella.network.trainable import Trainable

SATURATED: dict[type, tuple[float, float]] = {Sigmoid: (0.01, 0.99), Tanh: (-0.99, 0.99)}


@dataclass
class LayerHealth:
    """What one layer did in a step. What a layer does not have is None.

    Attributes
    ----------
    name : str
        Its place and class, such as "2 ReLU".
    declared, shape : tuple of int
        Of its outputs, without the batch axis: as ``build`` said, and as they came.
    mean, size : float
        Mean of the outputs, and their typical size, the root of the mean square.
    spread : float
        How much an output differs between samples: standard deviation, mean over the outputs.
    dead : float
        Of an activation's units, the share that was 0 for every sample.
    saturated : float
        Share of a sigmoid's or tanh's outputs that are within a hundredth of its limits.
    arriving : float
        Norm of the gradient at its outputs.
    gradient : float
        Norm of the gradients of its parameters.
    update : float
        Norm of the change of its parameters in this step, divided by their norm.
    """

    name: str
    declared: Shape
    shape: Shape = ()
    mean: float = np.nan
    size: float = np.nan
    spread: float = np.nan
    dead: float | None = None
    saturated: float | None = None
    arriving: float | None = None
    gradient: float | None = None
    update: float | None = None


def watched_step(model: Trainable, data: Data) -> list[LayerHealth]:
    """Do one step of training and return what each layer did."""
    host = model.backend.to_host
    layers: list[LayerHealth] = []
    for i, layer in enumerate(model.layers):
        layers.append(_watched(layer, f"{i} {type(layer).__name__}", model.shapes[i + 1], host))
    before = [[np.array(host(p.value)) for p in layer.parameters] for layer in model.layers]
    model.step(model.batches.scale(data.x), data.y, data.weight)
    for layer, health, old in zip(model.layers, layers, before, strict=True):
        if layer.parameters:
            health.gradient = norm(*(host(p.grad) for p in layer.parameters))
        if norm(*old):
            new = [host(p.value) for p in layer.parameters]
            change = (b.astype(float) - a for a, b in zip(old, new, strict=True))
            health.update = norm(*change) / norm(*old)
    return layers


def _watched(
    layer: Layer, name: str, declared: Shape, host: Callable[[Array], np.ndarray]
) -> LayerHealth:
    """Let a layer note what goes through it, and return where it does."""
    health = LayerHealth(name, declared)
    forward, backward = layer.forward, layer.backward

    def watched_forward(x: Array, training: bool) -> Array:
        y = forward(x, training)
        _note_outputs(health, layer, host(y).astype(float))
        return y

    def watched_backward(dy: Array) -> Array | None:
        health.arriving = norm(host(dy))
        return backward(dy)

    layer.forward, layer.backward = watched_forward, watched_backward  # type: ignore[method-assign]
    return health


def norm(*arrays: np.ndarray) -> float:
    """Return the norm of all numbers of some arrays together."""
    return float(np.sqrt(sum(float((a.astype(float) ** 2).sum()) for a in arrays)))


def _note_outputs(health: LayerHealth, layer: Layer, y: np.ndarray) -> None:
    health.shape = y.shape[1:]
    health.mean = float(y.mean())
    health.size = float(np.sqrt((y * y).mean()))
    health.spread = float(y.std(axis=0).mean())
    if isinstance(layer, Activation) and y.min() == 0:
        health.dead = float((y == 0).all(axis=0).mean())
    if type(layer) in SATURATED:
        low, high = SATURATED[type(layer)]
        health.saturated = float(((y < low) | (y > high)).mean())
