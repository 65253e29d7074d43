"""Scores as points with intervals: one row an arm, no line through them."""

import math

import pytest

from lamella.core.errors import DataError
from lamella.studies.pictures.points import score_points
from lamella.studies.results import Results
from tests.studies.pictures.reading import is_inside, lines, points, texts
from tests.studies.synthetic import scored, study

VALUES = {"b": [0.90, 0.92, 0.91], "a": [0.97, 0.98, 0.99]}


def test_point_interval_and_seeds_are_where_they_belong() -> None:
    (axes,) = score_points(scored(VALUES)).axes
    seeds, interval, mean = lines(axes, "#0072B2")
    assert points(seeds) == [(0.90, 0), (0.92, 0), (0.91, 0)]
    half = 4.302653 * 0.01 / math.sqrt(3)
    assert interval.get_xdata() == pytest.approx([0.91 - half, 0.91 + half], rel=1e-6)
    assert points(mean) == [(pytest.approx(0.91), 0)]


def test_no_line_goes_from_one_arm_to_another() -> None:
    (axes,) = score_points(scored(VALUES)).axes
    drawn = [line for line in axes.get_lines() if line.get_linestyle() != "None"]
    assert drawn
    assert all(len(set(line.get_ydata())) == 1 for line in drawn)


def test_rows_are_in_the_order_of_the_arms_and_show_their_means() -> None:
    figure = score_points(scored(VALUES))
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["b", "a"]
    assert axes.yaxis_inverted()
    assert {"91.00 %", "98.00 %"} <= set(texts(figure))


def test_losses_and_times_have_their_units() -> None:
    assert "0.9100" in texts(score_points(scored(VALUES, "test_loss"), "test_loss"))
    assert "1.0 s" in texts(score_points(scored(VALUES), "seconds"))


def test_one_seed_has_no_interval_and_says_so(one_seed: Results) -> None:
    figure = score_points(one_seed)
    assert "Test accuracy; one seed (0): no interval" in texts(figure)
    drawn = [line for line in figure.axes[0].get_lines() if line.get_linestyle() == "-"]
    assert [len(line.get_xdata()) for line in drawn] == [1, 1, 1]


def test_outlier_has_an_arrow_in_the_zoomed_panel() -> None:
    values = {"lost": [0.1, 0.1, 0.11], "a": [0.97, 0.972, 0.971], "b": [0.98, 0.981, 0.982]}
    whole, zoomed = score_points(scored(values)).axes
    assert [line.get_marker() for line in lines(zoomed, "#0072B2")][-1] == "<"
    assert "<" not in [line.get_marker() for line in whole.get_lines()]
    low, high = zoomed.get_xlim()
    assert low > 0.9
    assert high < 1


def test_losses_zoom_in_on_the_lowest() -> None:
    values = {"lost": [9.0, 9.1], "a": [0.5, 0.5001], "b": [0.4, 0.4001]}
    _, zoomed = score_points(scored(values, "test_loss"), "test_loss").axes
    assert zoomed.get_xlim()[1] < 1
    assert [line.get_marker() for line in lines(zoomed, "#0072B2")][-1] == ">"


def test_diverged_arm_keeps_its_row(broken: Results) -> None:
    figure = score_points(broken)
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names == ["lost (diverged)", "partly (2 of 3 seeds)", "good", "best"]
    assert "-" in texts(figure)


def test_nothing_to_draw_is_an_error() -> None:
    with pytest.raises(DataError, match="no finished run has test_accuracy"):
        score_points(Results(study(["a"]), []))


@pytest.mark.parametrize("name", ["two", "fifteen", "broken", "one_seed"])
def test_nothing_reaches_over_the_edge(name: str, request: pytest.FixtureRequest) -> None:
    assert is_inside(score_points(request.getfixturevalue(name)))
