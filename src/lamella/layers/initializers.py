"""Initial values of parameters: functions ``(rng, shape) -> host array``.

Weights of shape (..., fan_in, fan_out) are drawn on the host, so a seed gives the same values on
every backend. Your own initializer is any function of that form.
"""

from __future__ import annotations  # numpy.random is imported only when it is used

import math

import numpy as np

from lamella.core.errors import ArgumentError
from lamella.core.names import public_names, suggestion
from lamella.core.typing import Initializer, Shape


def zeros(rng: np.random.Generator, shape: Shape) -> np.ndarray:
    """All 0: for biases."""
    return np.zeros(shape)


def ones(rng: np.random.Generator, shape: Shape) -> np.ndarray:
    """All 1: for scales."""
    return np.ones(shape)


def he_normal(rng: np.random.Generator, shape: Shape) -> np.ndarray:
    """Normal with variance 2 / fan_in: keeps the scale through ReLU layers (He et al., 2015)."""
    return rng.standard_normal(shape) * math.sqrt(2 / _fans(shape)[0])


def he_uniform(rng: np.random.Generator, shape: Shape) -> np.ndarray:
    """Uniform with variance 2 / fan_in (He et al., 2015)."""
    limit = math.sqrt(6 / _fans(shape)[0])
    return rng.uniform(-limit, limit, shape)


def glorot_normal(rng: np.random.Generator, shape: Shape) -> np.ndarray:
    """Normal with variance 2 / (fan_in + fan_out): for tanh (Glorot and Bengio, 2010)."""
    return rng.standard_normal(shape) * math.sqrt(2 / sum(_fans(shape)))


def glorot_uniform(rng: np.random.Generator, shape: Shape) -> np.ndarray:
    """Uniform with variance 2 / (fan_in + fan_out) (Glorot and Bengio, 2010)."""
    limit = math.sqrt(6 / sum(_fans(shape)))
    return rng.uniform(-limit, limit, shape)


def standard_normal(rng: np.random.Generator, shape: Shape) -> np.ndarray:
    """Normal with variance 1 for every width: the initialisation of the report's networks."""
    return rng.standard_normal(shape)


INITIALIZERS: dict[str, Initializer] = {
    function.__name__: function
    for function in (
        zeros,
        ones,
        he_normal,
        he_uniform,
        glorot_normal,
        glorot_uniform,
        standard_normal,
    )
}


def get_initializer(init: str | Initializer) -> Initializer:
    """Return the initializer of this name, or ``init`` itself if it is a function already."""
    if callable(init):
        return init
    if not isinstance(init, str) or init not in INITIALIZERS:
        found = suggestion(init, INITIALIZERS) if isinstance(init, str) else None
        raise ArgumentError(
            f"init must be a function (rng, shape) -> array or one of {', '.join(INITIALIZERS)}; "
            f"got {init!r}{f': {found}' if found else ''}"
        )
    return INITIALIZERS[init]


__getattr__, __dir__ = public_names(__name__, [*INITIALIZERS])


def _fans(shape: Shape) -> tuple[int, int]:
    """Inputs and outputs of one unit; leading axes (a window) count for both."""
    if len(shape) < 2:
        raise ArgumentError(
            f"a parameter of shape {shape} has no fan-in: use 'zeros' or 'ones' for vectors"
        )
    window = math.prod(shape[:-2])
    return window * shape[-2], window * shape[-1]
