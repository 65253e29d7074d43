"""Choice of a setting: by mean validation score, diverged trials last, test scores never."""

import math
from typing import Any

import pytest

from lamella.studies.analysis.choice import best_trial, choose, tuning_of
from lamella.studies.analysis.measures import MEASURES
from lamella.studies.analysis.tuning import Trial
from lamella.studies.results import Results
from tests.studies.synthetic import run, study

RATES = [{"lr": 0.1}, {"lr": 0.2}]
TUNING: dict[str, Any] = {
    "seeds": [7, 8],
    "arms": {"a": {}, "b": {"x": 1}},
    "trials": {"a": RATES, "b": RATES},
    "chosen": {},
}
NAMES = [f"{arm}: lr={rate}" for arm in "ab" for rate in (0.1, 0.2)]


def trials(**scores: list[float]) -> Results:
    """Return trials of two arms with two seeds; their test scores rank them the other way."""
    runs = [
        run(name, seed, {"val_accuracy": value, "test_accuracy": 1 - value})
        for name, values in zip(NAMES, scores.values(), strict=True)
        for seed, value in zip((7, 8), values, strict=True)
    ]
    return Results(study(NAMES, [7, 8]), runs)


def test_the_best_mean_validation_score_is_chosen() -> None:
    found = trials(a=[0.5, 0.9], b=[0.6, 0.7], c=[0.5, 0.5], d=[0.4, 0.7])
    assert choose(TUNING, found) == {"a": 0, "b": 1}


def test_the_first_of_equal_trials_is_chosen() -> None:
    found = trials(a=[0.5, 0.7], b=[0.7, 0.5], c=[0.5, 0.5], d=[0.5, 0.5])
    assert choose(TUNING, found) == {"a": 0, "b": 0}


@pytest.mark.parametrize(
    ("means", "diverged", "chosen"),
    [
        ([0.9, 0.1], [1, 0], 1),
        ([0.9, 0.1], [1, 1], 0),
        ([math.nan, 0.1], [2, 1], 1),
        ([math.nan, math.nan], [2, 2], 0),
    ],
)
def test_diverged_trials_rank_last(means: list[float], diverged: list[int], chosen: int) -> None:
    found = [Trial("", {}, m, 2 - d, d) for m, d in zip(means, diverged, strict=True)]
    assert best_trial(found, MEASURES["val_accuracy"]) == chosen


def test_the_lowest_loss_is_the_best() -> None:
    found = [Trial("", {}, mean, 1, 0) for mean in (0.3, 0.1, 0.2)]
    assert best_trial(found, MEASURES["val_loss"]) == 1


def test_crossed_settings_come_from_where_they_were_trained() -> None:
    chosen = {**TUNING, "chosen": {"a": 0, "b": 1}}
    arms = {"a": {"lr": 0.1}, "b": {"x": 1, "lr": 0.2}}
    compared = study(["a", "b"], 1, tuning=chosen)
    compared.arms = arms
    results = Results(compared, [run(arm, 0, {"test_accuracy": 0.5}) for arm in arms])
    crossed = study(["a: lr=0.2"], 1)
    others = Results(crossed, [run("a: lr=0.2", 0, {"test_accuracy": 0.25})])
    scores = {key: [0.5, 0.5] for key in "abcd"}
    found = tuning_of(results, trials(**scores), others)
    means = {pair: estimate.mean for pair, estimate in found.crossed.items()}
    assert means == {("a", "a"): 0.5, ("b", "b"): 0.5, ("a", "b"): 0.25}
    assert found["b"].chosen is found["b"].trials[1]
    assert found["b"].at_edge == ["lr"]
    assert len(found.runs) == 8
