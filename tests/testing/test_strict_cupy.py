"""The stand-in for cupy: that it refuses what it says it refuses, and counts right."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lamella.testing import strict_cupy as cp
from lamella.testing.strict_cupy import Counts, StrictError, counts


@pytest.fixture
def x() -> cp.ndarray:
    """Six numbers on the device, with all counts at 0 after that."""
    array = cp.asarray(np.arange(6.0, dtype=np.float32).reshape(2, 3))
    counts.reset()
    return array


HOST = np.ones((2, 3), np.float32)


def written(x: Any, index: Any, value: Any) -> None:
    x[index] = value


def added(x: Any, value: Any) -> None:
    x += value


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


def test_a_kernel_can_do_only_what_its_text_says(x: cp.ndarray) -> None:
    with pytest.raises(NameError):
        kernel("o0 = open(a0);")(x, np.float32(2), x)


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
