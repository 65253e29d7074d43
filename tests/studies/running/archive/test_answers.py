"""Coding of predictions."""

import numpy as np
import pytest

from lamella.core.errors import DataError, FileFormatError
from lamella.studies.running.archive.answers import decode, encode, find_labels

LABELS = np.array([3, 1, 0, 2, 2, 9], np.uint8)
GOOD = np.array([3, 1, 0, 2, 7, 8], np.uint8)
GUESS = np.array([4, 4, 4, 4, 4, 4], np.uint8)
BOTH = np.stack([GOOD, GUESS])
RIGHT = BOTH == LABELS


def test_labels_come_from_right_answers() -> None:
    found = find_labels(BOTH, RIGHT)
    assert found.tolist() == [3, 1, 0, 2, 0, 0]  # no run gave class 0 to the last two
    np.testing.assert_array_equal(found == BOTH, RIGHT)


def test_runs_without_right_answers_do_not_decide_labels() -> None:
    found = find_labels(BOTH, [RIGHT[0], np.zeros(0, bool)])
    np.testing.assert_array_equal(found == GOOD, RIGHT[0])


def test_runs_that_disagree_on_the_right_answers_are_refused() -> None:
    with pytest.raises(DataError, match="disagree on the right answers"):
        find_labels(BOTH, np.ones((2, 6), bool))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_answers_come_back(dtype: type) -> None:
    labels = LABELS.astype(dtype)
    codes, order, raw = encode(BOTH.astype(dtype), labels)
    assert raw == [False, True]
    assert codes[0].tolist() == [0, 0, 0, 0, *np.array([5, -1]).astype(dtype)]
    predictions, correct = decode(codes.ravel(), labels, order, raw)
    assert predictions.dtype == dtype
    np.testing.assert_array_equal(predictions, BOTH)
    np.testing.assert_array_equal(correct, RIGHT)


@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4, 4], [0, 1, 2, 3, 4, 6], [0, 1]])
def test_an_order_that_is_none_is_refused(order: list[int]) -> None:
    codes, _, raw = encode(BOTH, LABELS)
    with pytest.raises(FileFormatError, match="do not fit"):
        decode(codes.ravel(), LABELS, np.array(order, np.uint32), raw)


def test_codes_of_another_size_or_type_are_refused() -> None:
    codes, order, raw = encode(BOTH, LABELS)
    with pytest.raises(FileFormatError, match="do not fit"):
        decode(codes.ravel()[:-1], LABELS, order, raw)
    with pytest.raises(FileFormatError, match="right types"):
        decode(codes.ravel().astype(np.uint16), LABELS, order, raw)
