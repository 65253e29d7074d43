"""check_loss: is a loss the mean it says it is, with the gradient that belongs to it?"""

import copy
from typing import Any

import numpy as np

from lamella.backend import Backend, CupyBackend
from lamella.backend.selection import host_backend
from lamella.backend.workspace import replayable
from lamella.core.errors import CheckError, LamellaError, UsageError
from lamella.core.signatures import known_arguments
from lamella.core.typing import Array, Shape
from lamella.layers import Layer
from lamella.losses import Loss
from lamella.models.sequential import Sequential
from lamella.optimizers import SGD
from lamella.testing import strict_cupy
from lamella.testing.comparing import (
    expect_array,
    expect_close,
    expect_gradient,
    expect_same,
    numeric_gradient,
)
from lamella.testing.replays import expect_replay
from lamella.testing.stale_values import expect_no_stale_values
from lamella.testing.strict_cupy.raw_kernels import compiler_problem


@known_arguments
def check_loss(
    loss: Loss,
    out_shape: Shape = (4,),
    *,
    batch: int = 5,
    pred: Any = None,
    target: Any = None,
    seed: int = 0,
) -> None:
    """Check a loss for every property that lamella needs; the error names the wrong array.

    - its gradient equals central differences in float64;
    - the loss of a batch is the mean of its samples' losses;
    - a weight of 2 counts a sample twice;
    - results do not depend on old scratch memory;
    - predictions and targets are left alone, and float32 stays float32;
    - methods marked as replayable give the same when they are replayed (with the extra ``fast``);
    - a number changed after some steps takes effect in the next one;
    - on a strict stand-in for a GPU it gives the same as on the host, without waiting for it (left
      out without Linux and g++).

    Parameters
    ----------
    loss : Loss
        A fresh object; it is copied, and not changed.
    out_shape : tuple of int
        Of one prediction.
    batch : int
        Samples in a batch.
    pred : array (batch, *out_shape), optional
        Instead of random predictions: normal for a loss on logits, else in [0.1, 0.9].
    target : array, optional
        Instead of random labels, or (where the loss does not take labels) numbers in [0, 1].
    seed : int
        Seed of all random numbers.

    Raises
    ------
    CheckError
        At the first thing that is wrong (an AssertionError, so tests fail with it).
    """
    if loss._owner is not None:
        raise UsageError("give check_loss a fresh loss, not one that belongs to a model")
    rng = np.random.default_rng(seed)
    if pred is None:
        shape = (batch, *out_shape)
        pred = rng.standard_normal(shape) if loss.takes_logits else rng.uniform(0.1, 0.9, shape)
    pred = np.array(pred, float)
    out_shape = pred.shape[1:]
    target = _target(loss, target, len(pred), out_shape, rng)

    bench = _Bench(loss, host_backend(), "float64")
    target64 = loss.check_targets(target, out_shape, np.dtype("float64"))
    value, gradient = bench.run(pred, target64)
    moved = pred.copy()
    expected = numeric_gradient(lambda: bench.value(moved, target64), moved, bench.backend)
    expect_gradient(f"the gradient of {loss!r}", gradient, expected)

    single = [bench.value(pred[i : i + 1], target64[i : i + 1]) for i in range(len(pred))]
    _expect_number(f"{loss!r}", value, float(np.mean(single)), "it is not the mean over the batch")
    _check_weights(bench, pred, target64)
    for buffer in bench.loss._scratch.buffers.values():
        buffer[...] = np.nan if buffer.dtype.kind == "f" else 1
    again, gradient_again = bench.run(pred, target64)
    _expect_number(f"{loss!r}", again, value, "scratch is read before it is written")
    expect_close(
        f"the gradient of {loss!r}",
        gradient_again,
        gradient,
        relative=1e-10,
        cause="scratch is read before it is written",
    )

    _check_replay(bench.loss, pred.copy(), target64.copy())

    target32 = loss.check_targets(target, out_shape, np.dtype("float32"))
    if len(out_shape) == 1:
        _check_changes(loss, pred.astype("f4"), target32)
    rough, rough_gradient = _Bench(loss, host_backend(), "float32").run(pred, target32)
    _expect_number(f"{loss!r} in float32", rough, value, "float64 gives another", 1e-3)
    _check_device(loss, pred, target32, rough, rough_gradient)


def _check_device(
    loss: Loss, pred: np.ndarray, target: np.ndarray, value: float, gradient: np.ndarray
) -> None:
    if compiler_problem():
        return
    device = _Bench(loss, CupyBackend(strict_cupy, "stand-in"), "float32")
    try:
        there, there_gradient = device.run(pred, target)
    except (strict_cupy.StrictError, TypeError, AttributeError) as error:
        raise CheckError(
            f"{loss!r} would fail on a GPU: {error}. Use self.xp instead of numpy, and what cupy "
            "has too"
        ) from error
    if device.waits:
        raise CheckError(
            f"{loss!r} waits for the device {device.waits} times a step: do not read numbers of "
            "arrays (float(), if, item()) in forward and backward"
        )
    _expect_number(f"{loss!r} on a device", there, value, "the host gives another", 1e-4)
    expect_close(
        f"the gradient of {loss!r} on a device",
        there_gradient,
        gradient,
        relative=1e-3,
        absolute=1e-5,
        cause="the host gives another",
    )


