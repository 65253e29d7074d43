"""Results: folders read back, and studies without any run."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.core.errors import DataError, FileFormatError
from lamella.datasets import Samples
from lamella.studies import Study
from lamella.studies.definition.definition import StudyDefinition
from lamella.studies.results import Results
from tests.studies.small import RUN, TEST, TRAIN, small_study
from tests.studies.synthetic import study, trained
from tests.subprocesses import loaded_packages

pytest.importorskip("scipy")


def test_study_without_any_run_can_be_read() -> None:
    results = Results(study(["a", "b"]), [])
    assert "a: not run with every seed." in str(results.table())
    assert results.compare()["b"].verdict == "no verdict"
    assert results.rows() == results.rows("run") == []


def test_folder_without_a_study_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="holds no study"):
        Results.load(tmp_path)


def test_reading_results_imports_nothing_heavy() -> None:
    heavy = {"scipy", "pandas", "matplotlib", "joblib", "jinja2"}
    assert heavy & loaded_packages("from lamella.studies.results import Results") == set()


def test_results_of_a_real_study_are_read_back_from_its_folder(tmp_path: Path) -> None:
    pytest.importorskip("joblib")
    results = small_study().run(**RUN, out=tmp_path)
    read = Results.load(tmp_path)
    assert type(read.study) is StudyDefinition
    assert read.rows() == results.rows()
    assert str(read.table(["test_accuracy", "test_loss"])) == str(
        results.table(["test_accuracy", "test_loss"])
    )
    # As text: nan is not equal to nan.
    assert repr(list(read.compare(to="fast"))) == repr(list(results.compare(to="fast")))
    assert read.summary()["slow"].mean == pytest.approx(
        sum(r.scores["test_accuracy"] for r in results.of("slow")) / 2
    )


@pytest.mark.slow
def test_results_on_numbers_are_about_r2_and_have_no_accuracy(tmp_path: Path) -> None:
    for package in ("scipy", "matplotlib", "jinja2"):
        pytest.importorskip(package)
    base = {"model": lm.Sequential([lm.Dense(2)]), "loss": lm.MeanSquaredError(), "epochs": 3}
    arms = {"slow": {"optimizer.lr": 1e-4}, "fast": {"optimizer.lr": 0.1}}
    numbers = [Samples(x, x[:, :2] @ [[1, 2], [2, 1]]) for x, _ in (TRAIN, TEST)]
    results = Study("numbers", base=base, arms=arms, seeds=3).run(*numbers, verbose=False)
    assert results.metric == "r2"
    assert results.table().head[1:5] == [
        "test R2",
        "95% interval",
        "training R2",
        "validation R2",
    ]
    comparison = results.compare()
    assert comparison.measure.name == "test_r2"
    assert comparison["fast"].verdict == "better"
    assert results.summary()["fast"].mean > 0.5
    assert results.epochs_to(0.5)["fast"].mean <= 3
    names = {path.stem for path in results.save_plots(tmp_path, ["svg"])}
    assert {"val_r2", "test_r2", "differences", "val_loss"} <= names
    page = results.report(tmp_path / "page.html").read_text()
    chapter = page[page.index('<section class="study"') :]
    assert "Test R2" in chapter
    assert "Validation R2" in chapter
    assert "accuracy" not in chapter
    assert results.compare(measure="test_mae")["fast"].verdict == "better"
    assert results.best().arm == "fast"
    with pytest.raises(DataError, match="no run has 'test_accuracy'"):
        results.compare(measure="test_accuracy")
    with pytest.raises(DataError, match="predicted no classes"):
        results.plot("confusion", test=(np.zeros((90, 2)), np.zeros(90)))


def test_notebooks_show_the_tables_of_results_and_comparisons() -> None:
    results = trained({"a<b": 0.9, "b": 0.95}, 3)
    assert results._repr_html_() == results.table()._repr_html_()
    assert "a&lt;b" in results._repr_html_()
    assert results.compare()._repr_html_() == results.compare().table()._repr_html_()


class Errors(lm.Metric):
    """Percentage of errors, of which fewer are better."""

    name = "percent wrong"
    higher_is_better = False

    def score(self, pred: Any, target: Any) -> Any:
        return 100.0 * (pred.argmax(axis=1) != target).astype(pred.dtype)


def test_metrics_of_the_user_are_measures_times_and_pictures(tmp_path: Path) -> None:
    pytest.importorskip("joblib")
    pytest.importorskip("matplotlib")
    base = {"model": lm.MLP([5], classes=3), "batch_size": 20, "epochs": 3, "metrics": [Errors()]}
    run = small_study(base=base, seeds=3).run(**RUN, out=tmp_path)
    for results in (run, Results.load(tmp_path)):
        wrong, right = (
            results.compare(measure=name)["fast"]
            for name in ("test_percent wrong", "test_accuracy")
        )
        assert (wrong.mean, wrong.favours) == (pytest.approx(-100 * right.mean), right.favours)
        times = results.values("epochs_to_val_percent wrong_10.0")
        assert times["fast"] == results.values("epochs_to_0.9")["fast"]
        assert str(results.speed(10, measure="val_percent wrong")).startswith("Steps to validation")
        assert results.best("val_percent wrong").arm == results.best().arm
        for name in ("val_percent wrong", "test_percent wrong"):
            assert results.plot(name).axes
    assert "directions" not in small_study().description()
