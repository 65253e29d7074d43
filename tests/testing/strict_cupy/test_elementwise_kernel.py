"""Stand-in for ElementwiseKernel: it runs the text of a kernel and refuses what CuPy refuses."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lamella.testing import strict_cupy as cp
from lamella.testing.strict_cupy import Counts, StrictError, counts
from tests.testing.strict_cupy.statements import HOST


def kernel(operation: str = "T t1 = a0 * s0;\no0 = t1;", outputs: str = "T o0") -> Any:
    return cp.ElementwiseKernel("T a0, T s0", outputs, operation, "a_rule")


def test_a_kernel_writes_its_outputs_in_one_launch(x: cp.ndarray) -> None:
    out = cp.zeros((2, 3), np.float32)
    counts.reset()
    assert kernel()(x, np.float32(2), out) is out
    assert counts == Counts(launches=1)
    np.testing.assert_array_equal(out.get(), 2 * np.arange(6).reshape(2, 3))


def test_a_kernel_may_swap_its_arguments(x: cp.ndarray) -> None:
    y = cp.ones((2, 3), np.float32)
    swap = cp.ElementwiseKernel("T a0, T a1", "T o0, T o1", "o0 = a1;\no1 = a0;", "swap")
    swap(x, y, x, y)
    np.testing.assert_array_equal(x.get(), np.ones((2, 3)))
    np.testing.assert_array_equal(y.get(), np.arange(6).reshape(2, 3))


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (lambda x: (x, x), "takes 2 \\+ 1"),
        (lambda x: (x, np.float64(2), x), "type T is"),
        (lambda x: (x, np.float32(2), HOST.copy()), "outputs must be device arrays"),
        (lambda x: (HOST, np.float32(2), x), "Unsupported type"),
    ],
)
def test_a_kernel_refuses_wrong_arguments(
    arguments: Callable[[Any], tuple[Any, ...]], text: str, x: cp.ndarray
) -> None:
    with pytest.raises(StrictError, match=text):
        kernel()(*arguments(x))


def test_a_kernel_has_no_access_to_python_builtins(x: cp.ndarray) -> None:
    with pytest.raises(NameError):
        kernel("o0 = open(a0);")(x, np.float32(2), x)
