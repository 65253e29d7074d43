"""Device arrays: they compute as numpy does and refuse what CuPy refuses."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lamella.testing import strict_cupy as cp
from lamella.testing.strict_cupy import StrictError
from tests.testing.strict_cupy.statements import HOST, added, written

MIXED: dict[str, Callable[[Any], Any]] = {
    "device + host": lambda x: x + HOST,
    "host + device": lambda x: HOST + x,
    "host @ device": lambda x: HOST.T @ x,
    "device > host": lambda x: x > HOST,
    "device += host": lambda x: added(x, HOST),
    "function of both": lambda x: cp.add(x, HOST),
    "host into a list": lambda x: cp.concatenate([x, HOST]),
    "numpy's ufunc": lambda x: np.exp(x),
    "numpy's function": lambda x: np.concatenate([x, x]),
    "numpy's mean": lambda x: np.mean(x),
    "host out": lambda x: cp.exp(x, out=np.empty((2, 3), np.float32)),
    "host keyword": lambda x: x.sum(axis=0, out=np.empty(3, np.float32)),
    "list operand": lambda x: x - [1, 2, 3],
    "tuple operand": lambda x: (1, 2, 3) * x,
    "list in a ufunc": lambda x: cp.add(x, [1, 2, 3]),
}


@pytest.mark.parametrize("misuse", MIXED.values(), ids=MIXED)
def test_arrays_of_host_and_device_do_not_mix(misuse: Callable[[Any], Any], x: cp.ndarray) -> None:
    with pytest.raises(TypeError):
        misuse(x)
    np.testing.assert_array_equal(x.host, np.arange(6.0).reshape(2, 3))


@pytest.mark.parametrize(
    "convert", [np.asarray, np.array, lambda x: np.empty((2, 3)).__setitem__(..., x)]
)
def test_conversion_to_numpy_must_be_asked_for(
    convert: Callable[[Any], Any], x: cp.ndarray
) -> None:
    with pytest.raises(TypeError, match=r"Implicit conversion .* not allowed. Use .get\(\)"):
        convert(x)


@pytest.mark.parametrize("value", [HOST, [1.0, 2.0, 3.0], (1.0, 2.0, 3.0)], ids=repr)
def test_host_values_cannot_be_written_into_a_device_array(value: Any, x: cp.ndarray) -> None:
    with pytest.raises(ValueError, match="cannot be used for fill"):
        written(x, ..., value)


@pytest.mark.parametrize("index", [np.array([0, 1]), [0, 1], (slice(None), [0, 1])], ids=repr)
def test_a_host_index_is_refused(index: Any, x: cp.ndarray) -> None:
    with pytest.raises(StrictError, match="host index"):
        x[index]
    with pytest.raises(StrictError, match="host index"):
        written(x, index, 0)


@pytest.mark.parametrize(
    ("name", "use"),
    [
        ("put_along_rows", lambda x: cp.put_along_rows(x)),
        ("nditer", lambda x: cp.nditer(x)),  # numpy has it, CuPy has not
        ("ctypes", lambda x: x.ctypes),
        ("setflags", lambda x: x.setflags(write=False)),
    ],
)
def test_names_that_cupy_has_not_are_attribute_errors(
    name: str, use: Callable[[Any], Any], x: cp.ndarray
) -> None:
    with pytest.raises(AttributeError, match=f"no attribute '{name}'"):
        use(x)


@pytest.mark.parametrize(
    ("keyword", "use"),
    [
        ("where", lambda x: cp.exp(x, where=x > 0)),
        ("where", lambda x: x.sum(where=x > 0)),
        ("initial", lambda x: x.max(initial=0)),
        ("mode", lambda x: cp.take(x, cp.asarray([0]), axis=0, mode="clip")),
    ],
)
def test_keywords_that_cupy_has_not_are_refused(
    keyword: str, use: Callable[[Any], Any], x: cp.ndarray
) -> None:
    index = cp.asarray([0])
    assert index.shape == (1,)
    with pytest.raises(StrictError, match=f"has no keyword .*'{keyword}'"):
        use(x)


def test_take_needs_an_out_of_exact_shape_and_dtype(x: cp.ndarray) -> None:
    index = cp.asarray(np.array([1, 1, 0]))
    out = cp.empty((3, 3), np.float32)
    assert cp.take(x, index, axis=0, out=out) is out
    np.testing.assert_array_equal(out.host, [[3, 4, 5], [3, 4, 5], [0, 1, 2]])
    for wrong in (cp.empty((3, 3), np.float64), cp.empty((4, 3), np.float32)):
        with pytest.raises(StrictError, match="take needs an out of exactly"):
            cp.take(x, index, axis=0, out=wrong)


@pytest.mark.parametrize("function", ["matmul", "dot"])
def test_products_into_strided_memory_are_refused(function: str, x: cp.ndarray) -> None:
    product = getattr(cp, function)
    with pytest.raises(StrictError, match=f"{function} into a strided out"):
        product(x.T, x, out=cp.empty((3, 6), np.float32)[:, ::2])
    out = cp.empty((3, 3), np.float32)
    assert product(x.T, x, out=out) is out
    np.testing.assert_array_equal(out.host, x.host.T @ x.host)


def test_device_arrays_cannot_be_hashed_or_hold_new_names(x: cp.ndarray) -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(x)
    with pytest.raises(AttributeError):
        x.name = "x"


def test_results_are_numpys_and_stay_on_the_device(x: cp.ndarray) -> None:
    y = cp.maximum(x, 2) * x.T.reshape(2, 3) - 1
    assert isinstance(y, cp.ndarray)
    expected = np.maximum(x.host, 2) * x.host.T.reshape(2, 3) - 1
    np.testing.assert_array_equal(y.get(), expected)
    assert y.dtype == np.float32
    assert isinstance(x.sum(), cp.ndarray)  # a 0-d array, no number
    assert x.sum().shape == ()


def test_views_share_memory_and_copies_do_not(x: cp.ndarray) -> None:
    x[1][...] = 7
    x.reshape(-1)[0] = 9
    x[0, 1, ...] += 5
    np.testing.assert_array_equal(x.get(), [[9, 6, 2], [7, 7, 7]])
    x.get()[...] = 0
    source = np.ones(2)
    there = cp.asarray(source)
    source[...] = 0
    np.testing.assert_array_equal(there.get(), [1, 1])
    assert x.get().sum() == 38
