"""Comparisons: pairs by seed, direction of the measure, and the printed table."""

import pytest

from lamella.core.errors import ArgumentError
from tests.studies.synthetic import ACCURACIES, scored

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
