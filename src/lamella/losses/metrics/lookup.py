"""Metrics by name: objects, those that fit a data set, and the better direction."""

import re
from collections import Counter
from collections.abc import Iterable

import numpy as np

from lamella.core.errors import ArgumentError, DataError
from lamella.core.names import did_you_mean, suggestion
from lamella.core.typing import Shape
from lamella.core.validation import instance
from lamella.losses.base import Loss
from lamella.losses.metrics.base import Metric
from lamella.losses.metrics.binary import BinaryAccuracy, SubsetAccuracy
from lamella.losses.metrics.classification import Accuracy, TopK
from lamella.losses.metrics.regression import MAE, R2, RMSE

METRICS: dict[str, type[Metric]] = {
    kind.name: kind for kind in (Accuracy, BinaryAccuracy, SubsetAccuracy, R2, MAE, RMSE)
}
LOWER_IS_BETTER = ("loss", "penalty", "seconds")
RESERVED = (*LOWER_IS_BETTER, "epoch", "learning_rate")


def get_metrics(metrics: Iterable[str | Metric]) -> list[Metric]:
    """Return metric objects; strings name lamella's own metrics.

    Raise an ArgumentError if one names none, or a name cannot be logged: it is empty, taken or
    given twice.
    """
    if isinstance(metrics, str | Metric | type(None)) or not isinstance(metrics, Iterable):
        written = f"[{metrics!r}]" if isinstance(metrics, str | Metric) else '["accuracy"]'
        raise ArgumentError(f"metrics must be a list, such as {written}; got {metrics!r}")
    found = []
    for metric in metrics:
        named = metric_named(metric) if isinstance(metric, str) else metric
        found.append(instance("metric", named, Metric, "Accuracy()"))
    _expect_names(found)
    return found


def metric_named(name: str) -> Metric:
    """Return a new metric of lamella's own by its name, such as "r2" or "top_5"."""
    if name in METRICS:
        return METRICS[name]()
    if top := re.fullmatch(r"top_([1-9]\d{0,8})", name):
        return TopK(int(top[1]))
    known = [*METRICS, "top_5"]
    found = suggestion(name, known)
    hint = f": {found}" if found else "; lm.classification_report has precision, recall and F1"
    raise ArgumentError(f"metric must be one of {', '.join(known)}; got {name!r}{hint}")


def fitting_metrics(target: np.ndarray, out_shape: Shape, loss: Loss) -> list[str]:
    """Return the names of lamella's metrics that take a data set's targets."""
    names = []
    for name, kind in METRICS.items():
        try:
            kind().check_targets(target, out_shape, loss)
        except DataError:
            continue
        names.append(name)
    return names


def is_higher_better(name: str, metrics: Iterable[Metric] = ()) -> bool:
    """Return whether higher is better for a logged number, by its name without "val_".

    A metric says so itself, one of the model's ``metrics`` or of lamella's own; lower is better for
    the loss, penalties and times. Raise an ArgumentError if no metric of that name says it.
    """
    if name in LOWER_IS_BETTER:
        return False
    own = {metric.name: metric for metric in metrics}
    try:
        metric = own[name] if name in own else metric_named(name)
    except ArgumentError:
        hint = did_you_mean(name, ["loss", *own, *METRICS])
        raise ArgumentError(f"it is not known whether a higher {name!r} is better{hint}") from None
    if metric.higher_is_better is None:
        raise ArgumentError(
            f"it is not known whether a higher {name!r} is better: set higher_is_better in the "
            f"class {type(metric).__name__}"
        )
    return metric.higher_is_better


def _expect_names(metrics: Iterable[Metric]) -> None:
    counts = Counter(metric.name for metric in metrics if isinstance(metric.name, str))
    for metric in metrics:
        kind, name = type(metric).__name__, metric.name
        if not isinstance(name, str) or not name:
            raise ArgumentError(
                f"the metric {kind} needs a name for the logs: write name = {kind.lower()!r} in "
                f"the class; got {name!r}"
            )
        if name in RESERVED or name.startswith("val_"):
            raise ArgumentError(
                f"the metric {kind} cannot have the name {name!r}, which the logs use themselves: "
                "choose another name"
            )
        if counts[name] > 1:
            raise ArgumentError(
                f"{counts[name]} metrics have the name {name!r}: give each a name of its own, as "
                "in metric.name = ..."
            )
