"""Splits: number and choice of held-out rows of each class."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lamella as lm
from lamella.core.seeds import Streams
from lamella.training.splits import split_rows


def seeded(seed: int = 0) -> Streams:
    return Streams(seed)


def test_every_class_is_split_alike() -> None:
    y = np.repeat([0, 1, 2], [600, 60, 12])
    kept, held = split_rows(y, 0.25, seeded())
    assert np.bincount(y[held]).tolist() == [150, 15, 3]
    assert np.bincount(y[kept]).tolist() == [450, 45, 9]


def test_no_row_is_lost_and_none_is_in_both_parts() -> None:
    kept, held = split_rows(np.arange(50) % 7, 0.3, seeded())
    assert sorted([*kept, *held]) == list(range(50))


def test_both_parts_are_in_the_order_of_the_data() -> None:
    kept, held = split_rows(np.arange(50) % 7, 0.3, seeded())
    assert (np.diff(kept) > 0).all()
    assert (np.diff(held) > 0).all()


def test_the_generator_decides_which_rows() -> None:
    y = np.arange(200) % 4
    first, again, other = (split_rows(y, 0.2, seeded(s))[1].tolist() for s in (0, 0, 1))
    assert first == again
    assert first != other


def test_rows_are_drawn_from_everywhere() -> None:
    _, held = split_rows(np.zeros(1000, int), 0.5, seeded())
    assert 200 < (held < 500).sum() < 300


def test_the_total_is_the_rounded_fraction_where_classes_do_not_divide() -> None:
    y = np.repeat(np.arange(10), 7)
    _, held = split_rows(y, 0.2, seeded())  # 1.4 of each class, 14 in all
    counts = np.bincount(y[held])
    assert counts.sum() == 14
    assert set(counts) == {1, 2}


def test_numbers_are_split_without_regard_to_their_values() -> None:
    y = np.linspace(0, 1, 40)
    kept, held = split_rows(y, 0.25, seeded())
    assert (len(kept), len(held)) == (30, 10)


def test_a_fraction_of_zero_holds_out_nothing() -> None:
    kept, held = split_rows(np.arange(5), 0.0, seeded())
    assert kept.tolist() == [0, 1, 2, 3, 4]
    assert held.size == 0


def test_a_fraction_that_holds_out_nothing_is_refused() -> None:
    with pytest.raises(lm.errors.DataError, match=r"fraction of 0.01 of 10 samples holds out none"):
        split_rows(np.zeros(10, int), 0.01, seeded())


@pytest.mark.parametrize("y", [np.arange(10), np.array([0.5])])
def test_where_no_fraction_can_hold_out_a_sample_the_error_says_so(y: np.ndarray) -> None:
    with pytest.raises(lm.errors.DataError, match="no fraction can, because training keeps one"):
        split_rows(y, 0.5, seeded())


def test_classes_of_one_sample_stay_in_training() -> None:
    y = np.array([0] * 10 + [1])
    kept, _ = split_rows(y, 0.9, seeded())
    assert set(y[kept]) == {0, 1}


@settings(deadline=None, derandomize=True, max_examples=60)
@given(
    counts=st.lists(st.integers(1, 30), min_size=1, max_size=6),
    fraction=st.floats(0.05, 0.95),
    seed=st.integers(0, 3),
)
def test_each_class_gives_its_fraction_to_within_a_sample(
    counts: list[int], fraction: float, seed: int
) -> None:
    y = np.repeat(np.arange(len(counts)), counts)
    try:
        kept, held = split_rows(y, fraction, seeded(seed))
    except lm.errors.DataError:
        assert round(fraction * len(y)) == 0 or max(counts) == 1
        return
    assert sorted([*kept, *held]) == list(range(len(y)))
    found = np.bincount(y[held], minlength=len(counts))
    for number, count in zip(found, counts, strict=True):
        assert number <= count - 1
        assert abs(number - fraction * count) < 1 or number == count - 1
