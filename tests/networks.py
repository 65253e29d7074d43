"""Small networks and custom parts, and comparisons of trained models."""

from collections.abc import Iterable
from typing import Any

import numpy as np

import lamella as lm
from lamella.backend import Backend


class Gain(lm.Layer):
    """Multiply every feature by a learned gain and a constant factor."""

    def __init__(self, factor: float = 1.0) -> None:
        self.factor = factor

    def build(self, in_shape: Any) -> Any:
        self.gain = self.add_param("gain", in_shape, init="ones")
        return in_shape

    def forward(self, x: Any, training: bool) -> Any:
        self.x = x
        return x * self.gain.value * self.factor

    def backward(self, dy: Any) -> Any:
        self.gain.grad = (dy * self.x).sum(axis=0) * self.factor
        return dy * self.gain.value * self.factor


def halves(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """A custom initializer: 0.5 everywhere."""
    return np.full(shape, 0.5)


def small_layers() -> list[lm.Layer]:
    """Return layers with states, random masks and a penalty."""
    return [
        lm.Dense(8, regularizer=lm.L2(1e-3)),
        lm.BatchNorm(),
        lm.ReLU(),
        lm.Dropout(0.2),
        lm.Dense(3),
    ]


def small_classifier(
    backend: Backend | str = "numpy", lr: float = 0.01, seed: int = 1, **options: Any
) -> lm.Sequential:
    """Return a compiled classifier of three classes with `small_layers`."""
    model = lm.Sequential(small_layers(), seed=seed, backend=backend, **options)
    return model.compile(lm.SoftmaxCrossEntropy(), lm.Adam(lr), ["accuracy"])


def without_times(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows of a history without the seconds of each epoch."""
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


def state_of(model: lm.Sequential) -> dict[str, Any]:
    """Return everything that decides the next steps: weights, states, moments, random streams."""
    draws = [layer.rng.draws for layer in model.layers]
    return {**model.state_dict(), **model.optimizer.state_dict(), "draws": draws}


def snapshot(model: lm.Sequential) -> dict[str, Any]:
    """Return the state of a model that was fitted, and its history without times."""
    return {
        **state_of(model),
        "epochs": model.epochs_done,
        "learning rate": model.optimizer.learning_rate,
        "rows": without_times(model.history.rows),
        "steps": model.history.steps,
        "stop reason": model.stop_reason,
    }


def bits_of(model: lm.Sequential) -> dict[str, bytes | str]:
    """Return `snapshot` in a form that is equal only for equal bits."""
    return {
        name: value.tobytes() if isinstance(value, np.ndarray) else repr(value)
        for name, value in snapshot(model).items()
    }


def diverging_classifier(backend: Backend | str = "numpy") -> lm.Sequential:
    """Return a compiled classifier whose second step overflows."""
    model = lm.Sequential([lm.Dense(4), lm.ReLU(), lm.Dense(3)], seed=1, backend=backend)
    return model.compile(lm.SoftmaxCrossEntropy(), lm.SGD(1e30))
