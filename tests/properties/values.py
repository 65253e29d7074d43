"""Examples for properties: all backends, sizes, and numbers up to the limits of a dtype."""

import math
from typing import Any

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

import lamella as lm
from lamella.backend import Backend, CupyBackend, NumpyBackend
from lamella.backend import numba as compiled
from lamella.backend.numpy_elementwise import run_in_blocks, run_whole
from lamella.backend.selection import host_backend
from lamella.testing import strict_cupy


class Blocks(NumpyBackend):
    """numpy as it is where numba is not installed."""

    def compile_rule(self, program: Any, arrays: Any, outputs: Any) -> Any:
        return run_in_blocks(program, arrays, outputs)

    def map(self, program: Any) -> Any:
        return run_whole(program)

    def compile(self, loop: Any) -> None:
        return None


BACKENDS: dict[str, Backend] = {
    "blocks": Blocks(),
    "stand-in": CupyBackend(strict_cupy, "stand-in"),
}
if compiled.is_available():
    BACKENDS["compiled"] = host_backend()

backends = st.sampled_from(sorted(BACKENDS)).map(BACKENDS.__getitem__)
dtypes = st.sampled_from(["float32", "float64"])
few = st.sampled_from([1, 2, 3, 4, 5, 7, 8, 13])  # of features, of samples: one, primes, powers
seeds = st.integers(0, 10**6)


def tries(examples: int) -> Any:
    """Settings of a property: the same examples each time, however long one takes."""
    return settings(deadline=None, derandomize=True, max_examples=examples)


def extremes(dtype: str, limit: float) -> list[float]:
    """Return the numbers at which formulas break, up to ``limit``, with both signs."""
    about = np.finfo(dtype)
    sizes = [0.0, about.smallest_subnormal, about.tiny, about.eps, 1.0, 1e30, about.max, limit]
    kept = [float(size) for size in sizes if size <= limit]
    return [*kept, *(-size for size in kept)]


def numbers(dtype: str, limit: float | None = None) -> st.SearchStrategy[float]:
    """Return ordinary numbers and extreme ones; by default up to the largest there is."""
    largest = float(np.finfo(dtype).max)
    limit = largest if limit is None else float(np.dtype(dtype).type(limit))
    width = 32 if dtype == "float32" else 64
    return st.one_of(
        st.floats(-min(limit, 4.0), min(limit, 4.0), width=width),
        st.sampled_from(extremes(dtype, limit)),
        st.floats(-limit, limit, width=width),
    )


def arrays(
    dtype: str, shape: tuple[int, ...], limit: float | None = None
) -> st.SearchStrategy[np.ndarray]:
    """Return arrays of such numbers."""
    return npst.arrays(dtype, shape, elements=numbers(dtype, limit), fill=st.nothing())


def alone(layer: lm.Layer, features: tuple[int, ...], dtype: str, backend: Backend) -> lm.Layer:
    """Return the layer, built as the only one of a model, with gradients for its inputs."""
    lm.Sequential([layer], seed=0, dtype=dtype, backend=backend).build(features)
    layer.needs_dx = True
    return layer


def there(backend: Backend, *given: np.ndarray) -> Any:
    """Return arrays of the backend, copied."""
    moved = [backend.asarray(array.copy()) for array in given]
    return moved if len(moved) > 1 else moved[0]


def back(backend: Backend, array: Any) -> np.ndarray:
    """Return a copy on the host."""
    return np.array(backend.to_host(array))


def exact_sum(array: np.ndarray, axis: int) -> np.ndarray:
    """Return the sum along an axis in float64, rounded once."""
    return np.apply_along_axis(math.fsum, axis, array.astype(float))
