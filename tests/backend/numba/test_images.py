"""Images gathered and divided by 255 in one pass: numpy's bits for all sizes."""

from typing import Any

import numpy as np
import pytest

from lamella.backend import threads

pytest.importorskip("numba", reason="compiled loops need numba: pip install 'lamella[fast]'")

from lamella.backend.numba.images import PARALLEL_FROM, TASK_IMAGES, scale_images
from lamella.core.errors import DataError, ShapeError

DTYPES = ["float32", "float64"]


def scaled(images: np.ndarray, index: np.ndarray | None, dtype: str) -> np.ndarray:
    """Return the result; assert that nothing else is written and the images are unchanged."""
    before = images.copy()
    count = len(images) if index is None else len(index)
    memory = np.full((count + 2, *images.shape[1:]), np.nan, dtype)
    scale_images(images, index, memory[1:-1])
    assert np.isnan(memory[[0, -1]]).all()
    np.testing.assert_array_equal(images, before)
    return memory[1:-1]


def divided(images: np.ndarray, dtype: str) -> np.ndarray:
    return np.divide(images, 255, dtype=dtype)


def photos(count: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(count).integers(0, 256, (count, *shape)).astype(np.uint8)


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_byte_is_divided_to_the_last_bit(dtype: str) -> None:
    images = np.arange(256, dtype=np.uint8).reshape(16, 16)
    got = scaled(images, None, dtype)
    np.testing.assert_array_equal(got, divided(images, dtype))
    np.testing.assert_array_equal(got.ravel(), (np.arange(256) / np.float64(255)).astype(dtype))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(1,), (7,), (784,), (28, 28), (3, 5, 2), (3, 32, 33)], ids=str)
def test_images_of_any_shape_are_scaled(shape: tuple[int, ...], dtype: str) -> None:
    images = photos(30, *shape)
    index = np.array([29, 0, 3, 3, 17, 28])
    np.testing.assert_array_equal(scaled(images, None, dtype), divided(images, dtype))
    np.testing.assert_array_equal(scaled(images, index, dtype), divided(images[index], dtype))


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize(
    "count",
    [
        1,
        TASK_IMAGES - 1,
        TASK_IMAGES,
        TASK_IMAGES + 1,
        2 * TASK_IMAGES + 3,
        *(PARALLEL_FROM // 64 + d for d in (-1, 0, 1)),
    ],
)
def test_batches_of_any_length_are_scaled_by_any_number_of_threads(
    count: int, number: int, three_threads: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "thread_budget", lambda: number)
    images = photos(count + 50, 64)
    index = np.random.default_rng(1).permutation(len(images))[:count]
    for _ in range(10):
        np.testing.assert_array_equal(
            scaled(images, index, "float32"), divided(images[index], "float32")
        )
        np.testing.assert_array_equal(
            scaled(images[:count], None, "float32"), divided(images[:count], "float32")
        )


def test_images_of_any_form_are_scaled() -> None:
    images = photos(20, 6, 4)
    read_only = images.copy()
    read_only.flags.writeable = False
    for form in (read_only, images[::2], images[:, ::-1], images.transpose(0, 2, 1), images[3:9]):
        np.testing.assert_array_equal(scaled(form, None, "float32"), divided(form, "float32"))


def test_part_of_an_order_is_followed() -> None:
    images, order = photos(20, 6), np.random.default_rng(2).permutation(20)
    order.flags.writeable = False
    for start in range(0, 20, 7):
        index = order[start : start + 7]
        np.testing.assert_array_equal(
            scaled(images, index, "float32"), divided(images[index], "float32")
        )


@pytest.mark.parametrize("wrong", [20, -1, 10**12])
def test_index_out_of_range_is_an_error_and_nothing_is_written(wrong: int) -> None:
    images, out = photos(20, 6), np.full((4, 6), np.nan, "f4")
    with pytest.raises(DataError, match="out of range"):
        scale_images(images, np.array([0, 19, wrong, 1]), out)
    assert np.isnan(out).all()


@pytest.mark.parametrize("shape", [(4, 6), (2, 6), (3, 5), (3, 7), (3, 6, 1)], ids=str)
def test_memory_of_another_shape_is_an_error(shape: tuple[int, ...]) -> None:
    for index in (np.arange(3), None):
        with pytest.raises(ShapeError, match=r"cannot pick 3 of the images \(3, 6\)"):
            scale_images(photos(3, 6), index, np.zeros(shape, "f4"))
