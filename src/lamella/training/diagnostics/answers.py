"""Answers of a classifier on a data set: labels, predictions and confidence."""

from collections.abc import Sequence, Sized
from typing import Any

import numpy as np

from lamella.core.errors import ArgumentError, DataError
from lamella.losses.labels import holds_classes
from lamella.losses.target_kind import TargetKind
from lamella.network.prepare import prepare


def answers_of(model: Any, x: Any, y: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return true and predicted class (N,) of each sample, and the probability of the latter."""
    model.expect_compiled()
    model.built()
    data, _ = prepare(model, x, y, metrics=False)
    target = model.backend.to_host(data.y)
    single = model.shapes[-1] == (1,)
    if single and TargetKind.of(target, model.target_kind) is None:
        raise DataError("there are no classes: the targets are numbers, not answers of 0 and 1")
    if not single and not holds_classes(target):
        raise DataError("there is no class of each sample: some have several labels or none")
    predicted, sure = model.predict_classes(x), model.predict_proba(x)
    if single:
        labels, sure = target.reshape(-1) > 0, np.concatenate([1 - sure, sure], axis=1)
    else:
        labels = target if target.ndim == 1 else target.argmax(axis=1)
    confidence = np.take_along_axis(sure, predicted[:, None], axis=1)[:, 0]
    return labels.astype(np.int64), predicted, confidence


def expect_class_names(model: Any, class_names: Sequence[str] | None) -> list[str]:
    """Return the names of the model's classes, by default their numbers."""
    classes = max(2, model.shapes[-1][0])
    names = range(classes) if class_names is None else class_names
    if isinstance(names, str) or not isinstance(names, Sized) or len(names) != classes:
        raise ArgumentError(f"class_names must have {classes} names, got {names!r:.200}")
    return [str(name) for name in names]
