"""Verdicts: corrected tests, equivalence, and the difference that could have been seen."""

import math

import pytest

from lamella.studies.analysis.difference import Difference, difference
from lamella.studies.analysis.student import Student
from lamella.studies.analysis.verdicts import with_verdicts

stats = pytest.importorskip("scipy.stats")


def pair_with(p: float, favours: int = 1) -> Difference:
    return Difference("a", "b", 1.0, 0.0, 2.0, p, p, 5, favours=favours)


def pair_of(mean: float, error: float, df: float = 9) -> Difference:
    """Return a difference with a given mean and error."""
    student = Student(mean, error, df)
    p, favours = student.p, 1 if mean > 0 else -1
    return Difference(
        "a", "b", mean, *student.interval(), p, p, 10, favours=favours, errors=(student,)
    )


@pytest.mark.parametrize(
    ("favours", "p", "verdict"),
    [
        (1, 0.01, "better"),
        (-1, 0.01, "worse"),
        (0, 0.01, "undecided"),
        (1, 0.05, "undecided"),
        (1, math.nan, "no verdict"),
    ],
)
def test_verdict_follows_the_side_of_the_test(favours: int, p: float, verdict: str) -> None:
    (found,) = with_verdicts([pair_with(p, favours)])
    assert found.verdict == verdict


def test_verdict_follows_the_direction_of_the_measure() -> None:
    ours, theirs = {0: 0.91, 1: 0.92, 2: 0.935}, {0: 0.81, 1: 0.82, 2: 0.83}
    for higher, verdict in ((True, "better"), (False, "worse")):
        (found,) = with_verdicts([difference("a", "b", ours, theirs, higher_is_better=higher)])
        assert found.verdict == verdict


def test_verdicts_go_by_the_corrected_p() -> None:
    found = with_verdicts([pair_with(0.02), pair_with(0.04), pair_with(0.03)])
    assert [d.p for d in found] == [0.02, 0.04, 0.03]
    assert [d.p_adjusted for d in found] == pytest.approx([0.06] * 3)
    assert {d.verdict for d in found} == {"undecided"}


@pytest.mark.parametrize(
    ("mean", "error", "verdict"),
    [
        (0.0, 0.1, "equivalent"),
        (0.0, 0.6, "undecided"),
        (0.5, 0.1, "better, by less than the margin"),
        (-0.5, 0.1, "worse, by less than the margin"),
        (3.0, 0.1, "better"),
        (-3.0, 0.1, "worse"),
        (0.95, 0.1, "better"),
    ],
)
def test_margin_gives_equivalence(mean: float, error: float, verdict: str) -> None:
    (found,) = with_verdicts([pair_of(mean, error)], margin=1.0)
    assert found.verdict == verdict


def test_equivalence_is_tested_at_the_level_of_the_family() -> None:
    # One-sided p of a true difference of the margin: t of 2.3 with 9 degrees of freedom is .0235.
    near = pair_of(0.0, 1 / 2.3)
    alone, *_ = with_verdicts([near], margin=1.0)
    together, *_ = with_verdicts([near] * 3, margin=1.0)
    assert (alone.verdict, together.verdict) == ("equivalent", "undecided")
    assert together.p_adjusted == 1


def test_margin_corrects_all_differences_alike() -> None:
    found = with_verdicts([pair_with(0.02), pair_with(0.001)], margin=0.1)
    assert [d.p_adjusted for d in found] == [0.04, 0.002]


def test_undecided_differences_say_what_could_have_been_seen() -> None:
    undecided, better = with_verdicts([pair_of(0.1, 0.2), pair_of(9.0, 0.2)])
    assert math.isnan(better.smallest_shown)
    # 80% power at a two-sided level of 0.05 / 2, by the noncentral t of scipy.
    critical = stats.t.ppf(1 - 0.05 / 4, 9)
    power = stats.nct.sf(critical, 9, undecided.smallest_shown / 0.2)
    assert power == pytest.approx(0.8, abs=1e-6)