class _Bench:
    """A copy of the loss, bound to a backend."""

    def __init__(self, loss: Loss, backend: Backend, dtype: str) -> None:
        self.loss = copy.deepcopy(loss)
        self.loss.attach(self, backend, dtype)
        self.backend, self.dtype = backend, np.dtype(dtype)
        self.waits = 0

    def value(self, pred: np.ndarray, target: np.ndarray, weight: Any = None) -> float:
        return float(self.loss(pred, target, weight))

    def run(self, pred: np.ndarray, target: np.ndarray) -> tuple[float, np.ndarray]:
        """Return value and gradient; check their types."""
        pred = pred.astype(self.dtype)
        send, fetch = self.backend.asarray, self.backend.to_host
        given = send(pred.copy()), send(target.copy())
        strict_cupy.counts.reset()
        value = self.loss(*given)
        gradient = self.loss.backward()
        self.waits = strict_cupy.counts.syncs
        name = f"the gradient of {self.loss!r}"
        expect_array(name, gradient, self.backend, self.dtype)
        if getattr(value, "shape", None) != ():
            raise CheckError(f"{self.loss!r} must give a 0-d array, got {value!r}")
        if gradient.shape != pred.shape:
            raise CheckError(f"{name} has shape {gradient.shape}, expected {pred.shape}")
        result = np.array(fetch(gradient))
        for what, array, before in zip(("pred", "target"), given, (pred, target), strict=True):
            cause = f"{self.loss!r} changed it in place; write into self.scratch(...) instead"
            expect_same(what, np.array(fetch(array)), before, cause)
        return float(fetch(value)), result


def _target(
    loss: Loss, target: Any, batch: int, out_shape: Shape, rng: np.random.Generator
) -> np.ndarray:
    if target is not None:
        return np.asarray(target)
    labels = rng.integers(0, out_shape[0], batch)
    try:
        loss.check_targets(labels, out_shape, np.dtype("float64"))
    except LamellaError:
        return rng.uniform(0, 1, (batch, *out_shape))
    return labels


def _check_weights(bench: _Bench, pred: np.ndarray, target: np.ndarray) -> None:
    weight = np.ones(len(pred))
    weight[0] = 2
    twice = np.concatenate([[0], np.arange(len(pred))])
    try:
        weighted = bench.value(pred, target, weight)
    except UsageError:
        return  # it says that it takes no weights
    try:
        gradient = bench.loss.gradient().copy()
    except UsageError as error:
        raise CheckError(f"a weight of 2 does not count twice: {error}") from error
    expected = bench.value(pred[twice], target[twice])
    _expect_number(f"{bench.loss!r}", weighted, expected, "a weight of 2 does not count twice")
    each = bench.loss.backward()
    summed = each[1:].copy()
    summed[0] += each[0]
    expect_close(
        f"the gradient of {bench.loss!r}",
        gradient,
        summed,
        relative=1e-9,
        absolute=1e-12,
        cause="a weight of 2 does not count twice: end backward with self.scale_by_batch(...)",
    )


def _check_replay(loss: Loss, pred: np.ndarray, target: np.ndarray) -> None:
    def work(pred: Array, target: Array) -> dict[str, Array]:
        return {f"{loss!r}": loss(pred, target), f"the gradient of {loss!r}": loss.gradient()}

    names = "__call__", "forward", "mean", "gradient", "backward", "scale_by_batch"
    expect_replay(
        [getattr(loss, name) for name in names], work, [pred, target], [loss._scratch], loss
    )


class _Shift(Layer):
    """A learned shift, so that a loss has something to train."""

    def build(self, in_shape: Shape) -> Shape:
        self.shift = self.add_param("shift", in_shape)
        return in_shape

    @replayable
    def forward(self, x: Array, training: bool) -> Array:
        return self.map("y", lambda x, shift: x + shift, x, self.shift.value)

    @replayable
    def backward(self, dy: Array) -> Array:
        self.sum_rows(dy, out=self.shift.grad)
        return dy


def _check_changes(loss: Loss, pred: np.ndarray, target: np.ndarray) -> None:
    def make() -> Sequential:
        model = Sequential([_Shift()], seed=0, backend="numpy")
        return model.compile(copy.deepcopy(loss), SGD(1e-3), in_shape=pred.shape[1:])

    expect_no_stale_values(make, lambda model: model.loss, pred, target)


def _expect_number(
    what: str, got: float, expected: float, cause: str, tolerance: float = 1e-9
) -> None:
    if not abs(got - expected) <= tolerance * max(1.0, abs(expected)):
        raise CheckError(f"{what} is {got:.9g}, expected {expected:.9g}: {cause}")
