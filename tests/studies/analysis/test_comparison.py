"""Comparisons: pairs by seed, direction of the measure, and the printed table."""

from dataclasses import replace

import numpy as np
import pytest

from lamella.core.errors import ArgumentError
from lamella.studies.results import Results
from tests.studies.synthetic import ACCURACIES, run, scored, study

pytest.importorskip("scipy")


def test_comparison_pairs_by_seed_and_goes_by_the_direction() -> None:
    results = scored(ACCURACIES)
    better = results.compare(to="SGD")["Adam"]
    assert (better.mean, better.n) == (pytest.approx(0.07), 3)
    assert better.verdict == "better"
    assert results.compare(to="Adam")["SGD"].verdict == "worse"
    loss = scored(ACCURACIES, "test_loss").compare(to="SGD", measure="test_loss")
    assert loss["Adam"].verdict == "worse"


def test_comparison_is_to_the_baseline_by_default() -> None:
    results = scored(ACCURACIES)
    assert results.compare().to == "SGD"
    results.study.baseline = "Adam"
    assert [d.arm for d in results.compare()] == ["SGD"]


def test_one_seed_has_no_verdict_and_says_so() -> None:
    results = scored({"a": [0.9], "b": [0.95]})
    assert "no interval, no verdict" in str(results.table())
    text = str(results.compare())
    assert "no verdict (one seed: no interval, no test)" in text
    assert "A verdict needs two seeds with both arms." in text


THREE = {**ACCURACIES, "Momentum": [0.92, 0.91, 0.93]}


def test_all_pairs_are_one_family() -> None:
    found = scored(THREE).compare(to="all")
    pairs = [("Adam", "SGD"), ("Momentum", "SGD"), ("Momentum", "Adam")]
    assert [(d.arm, d.to) for d in found] == pairs
    assert found["Momentum", "Adam"].mean == pytest.approx(-0.06)
    assert max(d.p for d in found) == pytest.approx(max(d.p_adjusted for d in found))
    assert min(d.p for d in found) * 3 == pytest.approx(min(d.p_adjusted for d in found))
    assert "Test accuracy, all pairs" in str(found)
    assert "Momentum - Adam" in str(found)
    with pytest.raises(KeyError, match="no pair 'Adam' is compared; there are 'Adam', 'SGD'"):
        found["Adam"]


def test_arm_called_all_is_an_arm() -> None:
    found = scored({"all": [0.9, 0.91], "none": [0.8, 0.82]}).compare(to="all")
    assert [(d.arm, d.to) for d in found] == [("none", "all")]


def test_margin_gives_equivalence_and_names_the_correction() -> None:
    close = {"a": [0.950, 0.951, 0.949, 0.950], "b": [0.9501, 0.9512, 0.9490, 0.9498]}
    found = scored(close).compare(margin=0.002)
    assert found["b"].verdict == "equivalent"
    assert "(Bonferroni)" in str(found)
    assert "Equivalent: within 0.2 points, by two one-sided tests." in str(found)
    for margin, text in ((0, "margin must be greater than 0"), (2, "such as 0.002 for 0.2 points")):
        with pytest.raises(ArgumentError, match=text):
            scored(close).compare(margin=margin)


def test_undecided_says_which_difference_would_have_been_seen() -> None:
    found = scored({"a": [0.90, 0.91, 0.92], "b": [0.91, 0.90, 0.93]}).compare()
    shown = 100 * found["b"].smallest_shown
    assert f"undecided (80% power from {shown:.2f} points)" in str(found)


def test_answers_of_the_runs_give_the_second_interval() -> None:
    rng = np.random.default_rng(0)
    easy = rng.random(300)
    right = {arm: [rng.random(300) < easy for _ in range(3)] for arm in "ab"}
    runs = [
        replace(run(arm, seed, {"test_accuracy": float(x.mean())}), correct=x)
        for arm in right
        for seed, x in enumerate(right[arm])
    ]
    results = Results(study(["a", "b"]), runs)
    found = results.compare()
    assert found["b"].low_samples <= found["b"].low
    assert found.table().head[3] == "95%, new seeds and samples"
    assert "Verdicts are about new seeds and new test samples: p" in str(found)
    lost = [replace(each, status="diverged") if each.arm == "b" else each for each in runs]
    third = [replace(each, arm="c") for each in runs if each.arm == "b"]
    mixed = Results(study(["a", "b", "c"]), [*lost, *third]).compare()
    assert "new test samples (without a second interval, new seeds only)" in str(mixed)
    loss = scored(ACCURACIES, "test_loss").compare(measure="test_loss")
    assert "Verdicts are about new seeds, not new samples" in str(loss)


def test_more_samples_are_advised_where_they_cause_the_error() -> None:
    # Each arm has its own hard samples, the same with every seed, and a sample by chance.
    rng = np.random.default_rng(0)
    fixed = {arm: rng.random(200) < 0.9 for arm in "ab"}
    runs = []
    for arm, right in fixed.items():
        for seed in range(5):
            answers = right ^ (np.arange(200) == rng.integers(200))
            runs.append(
                replace(run(arm, seed, {"test_accuracy": float(answers.mean())}), correct=answers)
            )
    text = str(Results(study(["a", "b"], 5), runs).compare())
    assert "more test samples would help, not more seeds" in text


def test_diverged_runs_stand_in_the_table() -> None:
    runs = [run("a", seed, {"test_accuracy": 0.90 + seed / 1000}) for seed in range(6)]
    for seed in range(6):
        status = "diverged" if seed > 2 else "done"
        runs.append(run("b", seed, {"test_accuracy": 0.95 + seed / 990}, status=status))
    lines = str(Results(study(["a", "b"], 6), runs).compare()).splitlines()
    (line,) = [line for line in lines if line.startswith("b ")]
    assert line.endswith("6  undecided (diverged with seeds 3, 4, 5; rank test)")


def test_comparison_prints_points_and_verdicts() -> None:
    text = str(scored(ACCURACIES).compare())
    (line,) = [line for line in text.splitlines() if line.startswith("Adam")]
    assert line.split()[:2] == ["Adam", "+7.00"]
    assert line.endswith("better")
    assert "corrected for 1 comparison (Holm)" in text


def test_unknown_arm_to_compare_to_is_refused() -> None:
    with pytest.raises(KeyError, match="no arm 'SGD' is compared to 'SGD'; there are 'Adam'"):
        scored(ACCURACIES).compare()["SGD"]


def test_one_arm_has_nothing_to_be_compared_to() -> None:
    with pytest.raises(ArgumentError, match="nothing to compare"):
        scored({"a": [0.9, 0.8]}).compare()
