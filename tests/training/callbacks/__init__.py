"""Tests of the callbacks, with a small model."""

import numpy as np

import lamella as lm
from lamella.backend import Backend


def samples(n: int = 40, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Three clouds of points, and which cloud each belongs to."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, n)
    return (rng.standard_normal((n, 6)) + 2 * np.eye(3, 6)[y]).astype("float32"), y


def compiled(backend: Backend | str = "numpy", lr: float = 0.05) -> lm.Sequential:
    """A small classifier with states, dropout and a penalty."""
    layers = [
        lm.Dense(8, regularizer=lm.L2(1e-3)),
        lm.BatchNorm(),
        lm.ReLU(),
        lm.Dropout(0.2),
        lm.Dense(3),
    ]
    model = lm.Sequential(layers, seed=1, backend=backend)
    return model.compile(lm.SoftmaxCrossEntropy(), lm.Adam(lr), ["accuracy"])


def diverging(backend: Backend | str = "numpy") -> lm.Sequential:
    """A model whose second step overflows."""
    model = lm.Sequential([lm.Dense(4), lm.ReLU(), lm.Dense(3)], seed=1, backend=backend)
    return model.compile(lm.SoftmaxCrossEntropy(), lm.SGD(1e30))
