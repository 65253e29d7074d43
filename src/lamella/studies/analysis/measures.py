"""What runs are measured by: what it is called, its unit, and which way is better."""

import difflib
import math
import re
from dataclasses import dataclass

from lamella.core.errors import ArgumentError
from lamella.studies.running.run import Run


@dataclass(frozen=True)
class Measure:
    """One number a run.

    Attributes
    ----------
    name : str
        As it stands in ``run.scores``, or "seconds", or "epochs_to_<threshold>".
    label : str
        What it is, in a few words.
    unit : str
        Of what is shown: "%", "s", or nothing.
    higher_is_better : bool
    digits : int
        Shown behind the decimal point.
    """

    name: str
    label: str
    unit: str
    higher_is_better: bool
    digits: int

    @property
    def title(self) -> str:
        """The label with its unit, as it heads a column or an axis."""
        return f"{self.label}, {self.unit}" if self.unit else self.label

    @property
    def scale(self) -> float:
        """What a value is multiplied by to be shown: shares are shown in percent."""
        return 100.0 if self.unit == "%" else 1.0

    def show(self, value: float, *, sign: bool = False) -> str:
        """Return a value as text, without its unit; a dash if there is none."""
        if not math.isfinite(value):
            return "-"
        return f"{self.scale * value:{'+' if sign else ''}.{self.digits}f}"

    def of(self, run: Run) -> float:
        """Return the value of one run; nan if it has none."""
        value = run.seconds if self.name == "seconds" else run.scores.get(self.name, math.nan)
        return float(value)


@dataclass(frozen=True)
class EpochsTo(Measure):
    """The first epoch whose score is at least ``threshold``, or at most, for a loss."""

    column: str
    threshold: float

    def of(self, run: Run) -> float:
        higher = is_higher_better(self.column)
        for row in run.epochs:
            value = row.get(self.column, math.nan)
            if value >= self.threshold if higher else value <= self.threshold:
                return float(row["epoch"])
        return math.nan


def is_higher_better(column: str) -> bool:
    """Whether more of it is better: of everything but losses, penalties and times."""
    return not column.endswith(("loss", "penalty", "seconds"))


def _accuracy(name: str, label: str) -> Measure:
    return Measure(name, label, "%", higher_is_better=True, digits=2)


def _loss(name: str, label: str) -> Measure:
    return Measure(name, label, "", higher_is_better=False, digits=4)


MEASURES = {
    measure.name: measure
    for measure in (
        _accuracy("test_accuracy", "test accuracy"),
        _accuracy("best_test_accuracy", "test accuracy of the best epoch"),
        _accuracy("train_accuracy", "training accuracy"),
        _accuracy("val_accuracy", "validation accuracy"),
        _accuracy("best_val_accuracy", "best validation accuracy"),
        _loss("test_loss", "test loss"),
        _loss("train_loss", "training loss"),
        _loss("val_loss", "validation loss"),
        Measure("seconds", "training time", "s", higher_is_better=False, digits=1),
    )
}


def epochs_to(threshold: float, column: str = "val_accuracy") -> EpochsTo:
    """Return the measure "first epoch that reaches ``threshold``".

    Raises
    ------
    ArgumentError
        If an accuracy is given in percent.
    """
    if column.endswith("accuracy") and not 0 <= threshold <= 1:
        raise ArgumentError(
            f"the threshold of {column} must be a share in [0, 1], such as 0.95; got {threshold!r}"
        )
    name = MEASURES[column].label if column in MEASURES else column.replace("_", " ")
    goal = f"{100 * threshold:g} %" if column.endswith("accuracy") else f"{threshold:g}"
    return EpochsTo(
        f"epochs_to_{threshold:g}",
        f"epochs to {name} {goal}",
        "",
        higher_is_better=False,
        digits=1,
        column=column,
        threshold=threshold,
    )


def get_measure(name: str) -> Measure:
    """Return the measure of that name; "epochs_to_0.95" is one of validation accuracy.

    Raises
    ------
    ArgumentError
        If there is none; the text has the nearest one.
    """
    if name in MEASURES:
        return MEASURES[name]
    if goal := re.fullmatch(r"epochs_to_(\d*\.?\d+)", name):
        return epochs_to(float(goal[1]))
    near = difflib.get_close_matches(name, MEASURES, n=1)
    hint = f"did you mean {near[0]!r}? There are" if near else "there are"
    raise ArgumentError(
        f"there is no measure {name!r}: {hint} {', '.join(MEASURES)} and epochs_to_<threshold>"
    )
