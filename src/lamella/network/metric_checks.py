"""Checks of metrics on a data set, once before it is scored."""

import itertools

import numpy as np

from lamella.core.errors import DataError, ShapeError
from lamella.losses.metrics import Metric, fitting_metrics
from lamella.losses.target_kind import TargetKind
from lamella.network.trainable import Trainable


def check_metrics(model: Trainable, target: np.ndarray, kind: TargetKind | None) -> None:
    """Check that a model's metrics take a data set's targets and give one number a sample.

    ``kind`` is that of the training data, or of these. Otherwise raise a DataError that names the
    metrics that do, or a ShapeError at other numbers, such as the mean of the batch.
    """
    out_shape = model.shapes[-1]
    for metric in model.metrics:
        with model.turns.lock:  # scores use the metric's memory, and its targets
            metric.targets = kind
            try:
                metric.check_targets(target, out_shape, model.loss)
            except DataError as error:
                fitting = fitting_metrics(target, out_shape, model.loss)
                hint = f": metrics that take these targets are {', '.join(map(repr, fitting))}"
                is_other = fitting and metric.name not in fitting
                raise DataError(f"{error}{hint * bool(is_other)}") from error
            _check_scores(model, metric, target)


def _check_scores(model: Trainable, metric: Metric, target: np.ndarray) -> None:
    """Score a few samples with made-up outputs; their number is no other size of the arrays."""
    shape = model.shapes[-1]
    expected = metric.score_shape(shape)
    sizes = {*shape, *target.shape[1:], *expected}
    count = next(n for n in itertools.count(2) if n not in sizes)
    few = model.backend.asarray(target[np.arange(count) % len(target)])
    pred = model.backend.xp.full((count, *shape), 0.5, model.dtype)
    with np.errstate(all="ignore"):
        scores = metric.score(pred, few)
    found = getattr(scores, "shape", None)
    if found == (count, *expected):
        return
    given = f"the {type(scores).__name__} {scores!r}" if found is None else f"the shape {found}"
    per_sample = found is not None and found[:1] == (count,)
    remedy = (
        "return scores.mean(axis=1)" if per_sample else "leave the mean over samples to lamella"
    )
    wanted = ", ".join(map(str, ("N", *expected)))
    raise ShapeError(
        f"{type(metric).__name__}.score must return one number for each sample, an array of shape "
        f"({wanted}{',' * (not expected)}); got {given} for {count} samples: {remedy}"
    )
