"""Measures of the claims."""

import math

import numpy as np
import pytest

from lamella.studies.report.claims.measures import TOLERATED, claim_measure, margin
from lamella.studies.running.archived_run import archived
from lamella.studies.running.run import Run
from tests.studies.synthetic import run


def epochs(*scores: float) -> list[dict[str, float]]:
    return [{"epoch": i + 1, "loss": 1 / (i + 1), "val_accuracy": v} for i, v in enumerate(scores)]


def of(name: str, one: Run) -> float:
    return claim_measure(name).of(one)


def test_fall_is_the_largest_of_the_score() -> None:
    bumpy = run("a", 0, epochs=epochs(0.90, 0.95, 0.93, 0.97, 0.96))
    assert of("fall", bumpy) == pytest.approx(0.02)
    assert of("fall", run("a", 0, epochs=epochs(0.9, 0.91, 0.92))) == 0
    assert np.isnan(of("fall", run("a", 0, epochs=epochs(0.9))))


def test_means_are_over_all_epochs() -> None:
    some = run("a", 0, epochs=epochs(0.90, 0.93, 0.96, 0.99))
    assert of("mean_val_accuracy", some) == pytest.approx(0.945)
    assert of("mean_loss", some) == pytest.approx((1 + 1 / 2 + 1 / 3 + 1 / 4) / 4)


def test_time_to_a_loss_is_the_first_epoch_at_or_below_it() -> None:
    some = run("a", 0, epochs=epochs(0.90, 0.93, 0.96, 0.99))
    assert of("epochs_to_loss_0.34", some) == 3
    assert of("epochs_to_0.95", some) == 3
    assert np.isnan(of("epochs_to_loss_0.1", some))


def test_gradient_ratio_compares_the_first_to_the_last_layer() -> None:
    rows = [{"gradient_0": 1.0, "gradient_2": 5.0, "gradient_4": 10.0}] * 2
    assert of("gradient_ratio", run("a", 0, epochs=[{"epoch": 1, **row} for row in rows])) == 0.1
    assert np.isnan(of("gradient_ratio", run("a", 0, epochs=epochs(0.9))))


def test_margins_are_points_quarters_settings_and_tenths() -> None:
    assert margin(claim_measure("gap"), 0.01) == 0.002
    assert margin(claim_measure("epochs_to_0.97"), 5.0) == math.log(1.25)
    assert margin(TOLERATED, 5.0) == 0.5
    assert margin(claim_measure("train_loss"), 0.3) == pytest.approx(0.03)


def test_jitter_is_the_spread_of_the_last_epoch_alone() -> None:
    losses = [5.0, 9.0, 0.1, 0.3]
    assert of("jitter", run("a", 0, steps_per_epoch=2, step_losses=losses)) == pytest.approx(0.1)


def test_gap_is_training_minus_test_accuracy() -> None:
    scores = {"train_accuracy": 0.999, "test_accuracy": 0.98}
    assert of("gap", run("a", 0, scores)) == pytest.approx(0.019)


def test_measures_of_archived_runs_are_the_same() -> None:
    losses = np.random.default_rng(0).uniform(size=300)
    whole = run("a", 0, epochs=epochs(0.9, 0.8, 0.9), steps_per_epoch=100, step_losses=losses)
    for name in ("jitter", "mean_loss", "fall"):
        assert of(name, archived(whole)) == of(name, whole)
