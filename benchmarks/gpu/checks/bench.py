"""Outcomes of checks, and the networks that they train."""

import functools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

import lamella as lm
from benchmarks.gpu.device import open_backend
from lamella.backend import Backend, NumpyBackend
from tests.networks import bits_of

Figures = dict[str, Any]  # JSON data


REFERENCE = NumpyBackend("reference")  # without numba, which would compile for a minute


class WrongError(AssertionError):
    """A number is not what it should be."""


class SkippedError(Exception):
    """A check cannot run here; the message gives the reason."""


def expect(condition: Any, message: str) -> None:
    """Raise a WrongError with the message unless the condition holds."""
    if not condition:
        raise WrongError(message)


def expect_close(name: str, found: Any, expected: Any, rtol: float, atol: float = 0.0) -> float:
    """Return the largest difference between arrays, or raise a WrongError if it is too large."""
    found, expected = np.asarray(found, float), np.asarray(expected, float)
    expect(found.shape == expected.shape, f"{name}: shape {found.shape}, not {expected.shape}")
    difference = np.abs(found - expected)
    bad = ~(difference <= atol + rtol * np.abs(expected))  # NaN is bad
    expect(
        not bad.any(),
        f"{name}: {bad.sum()} of {bad.size} numbers are off by up to "
        f"{np.nanmax(difference) if not np.isnan(difference).all() else np.nan:.3g}",
    )
    return float(difference.max(initial=0))


@functools.cache
def read_mnist() -> tuple[lm.datasets.Samples, lm.datasets.Samples]:
    return lm.datasets.mnist()


@dataclass(frozen=True)
class Bench:
    """The device under test and the sizes of the networks there.

    Attributes
    ----------
    device : {"gpu", "cpu"}
        "cpu" is lamella's stand-in for cupy, with sizes that it trains in seconds.
    """

    device: str

    @property
    def is_gpu(self) -> bool:
        return self.device == "gpu"

    @functools.cached_property
    def backend(self) -> Backend:
        if not self.is_gpu:
            from lamella.testing.strict_cupy.raw_kernels import compiler_problem

            if problem := compiler_problem():
                raise SkippedError(problem)
        return open_backend(self.device)

    @property
    def hidden(self) -> list[int]:
        """Widths of the network that most checks train: 784-256-30-10 on a GPU."""
        return [256, 30] if self.is_gpu else [20, 12]

    @property
    def batch(self) -> int:
        return 64 if self.is_gpu else 16

    def data(self, batches: float) -> tuple[np.ndarray, np.ndarray]:
        """Return images and labels of so many batches."""
        return self.samples(int(batches * self.batch))

    def samples(self, count: int, test: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """Return the first images and labels of MNIST, on the stand-in a quarter of the pixels."""
        samples = read_mnist()[test]
        step = 1 if self.is_gpu else 2
        return np.ascontiguousarray(samples.x[:count, ::step, ::step]), samples.y[:count]

    def host(self, array: Any) -> np.ndarray:
        return self.backend.to_host(array)


@contextmanager
def capture(is_on: bool) -> Iterator[None]:
    """Switch the captured step on or off for models that are trained in this block."""
    before = os.environ.get("LAMELLA_CAPTURE")
    os.environ["LAMELLA_CAPTURE"] = "1" if is_on else "0"
    try:
        yield
    finally:
        del os.environ["LAMELLA_CAPTURE"]
        if before is not None:
            os.environ["LAMELLA_CAPTURE"] = before


def plain(bench: Bench, backend: Any, dtype: str = "float32") -> lm.Sequential:
    """Return the network of the goal: dense layers, ReLU, Adam, accuracy."""
    model = lm.Sequential(
        [
            lm.Flatten(),
            *(make for n in bench.hidden for make in (lm.Dense(n), lm.ReLU())),
            lm.Dense(10),
        ],
        seed=1,
        backend=backend,
        dtype=dtype,
    )
    return model.compile(lm.SoftmaxCrossEntropy(), lm.Adam(5e-4), ["accuracy"])


def noisy(bench: Bench, backend: Any, dtype: str = "float32") -> lm.Sequential:
    """Return a network with dropout, a penalty, clipping and a schedule of the learning rate."""
    layers = [
        lm.Flatten(),
        lm.Dense(bench.hidden[0], regularizer=lm.L2(1e-4)),
        lm.Tanh(),
        lm.Dropout(0.2),
        lm.Dense(10, max_norm=2.0),
    ]
    optimizer = lm.AdamW(lm.CosineDecay(1e-3, epochs=4), clip_norm=1.0)
    model = lm.Sequential(layers, seed=1, backend=backend, dtype=dtype)
    return model.compile(lm.SoftmaxCrossEntropy(), optimizer, ["accuracy"])


def normalized(bench: Bench, backend: Any, dtype: str = "float32") -> lm.Sequential:
    """Return a network with BatchNorm and momentum."""
    layers = [lm.Flatten(), lm.Dense(bench.hidden[0]), lm.BatchNorm(), lm.ReLU(), lm.Dense(10)]
    model = lm.Sequential(layers, seed=1, backend=backend, dtype=dtype)
    return model.compile(lm.SoftmaxCrossEntropy(), lm.Momentum(0.01), ["accuracy"])


NETWORKS = {"plain": plain, "noisy": noisy, "normalized": normalized}


def fit(bench: Bench, model: lm.Sequential, batches: float, epochs: int = 1, **more: Any) -> Any:
    """Train on the first batches of MNIST and return the model."""
    x, y = bench.data(batches)
    model.fit(x, y, epochs=epochs, batch_size=bench.batch, verbose=False, **more)
    return model


def expect_same(name: str, one: lm.Sequential, other: lm.Sequential) -> None:
    """Raise a WrongError unless all that a training leaves behind has the same bits."""
    mine, theirs = bits_of(one), bits_of(other)
    different = [key for key in theirs if mine.get(key) != theirs[key]]
    expect(not different, f"{name}: other bits in {', '.join(different)}")
