"""Measures of runs: name, unit, and whether higher or lower is better."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lamella.core.errors import ArgumentError
from lamella.core.names import expect_known
from lamella.core.validation import number, one_of
from lamella.losses.metrics import is_higher_better
from lamella.studies.running.run import Run

Directions = Mapping[str, bool | None]
"""Of metrics by name: whether higher is better, or None if it is not known."""
NO_DIRECTIONS: Directions = {}
COUNTED = ("epochs", "steps", "seconds")
TIME = rf"({'|'.join(COUNTED)})_to_(?:(.+)_)?(-?\d*\.?\d+(?:e[-+]?\d+)?)"
"""Times to a score, as "steps_to_val_loss_0.3"; the column may be left out: "steps_to_0.95"."""


@dataclass(frozen=True)
class Measure:
    """A measure: one number per run.

    Attributes
    ----------
    name : str
        A key of ``run.scores``, "seconds", or as `TIME`.
    label : str
        Short description.
    unit : str
        Unit of the shown value: "%", "s", or empty.
    higher_is_better : bool
    digits : int
        Decimal places shown.
    """

    name: str
    label: str
    unit: str
    higher_is_better: bool
    digits: int

    @property
    def title(self) -> str:
        """The label with its unit, for column heads and axes."""
        return f"{self.label}, {self.unit}" if self.unit else self.label

    @property
    def scale(self) -> float:
        """Factor from values to shown numbers: fractions are shown in percent."""
        return 100.0 if self.unit == "%" else 1.0

    def show(self, value: float, *, sign: bool = False) -> str:
        """Return a value as text without its unit; a dash if it is not finite."""
        if not math.isfinite(value):
            return "-"
        return f"{self.scale * value:{'+' if sign else ''}.{self.digits}f}"

    def show_difference(self, value: float) -> str:
        """Return the difference of two values as text, with its sign."""
        return self.show(value, sign=True)

    def show_margin(self, margin: float) -> str:
        """Return a margin as text with its unit; of times, a factor."""
        return f"{self.scale * margin:g}{self.unit_of_differences}"

    @property
    def unit_of_differences(self) -> str:
        """The unit with a space before it: differences of percentages are points."""
        unit = "points" if self.unit == "%" else self.unit
        return unit and f" {unit}"

    @property
    def contrast(self) -> str:
        """How two arms are compared: by their difference, or ratio."""
        return "difference"

    def of(self, run: Run) -> float:
        """Return the value of one run, or nan if it has none."""
        value = run.seconds if self.name == "seconds" else run.scores.get(self.name, math.nan)
        return float(value)


@dataclass(frozen=True)
class TimeTo(Measure):
    """Epochs, steps or seconds to the first epoch whose score is at least ``threshold``.

    For a loss, at most. Scores are known at the end of each epoch. Times are compared by their
    ratio, see `lamella.studies.analysis.speed`: a difference is that of natural logarithms, and its
    text the ratio.
    """

    column: str
    threshold: float
    counted: str
    rises: bool  # whether a higher score is better

    def of(self, run: Run) -> float:
        for done, row in enumerate(run.epochs, 1):
            value = row.get(self.column, math.nan)
            if value >= self.threshold if self.rises else value <= self.threshold:
                return self.elapsed(run, done)
        return math.nan

    def is_known(self, run: Run) -> bool:
        """Whether the time is known, or that the score was not reached; seconds may be lost."""
        return not math.isnan(self.elapsed(run, len(run.epochs)))

    def elapsed(self, run: Run, epochs: int) -> float:
        """Return the time at the end of the first ``epochs`` epochs of a run."""
        if self.counted == "seconds":
            return sum(row.get("seconds", math.nan) for row in run.epochs[:epochs])
        return float(epochs * (run.steps_per_epoch if self.counted == "steps" else 1))

    def show_difference(self, value: float) -> str:
        return f"{math.exp(value):.2f}" if math.isfinite(value) else "-"

    def show_margin(self, margin: float) -> str:
        return f"a factor of {math.exp(margin):g}"

    @property
    def contrast(self) -> str:
        return "ratio"


def interval_text(show: Callable[[float], str], low: float, high: float) -> str:
    """Return an interval as text; a dash if there is none."""
    return "-" if math.isnan(low) else f"{show(low)} to {show(high)}"


def column_label(column: str) -> str:
    """Return the description of a score of the user's own, such as "validation top_5"."""
    part, _, metric = column.partition("_")
    names = {"train": "training", "val": "validation", "test": "test"}
    return f"{names[part]} {metric}" if part in names else f"training {column}"


