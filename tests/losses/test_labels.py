"""Class labels: accepted forms, and errors for the others."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lamella as lm
from lamella.losses.labels import (
    as_labels,
    check_labels,
    check_rows,
    is_integer,
    labels_of_one_hot,
)

INTEGERS = ["int8", "uint8", "int32", "int64", "uint64"]


@pytest.mark.parametrize("dtype", INTEGERS)
def test_labels_of_every_integer_type_become_int64(dtype: str) -> None:
    labels = check_labels(np.array([0, 2, 1], dtype), 3)
    assert labels.dtype == np.int64
    np.testing.assert_array_equal(labels, [0, 2, 1])


def test_booleans_are_the_labels_0_and_1() -> None:
    np.testing.assert_array_equal(check_labels(np.array([True, False]), 2), [1, 0])


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [*((dtype, True) for dtype in INTEGERS), ("bool", True), ("float32", False)],
)
def test_is_integer_goes_by_the_type(dtype: str, expected: bool) -> None:
    assert is_integer(np.ones(2, dtype)) is expected


@settings(deadline=None, derandomize=True, max_examples=30)
@given(
    classes=st.integers(1, 7), data=st.data(), dtype=st.sampled_from(["float32", "int8", "bool"])
)
def test_one_hot_rows_and_labels_say_the_same(
    classes: int, data: st.DataObject, dtype: str
) -> None:
    labels = np.array(data.draw(st.lists(st.integers(0, classes - 1), min_size=1, max_size=9)))
    rows = np.eye(classes, dtype=dtype)[labels]
    np.testing.assert_array_equal(labels_of_one_hot(rows, classes), labels)


@settings(deadline=None, derandomize=True, max_examples=30)
@given(
    classes=st.integers(2, 5),
    row=st.integers(0, 3),
    column=st.integers(0, 4),
    value=st.sampled_from([-1.0, 0.5, 1.0, 2.0, np.nan, np.inf]),
)
def test_a_second_number_in_a_one_hot_row_is_refused(
    classes: int, row: int, column: int, value: float
) -> None:
    rows = np.eye(classes)[np.zeros(4, int)]
    rows[row, 1 + column % (classes - 1)] = value
    assert labels_of_one_hot(rows, classes) is None
    with pytest.raises(lm.errors.DataError, match=f"one-hot rows, or rows of .*; row {row} has"):
        check_rows(rows, np.dtype("float32"))


def test_surplus_of_one_row_does_not_make_up_for_another() -> None:
    rows = np.array([[1, 1], [0, 0]])
    assert labels_of_one_hot(rows, 2) is None
    with pytest.raises(lm.errors.DataError, match="row 0 has values from 1 to 1 of sum 2, or sev"):
        check_rows(rows, np.dtype("float32"))


def test_rows_of_rounded_probabilities_are_soft_targets() -> None:
    rows = [[0.333, 0.333, 0.333], [1, 0, 0]]
    np.testing.assert_array_equal(check_rows(np.array(rows), np.dtype("float32")), np.float32(rows))
    with pytest.raises(lm.errors.DataError, match=r"row 1 has values from 0 to 0\.9 of sum 0\.9$"):
        check_rows(np.array([[0.5, 0.5], [0.0, 0.9]]), np.dtype("float32"))


@pytest.mark.parametrize(
    ("labels", "kind", "text"),
    [
        (np.array([[0], [1]]), lm.errors.ShapeError, r"must have shape \(N,\), got \(2, 1\)"),
        (np.array([0.0]), lm.errors.DataError, "must be integers, got float64"),
        (np.array([3]), lm.errors.DataError, r"in 0\.\.2 for 3 outputs, got values from 3 to 3"),
        (np.array([-1]), lm.errors.DataError, r"in 0\.\.2 for 3 outputs, got values from -1 to -1"),
    ],
)
def test_wrong_labels_are_named(labels: np.ndarray, kind: type[Exception], text: str) -> None:
    with pytest.raises(kind, match=text):
        check_labels(labels, 3)


@pytest.mark.parametrize(
    ("y", "labels"),
    [
        (np.array([2, 0]), [2, 0]),
        (np.array([True, False]), [1, 0]),
        (np.array([[0.0, 1.0], [1.0, 0.0]]), [1, 0]),
        (np.array([0.0, 1.0]), None),
        (np.array([[0], [1]]), None),
        (np.array([[1, 1], [0, 0]]), None),
        (np.array([[0.5, 0.5]]), None),
        (np.array([[0.0, np.nan]]), None),
        (np.zeros((1, 2, 2)), None),
    ],
)
def test_as_labels_reads_labels_and_one_hot_rows(y: np.ndarray, labels: list[int] | None) -> None:
    found = as_labels(y)
    assert (None if found is None else found.tolist()) == labels
