"""Checks of class labels."""

import numpy as np

from lamella.core.errors import DataError, ShapeError

SUM_TOLERANCE = 1e-3  # of rows of rounded probabilities


def is_integer(array: np.ndarray) -> bool:
    """Whether an array holds whole numbers by its type."""
    return bool(np.issubdtype(array.dtype, np.integer)) or array.dtype == bool


def check_labels(labels: np.ndarray, classes: int) -> np.ndarray:
    """Return labels as int64 if they are integers (N,) in 0..classes-1, else raise."""
    if labels.ndim != 1:
        raise ShapeError(f"labels must have shape (N,), got {labels.shape}")
    if labels.dtype.kind == "f" and np.isnan(labels).any():
        first = int(np.flatnonzero(np.isnan(labels))[0])
        raise DataError(
            f"labels have missing values (NaN), first in sample {first}: drop these samples, then "
            "use y.astype(int)"
        )
    if not is_integer(labels):
        is_whole = bool((labels == np.floor(labels)).all())
        remedy = "use y.astype(int)" if is_whole else "for numbers, use MeanSquaredError()"
        fractions = "" if is_whole else " with fractions"
        raise DataError(f"labels must be integers, got {labels.dtype}{fractions}: {remedy}")
    if labels.min() < 0 or labels.max() >= classes:
        shifted = labels.min() == 1 and labels.max() == classes
        hint = ": they count from 1, use y - 1" if shifted else ""
        raise DataError(
            f"labels must be in 0..{classes - 1} for {classes} outputs, got values from "
            f"{labels.min()} to {labels.max()}{hint}"
        )
    return labels.astype(np.int64, copy=False)


def as_labels(y: np.ndarray) -> np.ndarray | None:
    """Return the labels (N,) of integer labels or one-hot rows (N, classes > 1), else None."""
    if y.ndim == 1:
        return y if is_integer(y) else None
    return _hot_columns(y) if y.ndim == 2 and y.shape[1] > 1 else None


def holds_classes(target: np.ndarray) -> bool:
    """Whether targets are labels (N,), one-hot rows or rows of probabilities (N, classes > 1)."""
    if target.ndim == 1:
        return is_integer(target)
    if target.ndim != 2 or target.shape[1] < 2 or target.min() < 0:
        return False
    return bool((abs(target.sum(axis=1) - 1) <= SUM_TOLERANCE).all())


def labels_of_one_hot(rows: np.ndarray, classes: int) -> np.ndarray | None:
    """Return the labels (N,) of one-hot rows (N, classes); None if they are not one-hot."""
    if rows.shape[1] != classes:
        hint = ": labels in a column are reshaped with y.reshape(-1)" if rows.shape[1] == 1 else ""
        raise ShapeError(
            f"one-hot and soft targets must have {classes} columns, one for each output, got "
            f"{rows.shape[1]}{hint}"
        )
    return _hot_columns(rows)


def check_rows(rows: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Return soft targets, rows (N, classes) of probabilities, in ``dtype``, else raise."""
    sums = rows.sum(axis=1, dtype=float)
    wrong = np.flatnonzero(~((abs(sums - 1) <= SUM_TOLERANCE) & (rows.min(axis=1) >= 0)))
    if len(wrong):
        row = int(wrong[0])
        several = ", or several labels a row: use SigmoidCrossEntropy() for those"
        is_several = bool(np.isin(rows, (0, 1)).all())
        raise DataError(
            "targets with two axes must be one-hot rows, or rows of probabilities of sum 1; row "
            f"{row} has values from {rows[row].min():g} to {rows[row].max():g} of sum "
            f"{sums[row]:g}{several * is_several}"
        )
    return np.ascontiguousarray(rows, dtype)


def _hot_columns(rows: np.ndarray) -> np.ndarray | None:
    if np.count_nonzero(rows) != len(rows) or not (rows.max(axis=1) == 1).all():
        return None
    return np.asarray(rows.argmax(axis=1))