def column_is_higher_better(column: str, directions: Directions = NO_DIRECTIONS) -> bool:
    """Whether higher is better for a column of the epochs or a score, by its metric.

    Raises
    ------
    ArgumentError
        If no metric has this name, or its direction is not known.
    """
    name = re.sub(r"^(best_)?(test|train|val)_", "", column)
    found = directions.get(name)
    return is_higher_better(name) if found is None else found


def _measures(score: str, label: str, unit: str, digits: int) -> list[Measure]:
    """Return the measures of a score on each part of the data."""
    labels = {
        f"test_{score}": f"test {label}",
        f"best_test_{score}": f"test {label} of the best epoch",
        f"train_{score}": f"training {label}",
        f"val_{score}": f"validation {label}",
        f"best_val_{score}": f"best validation {label}",
    }
    return [
        Measure(name, text, unit, column_is_higher_better(name), digits)
        for name, text in labels.items()
    ]


MEASURES = {
    measure.name: measure
    for measure in (
        *_measures("accuracy", "accuracy", "%", 2),
        *_measures("r2", "R2", "", 4),
        *(
            each
            for score, label in (("loss", "loss"), ("mae", "mean absolute error"))
            for each in _measures(score, label, "", 4)
            if "best" not in each.name
        ),
        Measure("seconds", "training time", "s", higher_is_better=False, digits=1),
    )
}


def time_to(
    threshold: float,
    column: str = "val_accuracy",
    counted: str = "epochs",
    directions: Directions = NO_DIRECTIONS,
) -> TimeTo:
    """Return the measure "time to the first epoch that reaches ``threshold``".

    Parameters
    ----------
    threshold : float
    column : str
        Of the epochs.
    counted : {"epochs", "steps", "seconds"}
    directions : mapping of str to bool
        Of metrics that are not lamella's, by name: whether higher is better.

    Raises
    ------
    ArgumentError
        If an accuracy is given in percent, or no metric says which direction is better.
    """
    one_of("by", counted, COUNTED)
    number("the threshold", threshold)
    rises = column_is_higher_better(column, directions)
    if column.endswith("accuracy") and not 0 <= threshold <= 1:
        raise ArgumentError(
            f"the threshold of {column} must be a fraction in [0, 1], such as 0.95; "
            f"got {threshold!r}"
        )
    name = MEASURES[column].label if column in MEASURES else column_label(column)
    goal = f"{100 * threshold:g}%" if column.endswith("accuracy") else f"{threshold:g}"
    return TimeTo(
        f"{counted}_to_{column}_{float(threshold)!r}",
        f"{counted} to {name} {goal}",
        "",
        higher_is_better=False,
        digits={"epochs": 1, "steps": 0, "seconds": 2}[counted],
        column=column,
        threshold=threshold,
        counted=counted,
        rises=rises,
    )


def get_measure(
    name: str, column: str = "val_accuracy", directions: Directions = NO_DIRECTIONS
) -> Measure:
    """Return the measure of a name; "epochs_to_0.95" refers to ``column``.

    Raises
    ------
    ArgumentError
        If there is none; the message has the nearest name.
    """
    if isinstance(name, str) and (goal := re.fullmatch(TIME, name)):
        return time_to(float(goal[3]), goal[2] or column, goal[1], directions)
    expect_known("the measure", name, [*MEASURES, *(f"{each}_to_0.95" for each in COUNTED)])
    return MEASURES[name]
