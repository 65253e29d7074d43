"""Measures: values, directions, and how they are shown."""

import math

import pytest

from lamella.core.errors import ArgumentError
from lamella.studies.analysis.measures import (
    MEASURES,
    column_is_higher_better,
    get_measure,
    time_to,
)
from tests.studies.synthetic import run

ROWS = [
    {"epoch": 1, "val_accuracy": 0.90, "val_loss": 0.40, "accuracy": 0.93},
    {"epoch": 2, "val_accuracy": 0.96, "val_loss": 0.20, "accuracy": 0.95},
    {"epoch": 3, "val_accuracy": 0.94, "val_loss": 0.25, "accuracy": 0.97},
]


def test_accuracy_is_shown_in_percent() -> None:
    measure = get_measure("test_accuracy")
    assert measure.title == "test accuracy, %"
    assert measure.show(0.97814) == "97.81"
    assert measure.show(-0.0012, sign=True) == "-0.12"
    assert measure.show(0.0012, sign=True) == "+0.12"


def test_loss_is_shown_as_it_is() -> None:
    assert get_measure("test_loss").show(0.06789) == "0.0679"
    assert get_measure("test_loss").title == "test loss"


def test_missing_values_are_shown_as_a_dash() -> None:
    assert get_measure("test_loss").show(math.nan) == "-"


def test_values_come_from_scores_and_time() -> None:
    one = run("a", 0, {"test_accuracy": 0.9}, seconds=12.5)
    assert get_measure("test_accuracy").of(one) == 0.9
    assert get_measure("seconds").of(one) == 12.5
    assert math.isnan(get_measure("val_loss").of(one))


def test_directions_are_right() -> None:
    higher = {name for name, measure in MEASURES.items() if measure.higher_is_better}
    assert higher == {name for name in MEASURES if "accuracy" in name or "r2" in name}
    columns = ("val_accuracy", "val_loss", "penalty", "val_rmse", "best_val_r2", "top_5", "r2")
    found = [column_is_higher_better(column) for column in columns]
    assert found == [True, False, False, False, True, True, True]


def test_columns_that_no_metric_names_are_refused() -> None:
    with pytest.raises(ArgumentError, match="not known whether a higher 'f1' is better"):
        time_to(0.5, "val_f1")


@pytest.mark.parametrize(
    ("threshold", "column", "epoch"),
    [
        (0.95, "val_accuracy", 2),
        (0.90, "val_accuracy", 1),
        (0.94, "val_accuracy", 2),
        (0.97, "accuracy", 3),
        (0.20, "val_loss", 2),
        (0.30, "val_loss", 2),
        (0.50, "val_loss", 1),
    ],
)
def test_epochs_to_counts_to_the_first_that_reaches_it(
    threshold: float, column: str, epoch: int
) -> None:
    measure = time_to(threshold, column)
    assert measure.of(run("a", 0, epochs=ROWS)) == epoch
    assert not measure.higher_is_better


def test_epochs_to_an_unreached_score_are_nan() -> None:
    assert math.isnan(time_to(0.99).of(run("a", 0, epochs=ROWS)))
    assert math.isnan(time_to(0.1, "val_loss").of(run("a", 0, epochs=ROWS)))
    assert math.isnan(time_to(0.1).of(run("a", 0)))


def test_epochs_to_can_be_asked_for_by_name() -> None:
    measure = get_measure("epochs_to_0.95")
    assert measure == time_to(0.95, "val_accuracy")
    assert measure.label == "epochs to validation accuracy 95%"
    assert measure.show(3.0) == "3.0"


def test_steps_and_seconds_are_those_at_the_end_of_the_epoch() -> None:
    rows = [{**row, "seconds": 0.5} for row in ROWS]
    one = run("a", 0, epochs=rows, steps_per_epoch=40)
    assert get_measure("steps_to_0.95").of(one) == 80
    assert get_measure("seconds_to_0.95").of(one) == 1.0
    assert get_measure("steps_to_0.3", "val_loss").of(one) == 80
    assert math.isnan(get_measure("seconds_to_0.95").of(run("a", 0, epochs=ROWS)))


def test_threshold_in_percent_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"fraction in \[0, 1\], such as 0.95; got 95"):
        time_to(95)
    with pytest.raises(ArgumentError, match=r"the threshold must be a finite number, got '0\.9'"):
        time_to("0.9")  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match=r"by must be one of .* did you mean 'steps'"):
        time_to(0.9, counted="step")


def test_unknown_measure_names_the_nearest() -> None:
    with pytest.raises(ArgumentError, match="did you mean 'test_accuracy'"):
        get_measure("test_acuracy")
    with pytest.raises(ArgumentError, match=r"epochs_to_0\.95"):
        get_measure("zzz")
