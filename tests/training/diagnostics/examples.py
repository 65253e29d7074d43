"""Networks to examine, healthy and defective, and the names of the findings."""

from typing import Any

import numpy as np

import lamella as lm
from lamella.backend import Backend
from lamella.training.diagnostics.check import CheckReport
from lamella.training.diagnostics.doctor import DoctorReport
from tests.networks import Gain

Samples = tuple[np.ndarray, np.ndarray]


def classifier(
    classes: int = 3,
    last: tuple[lm.Layer, ...] = (),
    loss: lm.Loss | None = None,
    backend: str | Backend = "numpy",
) -> lm.Sequential:
    layers = [lm.Flatten(), lm.Dense(8), lm.ReLU(), lm.Dropout(0.2), lm.Dense(classes), *last]
    model = lm.Sequential(layers, seed=1, backend=backend)
    of_numbers = isinstance(loss, lm.MeanSquaredError | lm.MeanAbsoluteError)
    metrics = [] if of_numbers else ["accuracy"]
    return model.compile(loss or lm.SoftmaxCrossEntropy(), lm.Adam(0.01), metrics)


def relu_network(
    *hidden: lm.Layer, optimizer: lm.Optimizer | None = None, backend: str | Backend = "numpy"
) -> lm.Sequential:
    layers = hidden or (lm.Dense(32), lm.ReLU(), lm.Dense(16), lm.ReLU())
    model = lm.Sequential([lm.Flatten(), *layers, lm.Dense(3)], seed=1, backend=backend)
    return model.compile(lm.SoftmaxCrossEntropy(), optimizer or lm.Adam(5e-3), in_shape=(6,))


def huge(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return 50 * rng.standard_normal(shape)


class Forgetful(Gain):
    """A layer that does not set the gradient of its parameter."""

    def backward(self, dy: Any) -> Any:
        return dy * self.gain.value


class Dividing(lm.Layer):
    """A layer that divides by zero."""

    def forward(self, x: Any, training: bool) -> Any:
        return x / (x - x)

    def backward(self, dy: Any) -> Any:
        return dy


def names(report: CheckReport | DoctorReport) -> list[str]:
    """Return the names of the findings of a report."""
    return [finding.name for finding in report.findings]


def checked_names(model: lm.Sequential, x: Any, y: Any) -> list[str]:
    """Return the names of the findings of ``model.check``."""
    return names(model.check(x, y))


def dead() -> lm.Sequential:
    model = relu_network()
    model.parameters[1].value = -1000.0
    return model


DEFECTIVE: dict[str, tuple[str, str, Any]] = {
    "dead": ("dead ReLUs", "100% of the units of layer 2 ReLU", dead),
    "exploding": (
        "exploding activations",
        "layer 1 Dense",
        lambda: relu_network(
            lm.Dense(32, init=huge), lm.ReLU(), lm.Dense(16, init=huge), lm.ReLU()
        ),
    ),
    "rate too high": (
        "learning rate too high",
        "was learned in",
        lambda: relu_network(optimizer=lm.Adam(30.0)),
    ),
    "rate too low": (
        "learning rate too low",
        "was learned in",
        lambda: relu_network(optimizer=lm.SGD(1e-5)),
    ),
    "gradient forgotten": ("no gradient", "layer 1 Forgetful", lambda: relu_network(Forgetful())),
    "divides by 0": ("NaN or infinity", "layer 1 Dividing", lambda: relu_network(Dividing())),
    "diverges": (
        "NaN or infinity",
        "in step",
        lambda: relu_network(optimizer=lm.SGD(1e15)),
    ),
    "deep sigmoids": (
        "outputs all alike",
        "Sigmoid",
        lambda: relu_network(*(layer for _ in range(14) for layer in (lm.Dense(16), lm.Sigmoid()))),
    ),
}
