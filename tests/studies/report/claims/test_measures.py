"""Measures of the claims."""

import numpy as np
import pytest

from lamella.studies.report.claims.measures import CLAIM_MEASURES
from lamella.studies.running.run import Run
from tests.studies.synthetic import run


def epochs(*scores: float) -> list[dict[str, float]]:
    return [{"epoch": i + 1, "loss": 1 / (i + 1), "val_accuracy": v} for i, v in enumerate(scores)]


def of(name: str, one: Run) -> float:
    return CLAIM_MEASURES[name].of(one)


def test_falls_are_those_of_the_score_only() -> None:
    bumpy = run("a", 0, epochs=epochs(0.90, 0.95, 0.93, 0.97, 0.96))
    assert of("fall", bumpy) == pytest.approx((0.02 + 0.01) / 4)
    assert of("worst_fall", bumpy) == pytest.approx(0.02)
    assert of("fall", run("a", 0, epochs=epochs(0.9, 0.91, 0.92))) == 0


def test_beginning_is_the_first_three_epochs() -> None:
    some = run("a", 0, epochs=epochs(0.90, 0.93, 0.96, 0.99))
    assert of("early_accuracy", some) == pytest.approx(0.93)
    assert of("early_loss", some) == pytest.approx((1 + 1 / 2 + 1 / 3) / 3)
    assert of("whole_accuracy", some) == pytest.approx(0.945)


def test_shorter_trainings_have_no_beginning_and_no_fall() -> None:
    short = run("a", 0, epochs=epochs(0.9))
    assert np.isnan(of("early_accuracy", short))
    assert np.isnan(of("fall", short))
    assert np.isnan(of("worst_fall", short))


def test_jitter_is_the_spread_of_the_last_epoch_alone() -> None:
    losses = [5.0, 9.0, 0.1, 0.3]
    assert of("jitter", run("a", 0, steps_per_epoch=2, step_losses=losses)) == pytest.approx(0.1)


def test_step_loss_is_that_of_steps_151_to_200() -> None:
    assert of("step_loss", run("a", 0, step_losses=np.arange(1.0, 301.0))) == 175.5
    assert np.isnan(of("step_loss", run("a", 0, step_losses=np.arange(180.0))))


def test_gap_is_training_minus_test_accuracy() -> None:
    scores = {"train_accuracy": 0.999, "test_accuracy": 0.98}
    assert of("gap", run("a", 0, scores)) == pytest.approx(0.019)
