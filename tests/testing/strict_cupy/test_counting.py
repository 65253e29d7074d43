"""Counts of launches, synchronisations and allocations, and forbidden dtypes."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lamella.testing import strict_cupy as cp
from lamella.testing.strict_cupy import Counts, StrictError, counts
from tests.testing.strict_cupy.statements import added, written


@pytest.mark.parametrize(
    ("use", "expected"),
    [
        (lambda x: x[1], Counts()),
        (lambda x: x[1, 2], Counts()),
        (lambda x: x[:, 1:], Counts()),
        (lambda x: x[1, ...], Counts()),
        (lambda x: x[None], Counts()),
        (lambda x: x.T, Counts()),
        (lambda x: x.reshape(3, 2), Counts()),
        (lambda x: (x.shape, x.dtype, x.size, x.ndim, x.nbytes, len(x)), Counts()),
        (lambda x: list(x), Counts()),
        (lambda x: cp.asarray(x), Counts()),
        (lambda x: cp.ascontiguousarray(x), Counts()),
        (lambda x: x + 1, Counts(launches=1, allocations=1)),
        (lambda x: 1 - x, Counts(launches=1, allocations=1)),
        (lambda x: x > 1, Counts(launches=1, allocations=1)),
        (lambda x: -x, Counts(launches=1, allocations=1)),
        (lambda x: abs(x), Counts(launches=1, allocations=1)),
        (lambda x: x.sum(), Counts(launches=1, allocations=1)),
        (lambda x: cp.exp(x), Counts(launches=1, allocations=1)),
        (lambda x: cp.exp(x, out=x), Counts(launches=1)),
        (lambda x: added(x, 1), Counts(launches=1)),
        (lambda x: written(x, 0, 5), Counts(launches=1)),
        (lambda x: written(x, ..., x), Counts(launches=1)),
        (lambda x: cp.zeros((2, 2)), Counts(launches=1, allocations=1)),
        (lambda x: float(x[0, 0]), Counts(syncs=1)),
        (lambda x: int(x[0, 0]), Counts(syncs=1)),
        (lambda x: bool(x[0, 0]), Counts(syncs=1)),
        (lambda x: x[0, 0].item(), Counts(syncs=1)),
        (lambda x: x.tolist(), Counts(syncs=1)),
        (lambda x: x.get(), Counts(syncs=1)),
        (lambda x: cp.asnumpy(x), Counts(syncs=1)),
        (lambda x: cp.cuda.get_current_stream().synchronize(), Counts(syncs=1)),
        (lambda x: "large" if x[0, 0] > 3 else "small", Counts(launches=1, syncs=1, allocations=1)),
        (lambda x: x[x > 1], Counts(launches=2, syncs=1, allocations=2)),
    ],
)
def test_launches_waits_and_allocations_are_counted(
    use: Callable[[Any], Any], expected: Counts, x: cp.ndarray
) -> None:
    use(x)
    assert counts == expected


def test_a_forbidden_dtype_may_be_read_but_not_made(x: cp.ndarray) -> None:
    wide = cp.zeros(3, np.float64)
    with cp.forbid("float64"):
        (x * 2).sum()
        wide[1:].reshape(2)
        cp.exp(wide, out=wide)
        with pytest.raises(StrictError, match="an array of float64 was made"):
            x * wide
        with pytest.raises(StrictError, match="an array of float64 was made"):
            x.astype("float64")
    assert (x * wide).dtype == np.float64  # allowed again


def test_reset_sets_every_count_to_zero(x: cp.ndarray) -> None:
    float((x + 1).sum())
    assert counts == Counts(launches=2, syncs=1, allocations=2)
    counts.reset()
    assert counts == Counts(0, 0, 0)
