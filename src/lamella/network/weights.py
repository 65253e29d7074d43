"""Weights of samples, from sample weights and class weights."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from lamella.core.errors import ArgumentError, DataError, ShapeError
from lamella.core.typing import Shape
from lamella.core.wording import first_of
from lamella.losses.labels import as_labels
from lamella.network.arrays import to_numpy

MOST_EXPONENT = 32  # of weights: sums of them and products with losses stay far from the limits


def sample_weights(
    y: np.ndarray, sample_weight: Any, class_weight: Any, out_shape: Shape, dtype: np.dtype
) -> np.ndarray | None:
    """Return the product of sample weights and class weights (N,), or None without either.

    ``y`` are the targets as the user gave them, and both weights those of `Sequential.fit`. The
    shape of one sample's output says how many classes there are.
    """
    if sample_weight is None and class_weight is None:
        return None
    weights = np.ones(len(y))
    if sample_weight is not None:
        given = to_numpy("sample_weight", sample_weight)
        if given.shape != (len(y),):
            raise ShapeError(f"sample_weight must have shape ({len(y)},), got {given.shape}")
        weights *= given
    if class_weight is not None:
        labels = _labels(y)
        for label, weight in _by_label(class_weight, labels, out_shape).items():
            weights[labels == label] *= weight
    if not np.isfinite(weights).all() or weights.min() < 0:
        raise DataError("weights must be finite and at least 0")
    return _scaled(weights, dtype).astype(dtype)


def _scaled(weights: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Return weights of the same ratios that neither overflow nor vanish in a dtype."""
    smallest, largest = weights.min(where=weights > 0, initial=np.inf), weights.max()
    if smallest < largest * np.finfo(dtype).tiny / np.finfo(dtype).eps:
        raise DataError(
            f"weights differ by more than {dtype} can tell apart: the smallest is {smallest:.3g}, "
            f"the largest {largest:.3g}; set tiny ones to 0, or use dtype='float64'"
        )
    exponent = int(np.frexp(largest)[1])
    # Only ratios count, and a power of two changes no bits.
    return np.ldexp(weights, -exponent) if abs(exponent) > MOST_EXPONENT else weights


def _by_label(class_weight: Any, labels: np.ndarray, out_shape: Shape) -> dict[Any, float]:
    """Return the weight of each label."""
    found, counts = np.unique(labels, return_counts=True)
    is_text = isinstance(class_weight, str)
    if is_text and class_weight == "balanced":
        return dict(zip(found.tolist(), len(labels) / (len(found) * counts), strict=True))
    if hasattr(class_weight, "items"):  # a dict, or a Series of pandas
        given = dict(class_weight.items())
        _expect_labels(list(given), found.tolist())
    elif not is_text and (isinstance(class_weight, Sequence) or hasattr(class_weight, "__array__")):
        weights = to_numpy("class_weight", class_weight)
        classes = out_shape[0] if out_shape[0] > 1 else 2
        if weights.shape != (classes,) or found[0] < 0:
            raise ArgumentError(
                f"class_weight as a list must have one weight for each of the labels 0 to "
                f"{classes - 1}, got {class_weight!r:.200}: or give a dict of label to weight"
            )
        given = dict(enumerate(weights))
    else:
        raise ArgumentError(
            'class_weight must be a dict of label to weight, a list, or "balanced", got '
            f"{class_weight!r:.200}"
        )
    return {label: _number(label, weight) for label, weight in given.items()}


def _expect_labels(keys: Sequence[Any], labels: Sequence[Any]) -> None:
    unknown = [key for key in keys if key not in labels]
    if not unknown:
        return
    texts = {str(label): label for label in labels}
    hint = ""
    if str(unknown[0]) in texts:
        hint = f": write {texts[str(unknown[0])]!r} for {unknown[0]!r}"
    raise ArgumentError(
        f"class_weight names classes that y does not have: {unknown!r:.200}; its labels are "
        f"{first_of(labels, 10)}{hint}"
    )


def _number(label: Any, weight: Any) -> float:
    try:
        return float(weight)
    except (TypeError, ValueError):
        raise ArgumentError(f"class_weight[{label!r}] must be a number, got {weight!r}") from None


def _labels(y: np.ndarray) -> np.ndarray:
    """Return the label of each sample (N,): of labels, one-hot rows, or a column of answers."""
    column = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else None
    labels = as_labels(y if column is None else column)
    if labels is None and column is not None and np.isin(column, (-1, 0, 1)).all():
        labels = column.astype(int)
    if labels is None:
        raise DataError(
            "class_weight needs one class a sample: integer labels, one-hot rows or a column of "
            "answers; y has numbers, or rows with several labels: use sample_weight"
        )
    return labels
