"""The best arm by validation, and the set of arms that may be it."""

import numpy as np
import pytest

from lamella.core.errors import ArgumentError, DataError
from lamella.studies.results import Results
from tests.studies.synthetic import run, scored, study

pytest.importorskip("scipy")

VALUES = {
    "low": [0.90, 0.91, 0.905, 0.903],
    "near": [0.979, 0.986, 0.981, 0.989],
    "top": [0.982, 0.984, 0.985, 0.9861],
}


def test_best_arm_has_the_highest_mean_validation_score() -> None:
    found = scored(VALUES, "val_accuracy").best("val_accuracy")
    assert (found.arm, found.mean) == ("top", pytest.approx(0.984275))
    assert found.candidates == ["near", "top"]
    assert str(found) == (
        "top has the best mean validation accuracy, 98.43%. Not shown to be worse: near."
    )


def test_lowest_loss_is_best() -> None:
    found = scored(VALUES, "val_loss").best("val_loss")
    assert (found.arm, found.candidates) == ("low", ["low"])
    assert str(found).endswith("All others are shown to be worse.")


@pytest.mark.parametrize("name", ["test_accuracy", "train_loss", "seconds"])
def test_best_arm_is_not_chosen_by_other_scores(name: str) -> None:
    with pytest.raises(ArgumentError, match="chosen by a validation score, such as 'val_accuracy'"):
        scored(VALUES).best(name)


def test_without_validation_there_is_no_best_arm() -> None:
    with pytest.raises(DataError, match="no run has 'val_accuracy'"):
        scored(VALUES).best()
    with pytest.raises(DataError, match="no run is finished"):
        Results(study(["a", "b"]), []).best()


def test_arm_that_diverged_is_not_the_best() -> None:
    runs = [run("safe", seed, {"val_accuracy": 0.9 + seed / 1000}) for seed in range(3)]
    runs += [run("wild", seed, {"val_accuracy": 0.99}) for seed in range(2)]
    runs += [run("wild", 2, status="diverged")]
    assert Results(study(["wild", "safe"]), runs).best("val_accuracy").arm == "safe"


def test_best_arm_is_among_the_candidates_in_95_percent_of_studies() -> None:
    rng = np.random.default_rng(0)
    missed = 0
    for _ in range(300):
        values = {f"arm {place}": list(rng.normal(size=5)) for place in range(4)}
        missed += "arm 0" not in scored(values, "val_loss").best("val_loss").candidates
    assert 0 < missed <= 0.05 * 300 + 2 * (300 * 0.05 * 0.95) ** 0.5


def test_one_arm_is_not_compared() -> None:
    text = str(scored({"only": VALUES["top"]}, "val_accuracy").best("val_accuracy"))
    assert text == "only has the best mean validation accuracy, 98.43%."


def test_an_arm_that_diverged_too_rarely_to_tell_may_be_the_best() -> None:
    runs = [run("safe", seed, {"val_accuracy": 0.9 + seed / 1000}) for seed in range(2)]
    runs += [run("wild", 0, {"val_accuracy": 0.99}), run("wild", 1, status="diverged")]
    runs += [run("lost", seed, status="diverged") for seed in range(2)]
    found = Results(study(["wild", "safe", "lost"]), runs).best("val_accuracy")
    assert found.candidates == ["wild", "safe", "lost"]
    assert str(found) == (
        "safe has the best mean validation accuracy, of the arms with the fewest diverged runs, "
        "90.05%. Not shown to be worse: wild, lost."
    )


def test_candidates_of_a_study_that_grew_are_tested_over_all_looks() -> None:
    rows = [[0.9, 0.901, 0.902, 0.9015], [0.901, 0.913, 0.9135, 0.9113]]
    results = scored(dict(zip("ab", rows, strict=True)), "val_accuracy")
    assert results.best("val_accuracy").candidates == ["b"]
    results.study.looks = {"planned": [], "past": [2, 3]}
    assert results.best("val_accuracy").candidates == ["a", "b"]
