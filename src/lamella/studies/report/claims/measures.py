"""Measures of the claims, in addition to the scores of every run."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from lamella.studies.analysis.measures import MEASURES, Measure
from lamella.studies.running.run import Run

EARLY = 3
"""Number of first epochs that measure speed."""

STEPS = slice(150, 200)
"""Steps whose loss compares arms after equally many updates instead of equally many images."""


@dataclass(frozen=True)
class Derived(Measure):
    """A measure computed from the history of a run."""

    compute: Callable[[Run], float]

    def of(self, run: Run) -> float:
        return float(self.compute(run))


def _column(run: Run, name: str) -> np.ndarray:
    return np.array([row.get(name, math.nan) for row in run.epochs], np.float64)


def _falls(run: Run) -> np.ndarray:
    """Return the decrease of validation accuracy from each epoch to the next; 0 if it rose."""
    falls: np.ndarray = np.maximum(0.0, -np.diff(_column(run, "val_accuracy")))
    return falls


def _mean(values: np.ndarray, least: int = 1) -> float:
    return float(values.mean()) if len(values) >= least else math.nan


def _percent(
    name: str, label: str, higher: bool, compute: Callable[[Run], float], digits: int = 2
) -> Derived:
    return Derived(name, label, "%", higher, digits, compute)


def _loss(name: str, label: str, compute: Callable[[Run], float]) -> Derived:
    return Derived(name, label, "", higher_is_better=False, digits=4, compute=compute)


TEST = MEASURES["test_accuracy"]
SPREAD = replace(
    TEST, name="spread", label="test accuracy, best arm minus worst", higher_is_better=False
)
ADDED = (
    _percent(
        "early_accuracy",
        f"validation accuracy, mean of the first {EARLY} epochs",
        True,
        lambda run: _mean(_column(run, "val_accuracy")[:EARLY], EARLY),
    ),
    _percent(
        "whole_accuracy",
        "validation accuracy, mean of all epochs",
        True,
        lambda run: _mean(_column(run, "val_accuracy")),
    ),
    _loss(
        "early_loss",
        f"training loss, mean of the first {EARLY} epochs",
        lambda run: _mean(_column(run, "loss")[:EARLY], EARLY),
    ),
    _loss(
        "step_loss",
        f"training loss of steps {STEPS.start + 1} to {STEPS.stop}",
        lambda run: _mean(run.step_losses[STEPS].astype(float), STEPS.stop - STEPS.start),
    ),
    _loss(
        "jitter",
        "standard deviation of the step losses in the last epoch",
        lambda run: float(np.std(run.step_losses[-run.steps_per_epoch :], dtype=np.float64)),
    ),
    _percent(
        "fall",
        "mean decrease of validation accuracy per epoch",
        False,
        lambda run: _mean(_falls(run)),
        digits=3,
    ),
    _percent(
        "worst_fall",
        "largest decrease of validation accuracy in one epoch",
        False,
        lambda run: float(_falls(run).max(initial=0.0)) if len(run.epochs) > 1 else math.nan,
    ),
    _percent(
        "gap",
        "training accuracy minus test accuracy",
        False,
        lambda run: MEASURES["train_accuracy"].of(run) - TEST.of(run),
    ),
    SPREAD,
)
CLAIM_MEASURES = {**MEASURES, **{measure.name: measure for measure in ADDED}}
"""All measures that evidence can name."""
