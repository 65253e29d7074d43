"""Random arrays: the numbers depend only on key and draw, and have the right distribution."""

import tracemalloc
from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.backend import Backend
from lamella.backend.random import HostNoise, Noise
from lamella.core.errors import UsageError
from lamella.core.seeds import Streams

BLOCK = HostNoise.BLOCK
KEY = Streams(7).key("noise", 0)
KINDS = ["uniform", "normal", "dropout_mask"]


def draw(backend: Backend, noise: Noise, kind: str, shape: Any, dtype: str = "float32") -> Any:
    """Draw into memory full of NaN, so that an element left out shows."""
    out = backend.xp.full(shape, np.nan, dtype)
    arguments = (0.75,) if kind == "dropout_mask" else ()
    result = getattr(noise, kind)(*arguments, out=out)
    assert result is out
    return backend.to_host(out)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_nth_draw_depends_on_key_and_n_only(backend: Backend, kind: str, dtype: str) -> None:
    noise = backend.noise(KEY)
    for n, (before, shape) in enumerate(
        [("uniform", (3,)), ("dropout_mask", (5, 7)), ("normal", 1)]
    ):
        assert noise.draws == n
        draw(backend, noise, before, shape)
    third = draw(backend, noise, kind, (40, 5), dtype)
    assert noise.draws == 4

    later = backend.noise(KEY)
    later.draws = 3
    np.testing.assert_array_equal(draw(backend, later, kind, (40, 5), dtype), third)
    fourth = draw(backend, later, kind, (40, 5), dtype)
    assert (fourth != third).any()
    noise.draws = 3  # back again
    np.testing.assert_array_equal(draw(backend, noise, kind, (40, 5), dtype), third)


@pytest.mark.parametrize("kind", KINDS)
def test_keys_give_independent_numbers(backend: Backend, kind: str) -> None:
    numbers = [
        draw(backend, backend.noise(Streams(7).key("noise", index)), kind, 4000, "float64")
        for index in range(3)
    ]
    draws = backend.noise(KEY)
    numbers += [draw(backend, draws, kind, 4000, "float64") for _ in range(3)]
    numbers.pop(3)  # draw 0 of key 0, which is there already
    correlation = np.corrcoef(numbers) - np.eye(len(numbers))
    assert np.abs(correlation).max() < 5 / np.sqrt(4000)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_uniform_numbers_fill_zero_to_one(backend: Backend, dtype: str) -> None:
    numbers = draw(backend, backend.noise(KEY), "uniform", (200, 100), dtype)
    assert numbers.dtype == dtype
    assert 0 <= numbers.min() < 1e-3
    assert 1 - 1e-3 < numbers.max() < 1
    fractions = np.histogram(numbers, 10, (0, 1))[0] / numbers.size
    np.testing.assert_allclose(fractions, 0.1, atol=5 * np.sqrt(0.09 / numbers.size))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_normal_numbers_have_the_moments_of_the_normal(backend: Backend, dtype: str) -> None:
    numbers = draw(backend, backend.noise(KEY), "normal", (200, 100), dtype)
    assert numbers.dtype == dtype
    assert np.isfinite(numbers).all()
    error = 5 / np.sqrt(numbers.size)
    assert numbers.mean() == pytest.approx(0, abs=error)
    assert numbers.var() == pytest.approx(1, abs=error * np.sqrt(2))
    assert (numbers**4).mean() == pytest.approx(3, abs=error * np.sqrt(96))


@pytest.mark.parametrize("keep", [0.1, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_dropout_mask_is_zero_or_one_over_keep(backend: Backend, keep: float, dtype: str) -> None:
    out = backend.xp.full((300, 100), np.nan, dtype)
    mask = backend.to_host(backend.noise(KEY).dropout_mask(keep, out=out))
    scale = np.dtype(dtype).type(65536 / round(65536 * keep))
    assert scale == pytest.approx(1 / keep, rel=1e-4)
    assert set(np.unique(mask).tolist()) == {0.0, float(scale)}
    error = 5 * np.sqrt(keep * (1 - keep) / mask.size)
    assert (mask > 0).mean() == pytest.approx(keep, abs=error)
    assert mask.mean(dtype=float) == pytest.approx(1, abs=error / keep)
    # Rows and columns alike: no pattern repeats along an axis.
    for axis, size in ((0, 300), (1, 100)):
        spread = (mask > 0).mean(axis=axis).std()
        assert spread == pytest.approx(np.sqrt(keep * (1 - keep) / size), rel=0.4)


@pytest.mark.parametrize(("keep", "value"), [(1.0, 1.0), (1 - 1e-9, 1.0)])
def test_keeping_all_gives_ones(backend: Backend, keep: float, value: float) -> None:
    out = backend.xp.full(1000, np.nan, "float32")
    backend.noise(KEY).dropout_mask(keep, out=out)
    np.testing.assert_array_equal(backend.to_host(out), np.full(1000, value))


def test_keeping_almost_nothing_stays_finite(backend: Backend) -> None:
    out = backend.xp.full(1000, np.nan, "float32")
    backend.noise(KEY).dropout_mask(1e-9, out=out)
    assert np.isin(backend.to_host(out), [0.0, 65536.0]).all()


@pytest.mark.parametrize(
    "size", [1, 2, 3, 5, BLOCK - 1, BLOCK, BLOCK + 1, BLOCK + 3, 2 * BLOCK + 5]
)
def test_masks_of_any_size_are_filled_to_the_end(backend: Backend, size: int) -> None:
    mask = draw(backend, backend.noise(KEY), "dropout_mask", size)
    np.testing.assert_allclose(mask[mask != 0], 1 / 0.75)
    fraction = (mask > 0).mean()
    assert abs(fraction - 0.75) <= 5 * np.sqrt(0.75 * 0.25 / size)
    if size > BLOCK + 4000:  # the second block does not repeat the first
        assert 0.5 < (mask[:4000] == mask[BLOCK : BLOCK + 4000]).mean() < 0.75


def test_a_mask_is_not_drawn_into_a_view(backend: Backend) -> None:
    noise, view = backend.noise(KEY), backend.zeros(24, "float32").reshape(4, 6)[:, ::2]
    with pytest.raises(UsageError, match="whole array of float32 or float64"):
        noise.dropout_mask(0.5, out=view)
    assert noise.draws == 0


def test_drawing_a_mask_needs_constant_memory() -> None:
    noise, out = HostNoise(KEY), np.empty(100 * BLOCK, np.float32)
    noise.dropout_mask(0.5, out=out)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        noise.dropout_mask(0.5, out=out)
        assert tracemalloc.get_traced_memory()[1] - before < 128 * 1024
    finally:
        tracemalloc.stop()


def test_each_layer_draws_from_its_own_stream(backend: Backend) -> None:
    first, second = lm.Dropout(0.5), lm.Dropout(0.5)
    model = lm.Sequential([first, second], seed=7, backend=backend).build((50,))
    model.forward(backend.asarray(np.ones((4, 50), np.float32)), training=True)
    assert (backend.to_host(first.mask) != backend.to_host(second.mask)).any()
