"""Paired differences: intervals, a line at zero, and verdicts."""

import pytest

from lamella.core.errors import ArgumentError, DataError
from lamella.studies.pictures.differences import difference_points
from lamella.studies.results import Results
from tests.studies.pictures.reading import is_inside, lines, points, texts
from tests.studies.synthetic import scored, study

VALUES = {
    "base": [0.950, 0.960, 0.970, 0.955],
    "better": [0.970, 0.981, 0.989, 0.975],
    "alike": [0.951, 0.957, 0.974, 0.953],
}


def test_difference_and_interval_are_those_of_the_comparison() -> None:
    results = scored(VALUES)
    (axes,) = difference_points(results).axes
    wanted = results.compare()["better"]
    interval, mean = lines(axes, "#D55E00")
    assert interval.get_xdata() == pytest.approx([wanted.low, wanted.high])
    assert points(mean) == [(pytest.approx(0.02), 0)]


def test_zero_is_marked_and_visible() -> None:
    for axes in difference_points(scored(VALUES)).axes:
        (zero,) = [line for line in axes.get_lines() if list(line.get_xdata()) == [0, 0]]
        assert axes.get_xlim()[0] < 0 < axes.get_xlim()[1]
        assert zero.get_linestyle() == "-"


def test_only_differences_that_are_shown_are_filled() -> None:
    (axes,) = difference_points(scored(VALUES)).axes
    marks = [line for line in axes.get_lines() if line.get_markersize() == 8]
    assert [mark.get_markerfacecolor() for mark in marks] == ["#D55E00", "#ffffff"]


def test_verdicts_stand_behind_the_rows() -> None:
    results = scored(VALUES)
    seen = texts(difference_points(results))
    p = results.compare()["alike"].p_adjusted
    assert "better, p < 0.001" in seen
    assert f"undecided, p = {p:.3f}" in seen


def test_axis_label_names_the_better_side() -> None:
    accuracy = texts(difference_points(scored(VALUES)))
    loss = texts(difference_points(scored(VALUES, "test_loss"), "test_loss", to="alike"))
    assert "Test accuracy, difference to base in percentage points (right is better)" in accuracy
    assert "Test loss, difference to alike (left is better)" in loss


def test_one_seed_says_that_there_is_no_verdict(one_seed: Results) -> None:
    seen = texts(difference_points(one_seed))
    assert "one seed: no interval, no verdict" in seen
    assert seen.count("no verdict") == 2


def test_diverged_arm_keeps_its_row(broken: Results) -> None:
    figure = difference_points(broken)
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names == ["lost (diverged)", "partly (2 of 3 seeds)", "good"]
    assert "worse, p = 0.031 (diverged)" in texts(figure)


def test_nothing_to_compare_is_an_error() -> None:
    with pytest.raises(ArgumentError, match="nothing to compare"):
        difference_points(scored({"a": [0.9]}))
    with pytest.raises(DataError, match="no arm shares a finished seed with 'a'"):
        difference_points(Results(study(["a", "b"]), []))


@pytest.mark.parametrize("name", ["two", "fifteen", "broken", "one_seed"])
def test_nothing_reaches_over_the_edge(name: str, request: pytest.FixtureRequest) -> None:
    assert is_inside(difference_points(request.getfixturevalue(name)))
