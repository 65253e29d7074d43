"""Runs: order, values and summaries, also of incomplete studies."""

import math
from typing import Any

import pytest

import lamella as lm
from lamella.core.errors import ArgumentError, DataError
from lamella.studies.results import Results
from lamella.studies.running.run import Run
from tests.studies.small import RUN, small_study
from tests.studies.synthetic import ACCURACIES, broken, run, scored, study

pytest.importorskip("scipy")


def test_runs_are_ordered_by_arm_and_seed() -> None:
    given = [run("b", 1), run("a", 1), run("b", 0), run("a", 0)]
    results = Results(study(["b", "a"], [1, 0]), given)
    assert [(r.arm, r.seed) for r in results.runs] == [("b", 1), ("b", 0), ("a", 1), ("a", 0)]
    assert (results.arms, results.seeds, len(results)) == (["b", "a"], [1, 0], 4)


@pytest.mark.parametrize(
    ("extra", "text"),
    [
        (run("c", 0), "no arm 'c' with seed 0"),
        (run("a", 9), "no arm 'a' with seed 9"),
        (run("a", 0), "two runs of the arm 'a' with seed 0"),
    ],
)
def test_runs_of_another_study_are_refused(extra: Run, text: str) -> None:
    with pytest.raises(DataError, match=text):
        Results(study(["a", "b"]), [run("a", 0), extra])


def test_summary_is_over_seeds() -> None:
    found = scored(ACCURACIES).summary("test_accuracy")
    assert found["Adam"].mean == pytest.approx(0.98)
    assert found["SGD"].sd == pytest.approx(0.01)
    # t of two degrees of freedom: 4.302653.
    half = 4.302653 * 0.01 / math.sqrt(3)
    assert (found["SGD"].low, found["SGD"].high) == pytest.approx((0.91 - half, 0.91 + half))


def test_intervals_of_accuracies_end_where_accuracies_do() -> None:
    found = scored({"a": [0.1, 0.9], "b": [0.5, 0.5]}).summary()
    assert (found["a"].low, found["a"].high) == (0, 1)
    assert math.isnan(found["b"].low)
    assert scored({"a": [0.1, 0.9]}, "test_loss").summary("test_loss")["a"].low < 0


def test_values_leave_out_runs_that_are_not_done() -> None:
    assert broken().values("test_accuracy") == {
        "good": {0: 0.97, 1: 0.98, 2: 0.99},
        "partly": {0: 0.95},
        "lost": {},
    }


def test_failed_and_missing_runs_are_listed() -> None:
    results = broken()
    assert [(r.arm, r.seed, r.status) for r in results.failed] == [
        ("partly", 1, "diverged"),
        ("lost", 0, "diverged"),
        ("lost", 1, "diverged"),
        ("lost", 2, "failed"),
    ]
    assert results.missing == [("partly", 2)]
    assert repr(results) == "Results('made-up': 4 of 9 runs done)"


def test_unknown_arm_names_the_nearest() -> None:
    with pytest.raises(ArgumentError, match="the arm 'Adan' is not known: did you mean 'Adam'"):
        scored(ACCURACIES).compare(to="Adan")
    with pytest.raises(ArgumentError, match="the arm 'x' is not known; known are SGD, Adam"):
        scored(ACCURACIES).of("x")


def test_measure_that_no_run_has_is_refused() -> None:
    with pytest.raises(DataError, match="no run has 'val_loss'; they have test_accuracy"):
        scored(ACCURACIES).summary("val_loss")
    with pytest.raises(DataError, match="no run has 'val_accuracy'"):
        scored(ACCURACIES).epochs_to(0.9)


def test_seeds_that_never_get_there_count_as_worst() -> None:
    def rows(*accuracies: float) -> list[dict[str, float]]:
        return [{"epoch": i, "val_accuracy": a} for i, a in enumerate(accuracies, 1)]

    runs = [
        run("a", 0, epochs=rows(0.8, 0.9, 0.95)),
        run("a", 1, epochs=rows(0.9, 0.9, 0.95)),
        run("b", 0, epochs=rows(0.1, 0.2, 0.9)),
        run("b", 1, epochs=rows(0.1, 0.2, 0.3)),
    ]
    results = Results(study(["a", "b"], 2), runs)
    found = results.epochs_to(0.9)
    assert (found["a"].mean, found["a"].n) == (1.5, 2)
    assert (found["b"].median, found["b"].n, found["b"].of) == (math.inf, 1, 2)
    assert math.isnan(found["b"].mean)
    assert "median -, 1 of 2 got there" in str(results.table("epochs_to_0.9"))
    compared = results.compare(measure="epochs_to_0.9")
    assert "undecided (1 of 2 got there; the ratio is at least this" in str(compared)
    assert math.exp(compared["b"].mean) == pytest.approx((3 / 2 * 4 / 1) ** 0.5)


class Second(lm.Metric):
    """Whether the second choice is right, of which less is better."""

    name = "second"
    higher_is_better = False

    def score(self, pred: Any, target: Any) -> Any:
        return (pred.argsort(axis=1)[:, -2] == target).astype(float)


def test_metrics_of_the_experiments_are_measures() -> None:
    pytest.importorskip("joblib", reason="joblib is not installed")
    base = {"model": lm.MLP([5], classes=3), "epochs": 1, "metrics": ["top_2", Second()]}
    results = small_study(base=base).run(**RUN)
    for name, higher in (("test_top_2", True), ("val_second", False)):
        measure = results.measure(name)
        assert measure.higher_is_better is higher
        assert results.values(name)["slow"][0] == results.runs[0].scores[name]
    assert "Test top_2, compared to slow" in str(results.compare(measure="test_top_2"))
    with pytest.raises(ArgumentError, match="the measure 'test_top_3' is not known"):
        results.compare(measure="test_top_3")
