"""Results: what is read from runs, whatever state the study is in."""

import math
import subprocess
import sys
from pathlib import Path

import pytest

from lamella.core.errors import ArgumentError, DataError, FileFormatError
from lamella.studies.results import Results
from lamella.studies.running.run import Run
from tests.studies.small import RUN, small_study
from tests.studies.synthetic import broken, run, scored, study, trained

pytest.importorskip("scipy")

VALUES = {"SGD": [0.90, 0.92, 0.91], "Adam": [0.97, 0.98, 0.99]}


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
    found = scored(VALUES).summary("test_accuracy")
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


def test_failed_and_missing_runs_are_told() -> None:
    results = broken()
    assert [(r.arm, r.seed, r.status) for r in results.failed] == [
        ("partly", 1, "diverged"),
        ("lost", 0, "diverged"),
        ("lost", 1, "diverged"),
        ("lost", 2, "failed"),
    ]
    assert results.missing == [("partly", 2)]
    assert repr(results) == "Results('made-up': 4 of 9 runs done)"


def test_comparison_pairs_by_seed_and_goes_by_the_direction() -> None:
    results = scored(VALUES)
    better = results.compare(to="SGD")["Adam"]
    assert (better.mean, better.n) == (pytest.approx(0.07), 3)
    assert better.verdict == "better"
    assert results.compare(to="Adam")["SGD"].verdict == "worse"
    loss = scored(VALUES, "test_loss").compare(to="SGD", measure="test_loss")
    assert loss["Adam"].verdict == "worse"


def test_comparison_is_to_the_baseline_unless_told_otherwise() -> None:
    results = scored(VALUES)
    assert results.compare().to == "SGD"
    results.study.baseline = "Adam"
    assert [d.arm for d in results.compare()] == ["SGD"]


def test_comparison_tells_of_what_is_left_out() -> None:
    comparison = broken().compare()
    partly, lost = comparison
    assert (partly.n, partly.verdict) == (1, "no verdict")
    assert partly.note == (
        "diverged with seed 1; not run with seed 2; one seed: no interval, no test"
    )
    assert (lost.n, lost.verdict) == (0, "no verdict")
    assert lost.note == "diverged with seeds 0, 1; failed with seed 2"


def test_comparison_to_an_arm_that_lost_runs_says_so() -> None:
    text = str(broken().compare(to="partly"))
    assert "partly: diverged with seed 1; not run with seed 2." in text


def test_one_seed_has_no_verdict_and_says_so() -> None:
    results = scored({"a": [0.9], "b": [0.95]})
    assert "no interval, no verdict" in str(results.table())
    text = str(results.compare())
    assert "no verdict (one seed: no interval, no test)" in text
    assert "A verdict needs two seeds that both arms finished." in text


def test_comparison_prints_points_and_verdicts() -> None:
    text = str(scored(VALUES).compare())
    (line,) = [line for line in text.splitlines() if line.startswith("Adam")]
    assert line.split()[:2] == ["Adam", "+7.00"]
    assert line.endswith("better")
    assert "corrected for 1 comparison (Holm)" in text


def test_compared_arm_that_is_not_there_is_told() -> None:
    with pytest.raises(KeyError, match="no arm 'SGD' is compared to 'SGD'; there are 'Adam'"):
        scored(VALUES).compare()["SGD"]


def test_unknown_arm_names_the_nearest() -> None:
    with pytest.raises(ArgumentError, match="the arm 'Adan' is not known: did you mean 'Adam'"):
        scored(VALUES).compare(to="Adan")
    with pytest.raises(ArgumentError, match="the arm 'x' is not known; known are SGD, Adam"):
        scored(VALUES).of("x")


def test_one_arm_has_nothing_to_be_compared_to() -> None:
    with pytest.raises(ArgumentError, match="nothing to compare"):
        scored({"a": [0.9, 0.8]}).compare()


def test_measure_that_no_run_has_is_told() -> None:
    with pytest.raises(DataError, match="no run has 'val_loss'; they have test_accuracy"):
        scored(VALUES).summary("val_loss")
    with pytest.raises(DataError, match="no run has 'val_accuracy'"):
        scored(VALUES).epochs_to(0.9)


def test_epochs_to_leaves_out_seeds_that_never_get_there() -> None:
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
    assert (found["b"].mean, found["b"].n) == (3.0, 1)
    assert "b: epochs to validation accuracy 90 %: 1 of 2 seeds." in str(
        results.table("epochs_to_0.9")
    )
    assert "threshold not reached with seed 1" in results.compare(measure="epochs_to_0.9")["b"].note


def test_table_shows_mean_deviation_and_interval() -> None:
    lines = str(scored(VALUES).table("test_accuracy")).splitlines()
    assert lines[0] == "Made up"
    adam = next(line for line in lines if line.startswith("Adam"))
    # 98 plus or minus 4.302653 / root 3
    assert adam.split("  ")[0] == "Adam"
    assert "98.00 ± 1.00" in adam
    assert "95.52 to 100.00" in adam
    assert adam.endswith("3")


def test_table_has_the_measures_that_there_are() -> None:
    table = trained({"a": 0.95, "b": 0.97}).table()
    assert table.head == [
        "arm",
        "test accuracy, %",
        "95% interval",
        "training accuracy, %",
        "validation accuracy, %",
        "test loss",
        "training time, s",
        "seeds",
    ]
    assert scored(VALUES).table().head[1:] == [
        "test accuracy, %",
        "95% interval",
        "training time, s",
        "seeds",
    ]


def test_table_tells_of_runs_that_are_left_out() -> None:
    text = str(broken().table())
    assert "partly: diverged with seed 1; not run with seed 2." in text
    assert "lost: diverged with seeds 0, 1; failed with seed 2." in text
    assert next(line for line in text.splitlines() if line.startswith("partly")).endswith("1 of 3")


def test_table_says_what_was_cut() -> None:
    results = Results(study(["a"], cut="2 of 5 seeds"), [])
    assert "Cut short: 2 of 5 seeds." in str(results.table())
    assert "Cut short" not in str(scored(VALUES).table())


def test_study_without_any_run_can_be_read() -> None:
    results = Results(study(["a", "b"]), [])
    assert "a: not run with every seed." in str(results.table())
    assert results.compare()["b"].verdict == "no verdict"
    assert results.rows() == results.rows("run") == []


def test_folder_without_a_study_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="holds no study"):
        Results.load(tmp_path)


def test_reading_results_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom lamella.studies.results import Results\n"
        "heavy = {'scipy', 'pandas', 'matplotlib', 'joblib', 'jinja2'}\n"
        "print(heavy & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_results_of_a_real_study_are_read_back_from_its_folder(tmp_path: Path) -> None:
    pytest.importorskip("joblib")
    results = small_study().run(**RUN, out=tmp_path)
    read = Results.load(tmp_path)
    assert read.rows() == results.rows()
    assert str(read.table(["test_accuracy", "test_loss"])) == str(
        results.table(["test_accuracy", "test_loss"])
    )
    # As text: nan is not equal to nan.
    assert repr(list(read.compare(to="fast"))) == repr(list(results.compare(to="fast")))
    assert read.summary()["slow"].mean == pytest.approx(
        sum(r.scores["test_accuracy"] for r in results.of("slow")) / 2
    )
