"""Images distorted by compiled code: numpy's bits for any number of threads and images."""

from typing import Any

import numpy as np
import pytest

from lamella.backend import threads

pytest.importorskip("numba", reason="compiled loops need numba: pip install 'lamella[fast]'")

import lamella as lm
from lamella.backend import distortion as plain
from lamella.backend.numba.distortion import TASK_IMAGES, distort
from lamella.core.errors import DataError, ShapeError

SHAPE = (11, 13)


def distortion_of(samples: int) -> plain.Distortion:
    augment = lm.Augment(shift=2, rotate=30, scale=0.2, elastic=1, thickness=0.5, noise=0.1)
    warps = augment.warps(np.random.default_rng(3).uniform(-1, 1, (samples, 6)), *SHAPE)
    rows, columns = map(plain.spline_weights, SHAPE)
    return plain.Distortion(*SHAPE, warps, rows, columns.T.copy(), 0.1, True, 2**63 + 7)


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("count", [1, TASK_IMAGES - 1, TASK_IMAGES, 5 * TASK_IMAGES + 3])
def test_batches_of_any_length_are_distorted_by_any_number_of_threads(
    count: int, number: int, three_threads: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "thread_budget", lambda: number)
    rng, how = np.random.default_rng(count), distortion_of(count + 9)
    index = rng.permutation(count + 9)[:count]
    images = rng.random((count, *SHAPE), "f4")
    expected = images.copy()
    plain.distort(np, expected, index, how)
    for _ in range(10):
        got = images.copy()
        distort(got, index, how)
        np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("wrong", [20, -1, 10**12])
def test_index_out_of_range_is_an_error_and_nothing_is_written(wrong: int) -> None:
    x = np.ones((2, *SHAPE), "f4")
    with pytest.raises(DataError, match="out of range"):
        distort(x, np.array([0, wrong]), distortion_of(20))
    assert (x == 1).all()


@pytest.mark.parametrize("shape", [(2, 11, 12), (3, 11, 13)], ids=str)
def test_a_batch_of_another_shape_is_an_error(shape: Any) -> None:
    with pytest.raises(ShapeError, match=r"needs 2 images of 11 x 13 pixels"):
        distort(np.ones(shape, "f4"), np.arange(2), distortion_of(20))
