"""Backends: allocation, conversion and indexing are the same on all of them."""

import numpy as np
import pytest

from lamella.backend import Backend, CupyBackend
from lamella.backend.elementwise import trace
from lamella.testing import strict_cupy

ON_DEVICES = ["strict", pytest.param("cupy", marks=pytest.mark.gpu)]


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8", "int64", "bool"])
@pytest.mark.parametrize("size", [0, 1, 15, 16, 1000])
def test_zeros_are_zero_contiguous_and_aligned(backend: Backend, size: int, dtype: str) -> None:
    vectors = [backend.zeros(size, dtype) for _ in range(3)]
    for vector in vectors:
        assert (vector.shape, vector.dtype) == ((size,), np.dtype(dtype))
        assert vector.flags.c_contiguous
        assert not backend.to_host(vector).any()
        if backend.on_host:
            assert size == 0 or vector.ctypes.data % 64 == 0
        elif backend.xp is not strict_cupy:
            assert vector.data.ptr % 64 == 0
    vectors[0][...] = 1
    assert backend.to_host(vectors[0]).sum() == size
    assert not backend.to_host(vectors[1]).any()


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8", "int64", "bool"])
def test_arrays_come_back_from_the_backend_as_they_went(backend: Backend, dtype: str) -> None:
    array = np.arange(12).reshape(3, 4).astype(dtype)
    there = backend.asarray(array)
    assert isinstance(there, backend.xp.ndarray)
    back = backend.to_host(there)
    assert type(back) is np.ndarray
    assert back.dtype == array.dtype
    np.testing.assert_array_equal(back, array)


def test_asarray_casts_and_makes_contiguous(backend: Backend) -> None:
    array = np.arange(12.0).reshape(3, 4)
    for given in (array.T, backend.asarray(array).T, array.T.tolist()):
        there = backend.asarray(given, "float32")
        assert there.flags.c_contiguous
        assert there.dtype == np.float32
        np.testing.assert_array_equal(backend.to_host(there), array.T)


def test_asarray_copies_only_where_it_must(backend: Backend) -> None:
    array = backend.asarray(np.zeros(4, np.float32))
    for same in (backend.asarray(array), backend.asarray(array, "float32")):
        same[...] = same + 1
    np.testing.assert_array_equal(backend.to_host(array), [2, 2, 2, 2])
    other = backend.asarray(array, "float64")
    other[...] = 9
    np.testing.assert_array_equal(backend.to_host(array), [2, 2, 2, 2])


@pytest.mark.parametrize("kind", ["uint8", "int64", "float32", "float64"])
@pytest.mark.parametrize("index", ["int64", "uint8"])
def test_take_copies_the_rows_of_an_index(backend: Backend, kind: str, index: str) -> None:
    images = np.arange(60).reshape(5, 3, 4).astype(kind)
    rows = np.array([4, 0, 4, 2], index)
    out = backend.xp.zeros((4, 3, 4), kind)
    result = backend.take(backend.asarray(images), backend.asarray(rows), out)
    np.testing.assert_array_equal(backend.to_host(out), images[rows])
    np.testing.assert_array_equal(backend.to_host(result), images[rows])


def test_take_of_labels_fills_a_vector(backend: Backend) -> None:
    labels = np.array([7, 5, 3], np.int64)
    out = backend.zeros(2, np.int64)
    backend.take(backend.asarray(labels), backend.asarray(np.array([2, 0])), out)
    np.testing.assert_array_equal(backend.to_host(out), [3, 7])


@pytest.mark.parametrize("backend", ON_DEVICES, indirect=True)
def test_a_device_is_not_on_the_host(backend: Backend) -> None:
    assert isinstance(backend, CupyBackend)
    assert (backend.name, backend.on_host) == ("cupy", False)


def test_bound_rules_write_into_their_outputs(backend: Backend) -> None:
    w = backend.asarray(np.array([1.0, 2.0], np.float32))
    run = backend.compile_rule(trace(lambda w, a: w + a, 1, 1), [w], [w])
    assert run(0.5) is None
    np.testing.assert_array_equal(backend.to_host(w), [1.5, 2.5])
