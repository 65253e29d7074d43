"""check_optimizer: does a rule descend, and mean the same however it is run?"""

import copy

import numpy as np

from lamella.backend import Backend, CupyBackend
from lamella.backend.numpy_elementwise import BLOCK_BYTES
from lamella.backend.parameters import Parameter, ParameterStore
from lamella.backend.selection import host_backend
from lamella.core.errors import CheckError, UsageError
from lamella.core.signatures import known_arguments
from lamella.layers import Dense
from lamella.layers.initializers import zeros
from lamella.losses import MeanSquaredError
from lamella.models.sequential import Sequential
from lamella.optimizers import Optimizer
from lamella.testing import strict_cupy
from lamella.testing.comparing import expect_close, expect_same
from lamella.testing.stale_values import expect_no_stale_values
from lamella.testing.strict_cupy.raw_kernels import compiler_problem


@known_arguments
def check_optimizer(optimizer: Optimizer, *, steps: int = 300, seed: int = 0) -> None:
    """Check an optimizer for every property that lamella needs; the error names the fault.

    - it descends: on a bowl, (w - 1)^2 / 2 summed, it comes nearer to the bottom;
    - where weight, gradient and slots are 0 they stay 0, as the gaps between parameters must;
    - a weight moves alike whatever stands beside it, and in whichever block it is;
    - float32 stays float32 and finite;
    - a number changed after some steps takes effect in the next one;
    - saved and restored it goes on with the same bits;
    - on a strict stand-in for a GPU it gives the same as on the host, without waiting for it (left
      out without Linux and g++).

    Parameters
    ----------
    optimizer : Optimizer
        A fresh object; it is copied, and not changed.
    steps : int
        Steps it has for coming nearer to the bottom.
    seed : int
        Decides start and gradients.

    Raises
    ------
    CheckError
        At the first thing that is wrong (an AssertionError, so tests fail with it).
    """
    if optimizer._owner is not None:
        raise UsageError("give check_optimizer a fresh optimizer, not one that drives a model")
    rng = np.random.default_rng(seed)
    _check_descent(optimizer, steps, rng)
    _check_gaps(optimizer, rng)
    if optimizer.elementwise and optimizer.clip_norm is None:
        _check_blocks(optimizer, rng)
    _check_resume(optimizer, rng)
    _check_changes(optimizer, rng)
    _check_device(optimizer, rng)


class _Bench:
    """A copy of the optimizer with a weight matrix and a bias to move."""

    def __init__(
        self, optimizer: Optimizer, shape: tuple[int, int], backend: Backend, dtype: str = "float32"
    ) -> None:
        self.optimizer = copy.deepcopy(optimizer)
        self.backend = backend
        self.W, self.b = Parameter("0.W.W", shape, zeros), Parameter("0.W.b", shape[1:], zeros)
        self.store = ParameterStore([self.W, self.b], backend, np.dtype(dtype))
        self.optimizer.attach(self.store, self)

    def start(self, W: np.ndarray, b: np.ndarray) -> None:
        dtype = self.store.values.dtype
        self.W.value, self.b.value = self.backend.asarray(W, dtype), self.backend.asarray(b, dtype)

    def step(self, W: np.ndarray, b: np.ndarray) -> None:
        dtype = self.store.values.dtype
        self.W.grad, self.b.grad = self.backend.asarray(W, dtype), self.backend.asarray(b, dtype)
        self.optimizer.step()

    def weights(self) -> np.ndarray:
        return np.array(self.backend.to_host(self.store.values))


def _check_descent(optimizer: Optimizer, steps: int, rng: np.random.Generator) -> None:
    bench = _Bench(optimizer, (6, 5), host_backend())
    start = 1 + rng.standard_normal((6, 5)), 1 + rng.standard_normal(5)
    bench.start(*start)
    for _ in range(steps):
        bench.step(bench.W.value - 1, bench.b.value - 1)
    bottom = np.square(bench.W.value - 1).sum() + np.square(bench.b.value - 1).sum()
    top = np.square(start[0] - 1).sum() + np.square(start[1] - 1).sum()
    if bench.W.value.dtype != np.float32:
        raise CheckError(f"{optimizer!r} turned float32 into {bench.W.value.dtype}")
    if not np.isfinite(bottom) or bottom >= top:
        raise CheckError(
            f"{optimizer!r} does not descend: on sum((w - 1)^2) it went from {top:.6g} to "
            f"{bottom:.6g} in {steps} steps; is a sign wrong, or lr far too large?"
        )


