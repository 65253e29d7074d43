"""Comparing arrays, and gradients with differences of the function they belong to."""

from collections.abc import Callable

import numpy as np

from lamella.backend import Backend
from lamella.core.errors import CheckError
from lamella.core.typing import Array

STEP = 1e-6  # of a central difference in float64: truncation and rounding are both near 1e-10
RELATIVE, ABSOLUTE = 1e-5, 1e-7


def expect_close(
    what: str,
    got: Array,
    expected: Array,
    *,
    relative: float = 0.0,
    absolute: float = 0.0,
    cause: str = "",
) -> None:
    """Raise a CheckError naming the worst element if two host arrays are not (nearly) the same."""
    if got.shape != expected.shape:
        raise CheckError(f"{what} has shape {got.shape}, expected {expected.shape}")
    with np.errstate(invalid="ignore"):
        excess = np.abs(got - expected) - absolute - relative * np.abs(expected)
    excess = np.where(np.isnan(got) != np.isnan(expected), np.inf, np.nan_to_num(excess))
    if excess.size and excess.max() > 0:
        worst = np.unravel_index(int(excess.argmax()), excess.shape)
        index = ", ".join(str(int(i)) for i in worst)
        raise CheckError(
            f"{what} is wrong at [{index}]: expected {float(expected[worst]):.9g}, "
            f"got {float(got[worst]):.9g} ({int((excess > 0).sum())} of {excess.size} elements "
            f"are){': ' + cause if cause else ''}"
        )


def expect_same(what: str, got: Array, expected: Array, cause: str) -> None:
    """Raise a CheckError with ``cause`` if two host arrays differ in any bit."""
    expect_close(what, got, expected, cause=cause)


def expect_array(what: str, array: Array, backend: Backend, dtype: np.dtype) -> None:
    """Raise a CheckError if ``array`` is not a contiguous array of the model's kind and dtype."""
    if not isinstance(array, backend.xp.ndarray):
        raise CheckError(f"{what} is a {type(array).__name__}, not an array of {backend.name}")
    if array.dtype != dtype:
        raise CheckError(f"{what} is {array.dtype}, but the model computes in {dtype}")
    if not array.flags.c_contiguous:
        raise CheckError(f"{what} is not C-contiguous: return a copy of a transposed result")


def numeric_gradient(function: Callable[[], float], at: Array, backend: Backend) -> np.ndarray:
    """Return the derivative of ``function`` with respect to each element of ``at`` (float64).

    ``function`` takes no argument: it reads ``at``, whose elements are moved one by one and
    restored. Central differences, (f(x + h) - f(x - h)) / 2h.
    """
    start = np.array(backend.to_host(at))
    gradient = np.empty_like(start)
    for index in np.ndindex(start.shape):
        step = STEP * max(1.0, abs(float(start[index])))
        values = []
        for sign in (1, -1):
            moved = start.copy()
            moved[index] += sign * step
            at[...] = backend.asarray(moved)
            values.append(function())
        gradient[index] = (values[0] - values[1]) / (2 * step)
    at[...] = backend.asarray(start)
    return gradient


def expect_gradient(what: str, got: Array, expected: Array) -> None:
    """Raise a CheckError if a gradient differs from the differences it should equal."""
    scale = float(np.abs(expected).max(initial=0.0))
    expect_close(
        what, got, expected, relative=RELATIVE, absolute=ABSOLUTE * max(1.0, scale), cause=GRADIENT
    )


GRADIENT = "backward does not give the derivative of forward"
