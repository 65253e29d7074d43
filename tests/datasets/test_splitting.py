"""Seeded splits of a data set."""

import numpy as np
import pytest

import lamella as lm
from lamella.core.errors import ArgumentError, DataError, ShapeError
from lamella.datasets import train_test_split


def numbered(n: int = 100) -> tuple[np.ndarray, np.ndarray]:
    return np.arange(3 * n, dtype="float32").reshape(n, 3), np.arange(n) % 4


def test_samples_and_targets_stay_together_and_none_is_lost() -> None:
    x, y = numbered()
    train, test = train_test_split(x, y, test=0.25)
    assert isinstance(train, lm.datasets.Samples)
    rows = [part.x[:, 0].astype(int) // 3 for part in (train, test)]
    assert sorted(np.concatenate(rows)) == list(range(100))
    for part, row in zip((train, test), rows, strict=True):
        np.testing.assert_array_equal(part.y, row % 4)
        np.testing.assert_array_equal(part.x, x[row])
        assert (np.diff(row) > 0).all()


def test_every_class_is_split_alike() -> None:
    y = np.repeat([0, 1, 2], [80, 40, 20])
    train, test = train_test_split(np.zeros((140, 1)), y, test=0.25)
    assert np.bincount(test.y).tolist() == [20, 10, 5]
    assert np.bincount(train.y).tolist() == [60, 30, 15]


def test_a_fifth_by_default() -> None:
    train, test = train_test_split(*numbered())
    assert (len(train.x), len(test.x)) == (80, 20)


def test_the_seed_decides() -> None:
    first, again, other = (train_test_split(*numbered(), seed=s)[1].x for s in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_types_are_kept() -> None:
    train, test = train_test_split(
        np.zeros((10, 2, 2), np.uint8), np.arange(10, dtype=np.int16) % 2
    )
    assert train.x.dtype == test.x.dtype == np.uint8
    assert train.y.dtype == np.int16


def test_the_parts_are_copies() -> None:
    x, y = numbered()
    _, test = train_test_split(x, y)
    test.x[...] = -1
    assert x.min() == 0


def test_lists_and_numbers_can_be_split() -> None:
    train, test = train_test_split([[0.0], [1.0], [2.0], [3.0]], [0.5, 1.5, 2.5, 3.5], test=0.5)
    assert sorted([*train.y, *test.y]) == [0.5, 1.5, 2.5, 3.5]
    np.testing.assert_array_equal(test.x[:, 0] + 0.5, test.y)


@pytest.mark.parametrize("share", [1.0, -0.1, "half", None])
def test_a_fraction_out_of_range_is_refused(share: object) -> None:
    with pytest.raises(ArgumentError, match="test must be"):
        train_test_split(*numbered(), test=share)


@pytest.mark.parametrize("share", [0.0, 1e-6])
def test_a_fraction_without_samples_is_refused(share: float) -> None:
    with pytest.raises((ArgumentError, DataError), match=r"fraction|test must be"):
        train_test_split(*numbered(), test=share)


def test_other_lengths_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"x has 100 samples, but y has shape \(99,\)"):
        train_test_split(numbered()[0], np.arange(99))


@pytest.mark.parametrize("which", [0, 1])
def test_masked_arrays_are_refused(which: int) -> None:
    given = list(numbered())
    given[which] = np.ma.masked_equal(given[which], 3)
    with pytest.raises(DataError, match=f"^{'xy'[which]} has [0-9]+ masked value"):
        train_test_split(*given)