def _check_gaps(optimizer: Optimizer, rng: np.random.Generator) -> None:
    bench = _Bench(optimizer, (3, 3), host_backend())
    bench.start(rng.standard_normal((3, 3)), rng.standard_normal(3))
    for _ in range(20):
        bench.step(rng.standard_normal((3, 3)), rng.standard_normal(3))
    used = np.zeros(bench.store.values.size, bool)
    for _, span in bench.store.spans:
        used[span] = True
    vectors = {"the weights": bench.store.values, **bench.optimizer.state}
    for name, vector in vectors.items():
        expect_same(
            f"the gap in {name}",
            vector[~used],
            np.zeros((~used).sum(), vector.dtype),
            "a rule must leave zeros where weight, gradient and slots are zero",
        )


def _check_blocks(optimizer: Optimizer, rng: np.random.Generator) -> None:
    rows = BLOCK_BYTES // 4 // 64 * 2 + 3
    large = _Bench(optimizer, (rows, 64), host_backend())
    small = _Bench(optimizer, (1, 64), host_backend())
    W, b = rng.standard_normal((1, 64)), rng.standard_normal(64)
    large.start(np.tile(W, (rows, 1)), b)
    small.start(W, b)
    for _ in range(5):
        W, b = rng.standard_normal((1, 64)), rng.standard_normal(64)
        large.step(np.tile(W, (rows, 1)), b)
        small.step(W, b)
    expect_close(
        "a weight",
        large.W.value,
        np.tile(small.W.value, (rows, 1)),
        relative=1e-6,
        absolute=1e-7,
        cause="it moves differently among others; set elementwise = False if the rule looks at "
        "a whole parameter",
    )


def _check_resume(optimizer: Optimizer, rng: np.random.Generator) -> None:
    first, second = (_Bench(optimizer, (6, 5), host_backend()) for _ in range(2))
    gradients = [(rng.standard_normal((6, 5)), rng.standard_normal(5)) for _ in range(40)]
    first.start(*gradients[0])
    for gradient in gradients[:20]:
        first.step(*gradient)
    second.store.values[...] = first.store.values
    second.optimizer.load_state_dict(first.optimizer.state_dict())
    for gradient in gradients[20:]:
        first.step(*gradient)
        second.step(*gradient)
    expect_same(
        "a weight",
        second.weights(),
        first.weights(),
        "restored from state_dict it goes on differently: keep what a step needs in slots or t",
    )


def _check_changes(optimizer: Optimizer, rng: np.random.Generator) -> None:
    def make() -> Sequential:
        model = Sequential([Dense(3)], seed=0, backend="numpy")
        return model.compile(MeanSquaredError(), copy.deepcopy(optimizer), in_shape=(4,))

    x, y = rng.standard_normal((5, 4)).astype("f4"), rng.standard_normal((5, 3)).astype("f4")
    expect_no_stale_values(make, lambda model: model.optimizer, x, y)


def _check_device(optimizer: Optimizer, rng: np.random.Generator) -> None:
    if compiler_problem():
        return
    host = _Bench(optimizer, (6, 5), host_backend())
    try:
        device = _Bench(optimizer, (6, 5), CupyBackend(strict_cupy, "stand-in"))
        for _ in range(20):
            gradient = rng.standard_normal((6, 5)), rng.standard_normal(5)
            host.step(*gradient)
            strict_cupy.counts.reset()
            device.step(*gradient)
            if strict_cupy.counts.syncs:
                raise CheckError(
                    f"{optimizer!r} waits for the device: do not read numbers of arrays in a rule"
                )
    except (strict_cupy.StrictError, TypeError, AttributeError) as error:
        raise CheckError(f"{optimizer!r} would fail on a GPU: {error}") from error
    expect_close(
        "a weight",
        device.weights(),
        host.weights(),
        relative=1e-4,
        absolute=1e-6,
        cause="a device gives something else",
    )
