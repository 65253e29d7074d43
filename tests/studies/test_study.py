"""Study: definitions that can be run, and those that cannot."""

from typing import Any

import pytest

import lamella as lm
from lamella.core.errors import ArgumentError
from lamella.studies import Study
from lamella.studies.definition import bundled
from lamella.studies.study import bundled_study
from tests.studies.small import RUN, small_study
from tests.subprocesses import loaded_packages


def test_a_bundled_study_can_be_run() -> None:
    study = bundled_study("depth")
    assert isinstance(study, Study)
    assert study.experiments == bundled.load("depth").experiments


@pytest.mark.parametrize("n_jobs", [0, -2, 1.5])
def test_numbers_of_processes_that_make_no_sense_are_refused(n_jobs: Any) -> None:
    with pytest.raises(ArgumentError, match="n_jobs must be a whole number of at least 1"):
        small_study().run(**RUN, n_jobs=n_jobs)


def test_a_study_read_from_its_description_cannot_be_run() -> None:
    with pytest.raises(lm.LamellaError, match="was read from a folder"):
        Study.described(small_study().description()).run(**RUN)


def test_defining_a_study_imports_nothing_heavy() -> None:
    heavy = {"joblib", "scipy", "pandas", "jinja2", "matplotlib", "dask", "cupy", "torch"}
    assert heavy & loaded_packages("import lamella.studies") == set()
