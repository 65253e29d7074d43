"""check_layer: is a layer right, and does it keep the laws of memory?"""

import copy
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from lamella.backend import Backend, CupyBackend
from lamella.backend.selection import host_backend
from lamella.core.errors import CheckError, UsageError
from lamella.core.signatures import known_arguments
from lamella.core.typing import Array, Shape
from lamella.layers import Layer
from lamella.losses import MeanSquaredError
from lamella.models.loading import load
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

Results = dict[str, np.ndarray]


@known_arguments
def check_layer(
    layer: Layer, in_shape: Shape, *, batch: int = 5, x: Any = None, seed: int = 0
) -> None:
    """Check a layer for every property that lamella needs; the error names the wrong array.

    - gradients of inputs and parameters equal central differences in float64;
    - results do not depend on old scratch memory or on a longer batch before;
    - gradients are overwritten, not added to, and parameters still live in the model's vectors;
    - inputs are left alone; results are contiguous, and of the model's dtype in float32 too;
    - at evaluation the same input gives the same output, and nothing is changed;
    - methods marked as replayable give the same when they are replayed (with the extra ``fast``);
    - a number changed after some steps, in an attribute or a list, takes effect in the next step;
    - a saved model that contains it gives the same after loading;
    - on a strict stand-in for a GPU it gives the same as on the host, without a numpy array among
      device arrays and without waiting for the device (left out without Linux and g++).

    Parameters
    ----------
    layer : Layer
        A fresh object; it is copied, and not changed.
    in_shape : tuple of int
        Of one sample. Small sizes will do: the time grows with their number.
    batch : int
        Samples in a batch.
    x : array (batch, *in_shape), optional
        Inputs to use instead of standard normal ones, for a layer that does not take all numbers.
    seed : int
        Decides inputs and parameters.

    Raises
    ------
    CheckError
        At the first thing that is wrong (an AssertionError, so tests fail with it).
    """
    if layer._owner is not None:
        raise UsageError("give check_layer a fresh layer, not one that belongs to a model")
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((batch, *in_shape)) if x is None else np.asarray(x, float)
    bench = _Bench(layer, in_shape, "float64", host_backend(), seed)
    dy = rng.standard_normal((len(x), *bench.out_shape))

    reference = bench.run(x, dy)
    _check_memory(bench, x, dy, reference)
    _check_gradients(bench, x, dy, reference)
    fewer = max(layer.min_batch, len(x) // 2)
    short = bench.run(x[:fewer], dy[:fewer])
    fresh = _Bench(layer, in_shape, "float64", host_backend(), seed).run(x[:fewer], dy[:fewer])
    for name, expected in fresh.items():
        cause = "after a longer batch it gives something else: it used more than the batch's rows"
        expect_close(name, short[name], expected, relative=1e-10, absolute=1e-12, cause=cause)
    _check_evaluation(bench, x)
    _check_first(layer, in_shape, x, dy, reference, seed)
    _check_replay(bench, x.copy(), dy.copy())
    _check_changes(layer, bench.out_shape, x.astype("f4"), seed)

    single = _Bench(layer, in_shape, "float32", host_backend(), seed)
    rough = single.run(x.astype("f4"), dy.astype("f4"))
    for name, expected in reference.items():
        _expect_rough(name, rough[name], expected, "float32 gives something else than float64")
    _check_file(layer, single, x.astype("f4"))
    _check_device(layer, in_shape, x.astype("f4"), dy.astype("f4"), rough, seed)


class _Bench:
    """A copy of the layer, alone in a model, to run forward and backward on."""

    def __init__(
        self, layer: Layer, in_shape: Shape, dtype: str, backend: Backend, seed: int
    ) -> None:
        self.layer = copy.deepcopy(layer)
        self.model = Sequential([self.layer], seed=seed, dtype=dtype, backend=backend)
        self.model.build(in_shape)
        self.layer.needs_dx = True
        self.backend, self.dtype = self.model.backend, self.model.dtype
        self.out_shape = self.model.shapes[-1]
        self.name = repr(self.layer)

    def forward(self, x: Array, training: bool = True) -> Array:
        """Run the layer from the same place of its random stream each time."""
        self.layer.rng.draws = 0
        return self.layer.forward(x, training)

    def run(self, x: np.ndarray, dy: np.ndarray) -> Results:
        """Return copies of outputs and all gradients; check their types."""
        device_x, device_dy = self.backend.asarray(x.copy()), self.backend.asarray(dy.copy())
        y = self.forward(device_x)
        expect_array(f"the output of {self.name}", y, self.backend, self.dtype)
        if y.shape != (len(x), *self.out_shape):
            raise CheckError(
                f"the output of {self.name} has shape {y.shape} for {len(x)} samples, but build "
                f"promised {self.out_shape} for one"
            )
        results = {f"the output of {self.name}": self._copy(y)}
        dx = self.layer.backward(device_dy)
        if dx is None:
            raise CheckError(
                f"backward of {self.name} returned None: it may only if needs_dx is False"
            )
        expect_array(f"dx of {self.name}", dx, self.backend, self.dtype)
        results[f"dx of {self.name}"] = self._copy(dx)
        for parameter in self.layer.parameters:
            results[f"the gradient of {parameter.name}"] = self._copy(parameter.grad)
        for what, now, before in (("input", device_x, x), ("dy", device_dy, dy)):
            cause = "it was changed in place; write into self.scratch(...) instead"
            expect_same(f"the {what} given to {self.name}", self._copy(now), before, cause)
        return results

    def poison(self) -> None:
        """Fill all scratch memory and all gradients with NaN."""
        for (_, dtype), buffer in self.layer._scratch.buffers.items():
            buffer[...] = np.nan if dtype.kind == "f" else 1
        self.model.built().grads[...] = np.nan

    def _copy(self, array: Array) -> np.ndarray:
        return np.array(self.backend.to_host(array))


def _check_gradients(bench: _Bench, x: Array, dy: Array, results: Results) -> None:
    inputs = x.copy()

    def objective() -> float:
        return float((bench.forward(inputs) * dy).sum())

    arrays = {f"dx of {bench.name}": inputs}
    arrays |= {f"the gradient of {p.name}": p.value for p in bench.layer.parameters}
    for name, array in arrays.items():
        expect_gradient(name, results[name], numeric_gradient(objective, array, bench.backend))


def _check_memory(bench: _Bench, x: Array, dy: Array, reference: Results) -> None:
    bench.poison()
    for name, again in bench.run(x, dy).items():
        cause = (
            "it differs from the first time: scratch is read before it is written, or a gradient "
            "is added to instead of overwritten"
        )
        expect_close(name, again, reference[name], relative=1e-10, absolute=1e-12, cause=cause)
    store = bench.model.built()
    for parameter in bench.layer.parameters:
        for kind, view, vector in (
            ("value", parameter.value, store.values),
            ("gradient", parameter.grad, store.grads),
        ):
            if not np.shares_memory(view, vector):
                raise CheckError(
                    f"the {kind} of {parameter.name} is no longer a view into the model's vector"
                )


def _check_evaluation(bench: _Bench, x: Array) -> None:
    before = bench.model.state_dict()
    first = bench.forward(x, training=False).copy()
    draws = bench.layer.rng.draws
    again = bench.layer.forward(x, training=False)
    expect_same(
        f"the output of {bench.name}", again, first, "at evaluation it changes from call to call"
    )
    if draws:
        raise CheckError(f"{bench.name} draws random numbers at evaluation")
    for name, array in bench.model.state_dict().items():
        expect_same(name, array, before[name], f"{bench.name} changed it at evaluation")


def _check_first(
    layer: Layer, in_shape: Shape, x: Array, dy: Array, reference: Results, seed: int
) -> None:
    """As first layer of a model it is not asked for dx, but for the same gradients."""
    bench = _Bench(layer, in_shape, "float64", host_backend(), seed)
    bench.layer.needs_dx = False
    bench.forward(x)
    bench.layer.backward(dy)
    for parameter in bench.layer.parameters:
        name = f"the gradient of {parameter.name}"
        expect_same(name, parameter.grad, reference[name], "it is another if needs_dx is False")


def _check_replay(bench: _Bench, x: Array, dy: Array) -> None:
    layer = bench.layer

    def work(x: Array, dy: Array) -> dict[str, Array]:
        results = {f"the output of {bench.name}": layer.forward(x, training=True)}
        results[f"dx of {bench.name}"] = layer.backward(dy)
        return results | {f"the gradient of {p.name}": p.grad for p in layer.parameters}

    def restart() -> None:
        layer.rng.draws = 0

    memory = [*layer.parameters, *layer.states, layer._scratch]
    expect_replay([layer.forward, layer.backward], work, [x, dy], memory, layer, restart)


def _check_changes(layer: Layer, out_shape: Shape, x: Array, seed: int) -> None:
    def make() -> Sequential:
        model = Sequential([copy.deepcopy(layer)], seed=seed, backend="numpy")
        return model.compile(MeanSquaredError(), SGD(1e-3), in_shape=x.shape[1:])

    y = np.random.default_rng(seed).standard_normal((len(x), *out_shape)).astype("f4")
    expect_no_stale_values(make, lambda model: model.layers[0], x, y)


def _check_file(layer: Layer, bench: _Bench, x: Array) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "layer.safetensors"
        bench.model.save(path)
        loaded = load(path, custom_layers=[type(layer)], backend="numpy")
    expect_same(
        f"the output of {bench.name}",
        loaded.predict(x),
        bench.model.predict(x),
        "it is another after save and load: keep every __init__ argument under its own name, and "
        "what is learned in add_param or add_state",
    )


def _check_device(
    layer: Layer, in_shape: Shape, x: Array, dy: Array, expected: Results, seed: int
) -> None:
    if compiler_problem():
        return
    bench = _Bench(layer, in_shape, "float32", CupyBackend(strict_cupy, "stand-in"), seed)
    try:
        on_device = bench.backend.asarray(x), bench.backend.asarray(dy)
        strict_cupy.counts.reset()
        bench.forward(on_device[0])
        bench.layer.backward(on_device[1])
        waits = strict_cupy.counts.syncs
        results = bench.run(x, dy)
    except (strict_cupy.StrictError, TypeError, AttributeError) as error:
        raise CheckError(
            f"{bench.name} would fail on a GPU: {error}. Use self.xp instead of numpy, and what "
            "cupy has too"
        ) from error
    if waits:
        raise CheckError(
            f"{bench.name} waits for the device {waits} times a step: do not read numbers of "
            "arrays (float(), if, item(), a mask as index) in forward and backward"
        )
    for name, array in results.items():
        _expect_rough(name, array, expected[name], "a device gives something else")


def _expect_rough(name: str, got: np.ndarray, expected: np.ndarray, cause: str) -> None:
    scale = float(np.abs(expected).max(initial=0.0))
    expect_close(name, got, expected, relative=1e-3, absolute=1e-4 * max(1.0, scale), cause=cause)
