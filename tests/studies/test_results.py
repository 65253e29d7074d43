"""Results: folders read back, and studies without any run."""

from pathlib import Path

import pytest

from lamella.core.errors import FileFormatError
from lamella.studies.definition.definition import StudyDefinition
from lamella.studies.results import Results
from tests.studies.small import RUN, small_study
from tests.studies.synthetic import study
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
