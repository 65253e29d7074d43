"""Rules that are run in several ways, and their formulas in plain numpy."""

from collections.abc import Callable
from typing import Any

import numpy as np

from lamella.backend import Backend
from lamella.backend.elementwise import trace
from lamella.backend.numpy_elementwise import run_in_blocks

Rule = Callable[..., Any]
DTYPES = [np.float32, np.float64]


def adam(w: Any, g: Any, m: Any, v: Any, step: Any, b1: Any, b2: Any, eps: Any) -> Any:
    m = b1 * m + (1 - b1) * g
    v = b2 * v + (1 - b2) * g * g
    return w - step * m / (np.sqrt(v) + eps), m, v


ADAM_SCALARS = (1e-3, 0.9, 0.999, 1e-8)


def adam_in_numpy(w: Any, g: Any, m: Any, v: Any, dtype: type) -> Any:
    """The same formula on whole arrays, with every scalar rounded once, as a rule's scalars are."""
    step, b1, a1, b2, a2, eps = (dtype(x) for x in (1e-3, 0.9, 1 - 0.9, 0.999, 1 - 0.999, 1e-8))
    m = b1 * m + a1 * g
    v = b2 * v + a2 * g * g
    return w - step * m / (np.sqrt(v) + eps), m, v


def vectors(rng: np.random.Generator, count: int, size: int, dtype: type) -> list[np.ndarray]:
    return [rng.uniform(0.5, 2, size).astype(dtype) for _ in range(count)]


def apply(
    backend: Backend,
    rule: Rule,
    arrays: list[np.ndarray],
    scalars: tuple[float, ...] = (),
    outputs: tuple[int, ...] = (0,),
) -> list[np.ndarray]:
    """Run a rule once, into the numbered inputs, and return all arrays as they are afterwards."""
    sent = [backend.asarray(array.copy()) for array in arrays]
    program = trace(rule, len(arrays), len(scalars))
    # numpy's blocks themselves are meant here, not the compiled loop that may stand in for them.
    bind = run_in_blocks if backend.on_host else backend.compile_rule
    bind(program, sent, [sent[i] for i in outputs])(*scalars)
    return [backend.to_host(array) for array in sent]


def operation(name: str) -> tuple[Rule, int]:
    """Return a rule of one operation on arrays, and how many arrays it takes."""
    ufunc = getattr(np, name)
    return (lambda *arrays: ufunc(*arrays)), ufunc.nin


def operands(name: str, count: int, dtype: type) -> list[np.ndarray]:
    """Every pair of some telling numbers, as vectors; positive ones where others have no result."""
    numbers = [0.25, 0.5, 1.0, 1.5, 3.0]
    if name not in ("sqrt", "log", "log1p", "power", "divide"):
        numbers += [0.0, -0.0, -0.5, -1.0, -3.0]
    grid = np.meshgrid(*[np.array(numbers, dtype)] * count)
    return [part.ravel() for part in grid]
