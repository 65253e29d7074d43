"""Verdicts of several studies that stand among all of a page."""

import pytest

from lamella.studies.analysis.statistics import false_discovery
from lamella.studies.report.page.page_wide import page_wide
from lamella.studies.results import Results
from tests.studies.synthetic import scored

pytest.importorskip("scipy")

BASE = [0.95, 0.951, 0.949, 0.95, 0.9505]


def moved(*points: float) -> Results:
    arm = [value + point / 100 for value, point in zip(BASE, points, strict=True)]
    return scored({"base": BASE, "arm": arm})


CLEAR, WEAK = moved(2, 2.1, 1.9, 2, 2.05), moved(0.1, 0.36, 0.25, 0.29, 0.07)
NULL = moved(0.1, -0.12, 0.03, -0.02, 0.01)


def test_one_study_is_not_corrected_further() -> None:
    (found,), text = page_wide([WEAK])
    assert found is not None
    assert [d.verdict for d in found] == ["better"]
    assert text == ""


def test_a_verdict_among_many_studies_without_difference_does_not_stand() -> None:
    found, text = page_wide([CLEAR, WEAK, *[NULL] * 8])
    p = [next(iter(each)).p for each in found if each is not None]
    assert [q < 0.05 for q in false_discovery(p)] == [True, *[False] * 9]
    verdicts = [d.verdict for each in found for d in each or ()]
    assert verdicts == ["better", *["undecided"] * 9]
    assert found[1] is not None
    assert "among all comparisons of this page" in found[1]["arm"].note
    assert "all 10 comparisons of the page" in text
    assert text.endswith("expected to be wrong (Benjamini and Hochberg): 0.05 of 1.")


def test_studies_of_one_arm_have_nothing_to_correct() -> None:
    found, _ = page_wide([scored({"a": BASE}), CLEAR])
    assert found[0] is None
    assert found[1] is not None
