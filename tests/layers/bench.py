"""One layer at a time, with numpy arrays as inputs and results."""

from collections.abc import Callable
from typing import Any

import numpy as np

import lamella as lm
from lamella.backend import Backend


class Bench:
    """A layer alone in a model, asked for all gradients; host arrays go in, copies come out."""

    def __init__(
        self, layer: lm.Layer, in_shape: tuple[int, ...], backend: Backend, dtype: str = "float64"
    ) -> None:
        self.layer, self.backend = layer, backend
        self.model = lm.Sequential([layer], seed=7, backend=backend, dtype=dtype).build(in_shape)
        self.out_shape = self.model.shapes[-1]
        layer.needs_dx = True

    def forward(self, x: Any, training: bool = True) -> np.ndarray:
        sent = self.backend.asarray(x, self.layer.dtype)
        return np.array(self.backend.to_host(self.layer.forward(sent, training)))

    def backward(self, dy: Any) -> np.ndarray:
        sent = self.backend.asarray(dy, self.layer.dtype)
        dx = self.layer.backward(sent)
        assert dx is not None
        return np.array(self.backend.to_host(dx))

    def host(self, name: str) -> np.ndarray:
        """Return the value of a parameter or state, by its attribute."""
        return np.array(self.backend.to_host(getattr(self.layer, name).value))

    def grad(self, name: str) -> np.ndarray:
        return np.array(self.backend.to_host(getattr(self.layer, name).grad))

    def assign(self, **values: Any) -> None:
        """Set parameters or states, by attribute."""
        for name, value in values.items():
            getattr(self.layer, name).value = self.backend.asarray(value, self.layer.dtype)


def softmax(x: np.ndarray) -> np.ndarray:
    return np.exp(x) / np.exp(x).sum(axis=-1, keepdims=True)


def slope(function: Callable[[np.ndarray], float], at: np.ndarray) -> np.ndarray:
    """Return the gradient of a number as a function of an array, by central differences."""
    gradient = np.empty(at.shape)
    for index in np.ndindex(at.shape):
        step = np.zeros(at.shape)
        step[index] = 1e-6
        gradient[index] = (function(at + step) - function(at - step)) / 2e-6
    return gradient


def assert_gradients(bench: Bench, x: np.ndarray, training: bool = True) -> None:
    """Compare backward with central differences, at the inputs and at every parameter."""
    dy = np.random.default_rng(5).standard_normal((len(x), *bench.out_shape))

    def objective(inputs: np.ndarray) -> float:
        bench.layer.rng.draws = 0  # the same mask each time
        return float((bench.forward(inputs, training) * dy).sum())

    objective(x)
    dx = bench.backward(dy)
    grads = [np.array(bench.backend.to_host(p.grad)) for p in bench.layer.parameters]
    np.testing.assert_allclose(dx, slope(objective, x), rtol=1e-6, atol=1e-8)
    for parameter, grad in zip(bench.layer.parameters, grads, strict=True):
        start = np.array(bench.backend.to_host(parameter.value))

        def moved(value: np.ndarray, parameter: Any = parameter) -> float:
            parameter.value = bench.backend.asarray(value)
            return objective(x)

        expected = slope(moved, start)
        parameter.value = bench.backend.asarray(start)
        np.testing.assert_allclose(grad, expected, rtol=1e-6, atol=1e-8, err_msg=parameter.name)
