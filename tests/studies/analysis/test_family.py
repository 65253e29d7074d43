"""p of the tests that stand in other tables."""

from pathlib import Path

import numpy as np
import pytest

from lamella.studies.analysis.family import differences_of, p_values
from lamella.studies.results import Results
from tests.studies.small import RUN, small_study
from tests.studies.synthetic import run, scored, study

stats = pytest.importorskip("scipy.stats")

VALUES = {"a": [0.9, 0.91, 0.93], "b": [0.92, 0.91, 0.96], "c": [0.8, 0.85, 0.9]}


def test_p_of_a_test_is_that_of_the_pair_in_either_direction() -> None:
    expected = stats.ttest_rel(VALUES["b"], VALUES["a"]).pvalue
    for pair in (("a", "b"), ("b", "a")):
        found = p_values(scored(VALUES), [("test_accuracy", frozenset(pair))])
        assert found == pytest.approx([expected])


def test_tests_that_cannot_be_repeated_count_with_p_of_one() -> None:
    tests = [
        ("test_accuracy", frozenset(("a", "gone"))),
        ("of another release", frozenset(("a", "b"))),
        ("test_loss", frozenset(("a", "b"))),
    ]
    assert p_values(scored(VALUES), tests) == [1.0, 1.0, 1.0]


def test_pairs_without_an_arm_are_left_out() -> None:
    results = scored(VALUES)
    pairs = [("a", "gone"), ("c", "a")]
    found = list(differences_of(results, results.measure(None), pairs))
    assert [(d.arm, d.to) for d in found] == [("c", "a")]


FAR = {"a": [0.9, 0.91, 0.93, 0.92], "b": [0.95, 0.955, 0.98, 0.97], "c": [0.5, 0.52, 0.5, 0.51]}


@pytest.mark.parametrize("lost", [{"a": 0}, {"b": 3}])
@pytest.mark.parametrize("failed", [True, False])
def test_a_pair_without_all_its_runs_has_no_verdict(lost: dict[str, int], failed: bool) -> None:
    whole = scored(FAR)
    assert whole.compare()["b"].verdict == "better"
    runs = [each for each in whole.runs if (each.arm, each.seed) not in lost.items()]
    if failed:
        runs += [run(arm, seed, status="failed", reason="NaN") for arm, seed in lost.items()]
    found = Results(whole.study, runs).compare(margin=0.5)["b"]
    assert (found.verdict, found.n) == ("no verdict", 3)
    seeds = [seed for seed in range(4) if seed not in lost.values()]
    assert found.mean == pytest.approx(np.mean([FAR["b"][s] - FAR["a"][s] for s in seeds]))
    assert np.isnan([found.p, found.low, found.high]).all()
    assert found.note.endswith("; a verdict needs all runs")


def test_seeds_and_arms_of_the_folder_cannot_be_left_out(tmp_path: Path) -> None:
    pytest.importorskip("joblib")
    study = small_study(seeds=4)
    whole = study.run(**RUN, out=tmp_path)
    assert whole.compare(measure="test_loss")["fast"].verdict == "better"
    chosen = study.resized(seeds=[1, 3]).run(**RUN, out=tmp_path)
    found = chosen.compare(measure="test_loss")["fast"]
    assert (found.verdict, found.note) == ("no verdict", "without seeds 0, 2 of the folder")
    two = {arm: study.arms[arm] for arm in ("slow", "fast")}
    (tmp_path / "reads.jsonl").unlink()
    fewer = small_study(seeds=4, arms=two).run(**RUN, out=tmp_path)
    found = fewer.compare(measure="test_loss")["fast"]
    assert found.p_adjusted == pytest.approx(2 * whole.compare(measure="test_loss")["fast"].p)


def test_another_baseline_than_that_of_the_folder_counts_all_pairs(tmp_path: Path) -> None:
    pytest.importorskip("joblib")
    small_study(seeds=3).run(**RUN, out=tmp_path)
    other = small_study(seeds=3, baseline="fast").run(**RUN, out=tmp_path)
    assert "3 comparisons (Holm): 2 here, 1 that could be chosen instead" in str(other.compare())
    assert Results.load(tmp_path).study.baseline == "slow"


def test_runs_that_are_copies_of_one_have_no_verdict() -> None:
    """Without random numbers, ten seeds are one run, ten times."""
    ends = {"a": 0.90, "b": 0.91}
    runs = [
        run(arm, seed, {"test_accuracy": end}, epochs=[{"loss": 1 - end, "seconds": seed}])
        for arm, end in ends.items()
        for seed in range(10)
    ]
    found = Results(study(list(ends), 10), runs).compare()["b"]
    assert (found.verdict, found.n) == ("no verdict", 10)
    assert found.note == "the seed changes nothing: all runs of each arm are one"
    runs[0] = run("a", 0, {"test_accuracy": 0.90}, epochs=[{"loss": 0.11}])
    assert Results(study(list(ends), 10), runs).compare()["b"].verdict == "better"
