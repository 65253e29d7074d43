"""Inputs and targets: accepted data, and gathered batches."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import lamella as lm
from lamella.backend import Backend, CupyBackend
from lamella.network.batches import (
    SMALL,
    Batches,
    Data,
    check_inputs,
    check_targets,
)
from lamella.testing import strict_cupy

F32 = np.dtype("float32")


def test_inputs_become_contiguous_numbers_of_the_dtype() -> None:
    x, _ = check_inputs([[1, 2], [3, 4]], F32)
    assert x.dtype == F32
    assert x.tolist() == [[1, 2], [3, 4]]
    assert check_inputs(np.ones((4, 6))[:, ::2], F32)[0].flags.c_contiguous


def test_inputs_that_are_right_already_are_not_copied() -> None:
    x = np.ones((4, 3), F32)
    assert np.shares_memory(check_inputs(x, F32)[0], x)


def test_bytes_stay_bytes() -> None:
    x = np.full((2, 3, 3), 255, np.uint8)
    checked, largest = check_inputs(x, F32)
    assert (checked.dtype, largest) == (np.uint8, 1.0)


def test_numbers_too_large_for_the_dtype_name_their_sample() -> None:
    x = np.ones((5, 2))
    x[3, 1] = 1e39
    with pytest.raises(lm.errors.DataError, match=r"too large for float32, first in sample 3"):
        check_inputs(x, F32)
    assert check_inputs(x, np.dtype("float64"))[0][3, 1] == 1e39


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_name_their_sample(value: float) -> None:
    x = np.ones((5, 2, 2), F32)
    x[2, 1, 0] = x[4, 0, 0] = value
    with pytest.raises(lm.errors.DataError, match=r"^x contains NaN or .* in sample 2"):
        check_inputs(x, F32)


@settings(deadline=None, derandomize=True, max_examples=40)
@given(
    x=hnp.arrays(
        st.sampled_from([np.int8, np.uint16, np.int64, np.float16, np.float32, bool]),
        hnp.array_shapes(min_dims=2, max_dims=4, max_side=4),
        elements={"allow_nan": False, "allow_infinity": False},
    )
)
def test_every_finite_array_with_a_batch_axis_is_accepted(x: np.ndarray) -> None:
    checked, largest = check_inputs(x, F32)
    assert checked.shape == x.shape
    assert largest == abs(x.astype(F32)).max()
    np.testing.assert_array_equal(checked, x.astype(F32))


def test_targets_keep_their_type() -> None:
    assert check_targets([1, 2], 2).dtype.kind == "i"
    assert check_targets(np.array([0.5, 1]), 2).dtype == np.float64


@pytest.mark.parametrize("y", [np.zeros(3), np.zeros((5, 4)), np.float64(1.0)])
def test_targets_of_another_length_are_refused(y: np.ndarray) -> None:
    with pytest.raises(lm.errors.ShapeError, match="x has 4 samples, but y has shape"):
        check_targets(y, 4)


def test_gathering_gives_the_rows_asked_for(backend: Backend) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((20, 3)).astype(F32), np.arange(20)
    weight = np.linspace(0, 1, 20, dtype=F32)
    send = backend.asarray
    data, batches = Data(send(x), send(y), send(weight)), Batches(backend, F32)
    for rows in ([3, 1, 19, 3], [0], [5, 4, 3, 2, 1, 0]):
        got = batches.take(data, send(np.array(rows)))
        for array, whole in zip(got, (x, y, weight), strict=True):
            np.testing.assert_array_equal(backend.to_host(array), whole[rows])


def test_gathering_a_slice_gives_the_rows_in_it(backend: Backend) -> None:
    x, y = np.arange(20, dtype=F32).reshape(10, 2), np.arange(10)
    data = Data(backend.asarray(x), backend.asarray(y))
    got_x, got_y, weight = Batches(backend, F32).take(data, slice(8, 12))
    np.testing.assert_array_equal(backend.to_host(got_x), x[8:])
    assert backend.to_host(got_y).tolist() == [8, 9]
    assert weight is None


def test_a_shorter_batch_has_nothing_of_the_one_before(backend: Backend) -> None:
    x = np.arange(40, dtype=np.uint8).reshape(20, 2)
    data, batches = Data(backend.asarray(x), backend.asarray(np.arange(20))), Batches(backend, F32)
    batches.take(data, backend.asarray(np.arange(16)))
    got, labels, _ = batches.take(data, backend.asarray(np.array([18, 17])))
    np.testing.assert_array_equal(backend.to_host(got), x[[18, 17]].astype(F32) / F32.type(255))
    assert backend.to_host(labels).tolist() == [18, 17]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_all_256_greys_are_exact(backend: Backend, dtype: str) -> None:
    x = np.arange(256, dtype=np.uint8).reshape(1, 256)
    feed = Batches(backend, np.dtype(dtype))
    scaled = backend.to_host(feed.scale(backend.asarray(x)))
    assert scaled.dtype == dtype
    np.testing.assert_array_equal(scaled[0], (np.arange(256) / 255).astype(dtype))
    assert scaled[0, 255] == 1.0


def test_the_data_set_itself_is_not_scaled(backend: Backend) -> None:
    x = np.full((4, 2), 200, np.uint8)
    data = Data(backend.asarray(x), backend.asarray(np.arange(4)))
    Batches(backend, F32).take(data, slice(0, 4))
    np.testing.assert_array_equal(backend.to_host(data.x), x)


def test_warmed_up_gathering_makes_no_arrays() -> None:
    backend = CupyBackend(strict_cupy, "stand-in")
    x = backend.asarray(np.zeros((20, 5), np.uint8))
    data, batches = Data(x, backend.asarray(np.arange(20))), Batches(backend, F32)
    rows = backend.asarray(np.arange(8))
    batches.take(data, rows)
    strict_cupy.counts.reset()
    for _ in range(5):
        batches.take(data, rows)
    assert strict_cupy.counts.allocations == 0
    assert strict_cupy.counts.syncs == 0


def test_images_are_scaled_alike_however_they_are_chosen(backend: Backend) -> None:
    images = np.random.default_rng(0).integers(0, 256, (20, 5, 5), dtype=np.uint8)
    data = Data(backend.asarray(images), backend.asarray(np.arange(20)))
    expected = images.astype(F32) / F32.type(255)
    batches = Batches(backend, F32)
    picked, y, _ = batches.take(data, backend.asarray(np.array([7, 0, 19])))
    np.testing.assert_array_equal(backend.to_host(picked), expected[[7, 0, 19]])
    assert backend.to_host(y).tolist() == [7, 0, 19]
    ranged, _, _ = batches.take(data, slice(4, 9))
    np.testing.assert_array_equal(backend.to_host(ranged), expected[4:9])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_few_inputs_are_always_in_the_same_memory(backend: Backend, dtype: str) -> None:
    batches, rng = Batches(backend, np.dtype(dtype)), np.random.default_rng(0)
    for shape in ((3, 4), (1, 2, 5), (3, 4)):
        places = []
        for _ in range(3):
            x = rng.standard_normal(shape).astype(dtype)
            given = backend.asarray(x)
            got = batches.stage(given)
            assert got.dtype == dtype
            assert got is not given
            np.testing.assert_array_equal(backend.to_host(got), x)
            np.testing.assert_array_equal(backend.to_host(given), x)
            places.append(got)
        assert places[0] is places[1] is places[2]


def test_few_images_are_fixed_as_bytes_and_scaled_from_there(backend: Backend) -> None:
    batches = Batches(backend, F32)
    first = batches.stage(backend.asarray(np.full((2, 3), 255, np.uint8)))
    assert (backend.to_host(batches.scale(first)) == 1).all()
    images = np.arange(6, dtype=np.uint8).reshape(2, 3)
    second = batches.stage(backend.asarray(images))
    assert second is first
    scaled = backend.to_host(batches.scale(second))
    np.testing.assert_array_equal(scaled, images.astype(F32) / F32.type(255))


def test_many_images_are_scaled_at_once(backend: Backend) -> None:
    images = np.arange(SMALL + 1, dtype=np.uint8).reshape(1, -1)
    got = backend.to_host(Batches(backend, F32).stage(backend.asarray(images)))
    np.testing.assert_array_equal(got, images.astype(F32) / F32.type(255))


@pytest.mark.parametrize("more", [0, 1])
def test_many_inputs_are_not_copied(backend: Backend, more: int) -> None:
    x = backend.asarray(np.arange(SMALL + more, dtype=F32).reshape(1, -1))
    got = Batches(backend, F32).stage(x)
    assert (got is x) == bool(more)
    np.testing.assert_array_equal(backend.to_host(got), backend.to_host(x))


def test_fewer_inputs_have_nothing_of_those_before(backend: Backend) -> None:
    batches = Batches(backend, F32)
    batches.stage(backend.asarray(np.full((9, 4), 7, F32)))
    x = np.arange(8, dtype=F32).reshape(2, 4)
    np.testing.assert_array_equal(backend.to_host(batches.stage(backend.asarray(x))), x)
    more = np.arange(48, dtype=F32).reshape(12, 4)
    np.testing.assert_array_equal(backend.to_host(batches.stage(backend.asarray(more))), more)


def test_fixed_inputs_and_gathered_ones_are_in_memory_of_their_own(backend: Backend) -> None:
    batches, x = Batches(backend, F32), np.arange(12, dtype=F32).reshape(4, 3)
    data = Data(backend.asarray(x), backend.asarray(np.arange(4)))
    gathered, _, _ = batches.take(data, backend.asarray(np.array([3, 1])))
    fixed = batches.stage(backend.asarray(x[:2] + 100))
    np.testing.assert_array_equal(backend.to_host(gathered), x[[3, 1]])
    np.testing.assert_array_equal(backend.to_host(fixed), x[:2] + 100)
