"""Measures of the claims, in addition to the scores of every run."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lamella.core.names import expect_known
from lamella.studies.analysis.measures import (
    MEASURES,
    TIME,
    Measure,
    TimeTo,
    get_measure,
    time_to,
)
from lamella.studies.running.archived_run import step_summary
from lamella.studies.running.run import Run


@dataclass(frozen=True)
class Derived(Measure):
    """A measure computed from the history of a run."""

    compute: Callable[[Run], float]

    def of(self, run: Run) -> float:
        return float(self.compute(run))


def _column(run: Run, name: str) -> np.ndarray:
    return np.array([row.get(name, math.nan) for row in run.epochs], np.float64)


def _mean(values: np.ndarray, least: int = 1) -> float:
    return float(values.mean()) if len(values) >= least else math.nan


def _percent(
    name: str, label: str, higher: bool, compute: Callable[[Run], float], digits: int = 2
) -> Derived:
    return Derived(name, label, "%", higher, digits, compute)


def _loss(name: str, label: str, compute: Callable[[Run], float]) -> Derived:
    return Derived(name, label, "", higher_is_better=False, digits=4, compute=compute)


def _largest_fall(run: Run) -> float:
    """Return the largest decrease of validation accuracy from an epoch to the next; 0 if none."""
    rises = np.diff(_column(run, "val_accuracy"))
    return float(np.maximum(0.0, -rises).max(initial=0.0)) if len(run.epochs) > 1 else math.nan


def _gradient_ratio(run: Run) -> float:
    """Return the mean gradient of the first layer, divided by that of the last one."""
    names = [name for name in (run.epochs[0] if run.epochs else ()) if name.startswith("gradient_")]
    if not names:
        return math.nan
    return _mean(_column(run, names[0])) / _mean(_column(run, names[-1]))


TEST = MEASURES["test_accuracy"]
ADDED = (
    _loss(
        "mean_loss", "training loss, mean of all epochs", lambda run: _mean(_column(run, "loss"))
    ),
    _percent(
        "mean_val_accuracy",
        "validation accuracy, mean of all epochs",
        True,
        lambda run: _mean(_column(run, "val_accuracy")),
    ),
    _loss(
        "jitter",
        "standard deviation of the step losses in the last epoch",
        lambda run: step_summary(run).jitter,
    ),
    _percent(
        "fall",
        "largest decrease of validation accuracy in one epoch",
        False,
        _largest_fall,
    ),
    _percent(
        "gap",
        "training accuracy minus test accuracy",
        False,
        lambda run: MEASURES["train_accuracy"].of(run) - TEST.of(run),
    ),
    _percent(
        "gradient_ratio",
        "gradient of the first layer divided by that of the last layer",
        False,
        _gradient_ratio,
        digits=0,
    ),
)
TOLERATED = Measure("tolerated", "settings within a point of the best one", "", True, 1)
CLAIM_MEASURES = {measure.name: measure for measure in (*MEASURES.values(), *ADDED, TOLERATED)}
"""All measures that evidence can name, besides times to a score."""


def claim_measure(name: str) -> Measure:
    """Return a measure by its name: one of `CLAIM_MEASURES`, or a time such as "epochs_to_0.97".

    "epochs_to_loss_0.1" is the time until the mean training loss of an epoch is 0.1.

    Raises
    ------
    ArgumentError
        If there is none; the message has the nearest name.
    """
    if goal := re.fullmatch(r"epochs_to_loss_([\d.]+)", name):
        return time_to(float(goal[1]), "loss")
    if re.fullmatch(TIME, name):
        return get_measure(name)
    expect_known("the measure", name, CLAIM_MEASURES)
    return CLAIM_MEASURES[name]


def margin(measure: Measure, size: float) -> float:
    """Return the smallest difference of a measure that matters.

    0.2 points of an accuracy, a quarter of a time (as a logarithm), half a setting, and else a
    tenth of ``size``.
    """
    if measure.unit == "%":
        return 0.002
    if measure is TOLERATED:
        return 0.5
    return math.log(1.25) if isinstance(measure, TimeTo) else 0.1 * abs(size)
