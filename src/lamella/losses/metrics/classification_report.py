"""Precision, recall and F1 of each class, with the confusion matrix."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from lamella.core.errors import ArgumentError, DataError
from lamella.core.html import html_table
from lamella.core.signatures import known_arguments
from lamella.core.validation import expect_unmasked, texts
from lamella.losses.labels import as_labels, check_labels, is_integer

MOST_CLASSES = 10_000  # a matrix of them has 800 MB


class ClassificationReport:
    """Confusion matrix and scores of each class; printing shows them as tables.

        precision = right / predicted    recall = right / support
        F1 = 2 right / (predicted + support)

    ``matrix[i, j]`` counts the samples of class i that were predicted as class j, and ``support``
    those of each class. A score whose denominator is 0 is 0.

    References
    ----------
    Equal to sklearn.metrics.precision_recall_fscore_support(zero_division=0).
    """

    def __init__(self, matrix: np.ndarray, class_names: list[str]) -> None:
        right, predicted, support = matrix.diagonal(), matrix.sum(axis=0), matrix.sum(axis=1)
        self.matrix, self.class_names, self.support = matrix, class_names, support
        self.precision = right / np.maximum(predicted, 1)
        self.recall = right / np.maximum(support, 1)
        self.f1 = 2 * right / np.maximum(predicted + support, 1)
        self.accuracy = float(right.sum() / matrix.sum())

    def __str__(self) -> str:
        scores, counts = self._tables()
        return f"{_table(scores)}\n\naccuracy {self.accuracy:.4f}\n\n{_table(counts)}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        titles = f"Accuracy {self.accuracy:.4f}", "Confusion matrix"
        tables = zip(titles, self._tables(), strict=True)
        return "".join(html_table(title, rows[0], rows[1:]) for title, rows in tables)

    def _tables(self) -> tuple[list[list[str]], list[list[str]]]:
        """Return the scores and the matrix as rows of text, headings first."""
        scores = self.precision, self.recall, self.f1
        rows = [["class", "precision", "recall", "F1", "samples"]]
        counts = [["true \\ predicted", *self.class_names]]
        for i, name in enumerate(self.class_names):
            rows.append([name, *(f"{score[i]:.4f}" for score in scores), f"{self.support[i]:,}"])
            counts.append([name, *map(str, self.matrix[i])])
        means = (f"{score.mean():.4f}" for score in scores)
        return [*rows, ["mean", *means, f"{self.matrix.sum():,}"]], counts


@known_arguments
def classification_report(
    y: Any, predicted: Any, class_names: Sequence[str] | None = None
) -> ClassificationReport:
    """Return precision, recall and F1 of each class, and the confusion matrix.

    Parameters
    ----------
    y : array
        Labels (N,) or one-hot rows (N, classes).
    predicted : array
        Labels (N,), such as ``model.predict_classes(x)``.
    class_names : sequence of str, optional
        Numbers by default.

    Raises
    ------
    DataError
        If these are no labels, or there are none.
    """
    expect_unmasked("y", y)
    expect_unmasked("predicted", predicted)
    try:
        given, found = np.asarray(y), np.asarray(predicted)
    except ValueError as error:
        raise DataError(f"rows of different lengths do not form an array: {error}") from error
    labels = as_labels(given) if given.ndim and given.size else None
    if labels is None or found.shape != labels.shape or not is_integer(found):
        raise DataError(
            "classification_report takes labels (N,) or one-hot rows and as many predicted "
            f"labels, such as model.predict_classes(x); got {given.dtype} of shape {given.shape} "
            f"and {found.dtype} of shape {found.shape}{_of_text(given, found)}"
        )
    least = given.shape[1] if given.ndim == 2 else 0
    count = max(least, int(labels.max()) + 1, int(found.max()) + 1)
    if count > MOST_CLASSES:
        raise DataError(
            f"classification_report takes labels below {MOST_CLASSES:,}, got {count - 1:,}: number "
            "the classes from 0, as np.unique(y, return_inverse=True)[1] does"
        )
    numbers = map(str, range(count))
    names = texts("class_names", numbers if class_names is None else class_names)
    if len(names) < count:
        raise ArgumentError(f"class_names must have {count} names, got {class_names!r:.200}")
    labels, found = check_labels(labels, len(names)), check_labels(found, len(names))
    return ClassificationReport(confusion_matrix(labels, found, len(names)), names)


def confusion_matrix(labels: np.ndarray, predictions: np.ndarray, classes: int) -> np.ndarray:
    """Count how often class i was predicted as class j, shape (classes, classes)."""
    pairs = labels.astype(np.int64) * classes + predictions
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


def _of_text(*arrays: np.ndarray) -> str:
    is_text = any(array.dtype.kind in "OSTU" for array in arrays)
    return ": number text by names, y = np.unique(y, return_inverse=True)" if is_text else ""


def _table(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ([cell.rjust(w) for cell, w in zip(row, widths, strict=True)] for row in rows)
    return "\n".join("  ".join(line) for line in lines)
