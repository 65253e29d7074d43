"""Drawings: coordinates, colours and markers, and escaped texts."""

import math
import re
from xml.etree import ElementTree

import pytest

from lamella.studies.analysis.measures import MEASURES
from lamella.studies.pictures.style import MARKERS, PALETTE
from lamella.studies.report.page import drawings
from lamella.studies.report.page.drawings import Curve, Dots

TEST = MEASURES["test_accuracy"]


def curve(index: int = 0, name: str = "Adam", mean: tuple[float, ...] = (0.9, 0.95, 0.97)) -> Curve:
    low, high = [v - 0.01 for v in mean], [v + 0.01 for v in mean]
    return Curve(index, name, [1.0, 2.0, 3.0][: len(mean)], list(mean), low, high)


def scored(index: int = 0, name: str = "Adam", mean: float = 0.97) -> Dots:
    return Dots(index, name, [mean - 0.001, mean + 0.001], mean, mean - 0.01, mean + 0.01, 0.99)


def points(path: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r"(-?[\d.]+) (-?[\d.]+)", path)]


@pytest.mark.parametrize("index", range(2 * len(MARKERS)))
def test_every_arm_has_a_valid_marker_and_key(index: int) -> None:
    key = ElementTree.fromstring(drawings.key(index))
    assert len(key) == 2
    assert f"--c{index % len(PALETTE)}" in drawings.marker(index, 5, 5)


def test_arms_beyond_the_palette_have_dashes() -> None:
    assert "dasharray" not in drawings.key(len(PALETTE) - 1)
    assert "dasharray" in drawings.key(len(PALETTE))


def test_curve_rises_where_its_numbers_do() -> None:
    drawn = ElementTree.fromstring(drawings.curves([curve()], "scores", "accuracy"))
    (line,) = [path for path in drawn.iter("path") if path.get("class") == "line"]
    (band,) = [path for path in drawn.iter("path") if path.get("class") == "band"]
    places = points(line.get("d") or "")
    assert [x for x, _ in places] == sorted(x for x, _ in places)
    assert [y for _, y in places] == sorted((y for _, y in places), reverse=True)
    assert len(points(band.get("d") or "")) == 2 * len(places)


def test_gaps_in_a_curve_are_omitted() -> None:
    drawn = drawings.curves([curve(mean=(0.9, math.nan, 0.97))], "scores", "accuracy")
    assert "nan" not in drawn
    (line,) = re.findall(r'class="line" d="([^"]+)"', drawn)
    assert len(points(line)) == 2


def test_nothing_is_drawn_of_nothing() -> None:
    assert drawings.curves([], "scores", "loss") == ""
    assert drawings.curves([Curve(0, "a", [], [], [], [])], "scores", "loss") == ""
    missing = Dots(0, "a", [], math.nan, math.nan, math.nan, math.nan)
    assert drawings.dots([missing], "scores", TEST) == ""


def test_arm_without_scores_is_drawn_among_others() -> None:
    missing = Dots(1, "lost", [], math.nan, math.nan, math.nan, math.nan)
    drawn = drawings.dots([scored(), missing], "scores", TEST)
    ElementTree.fromstring(drawn)
    assert "no score" in drawn
    assert "nan" not in drawn


def test_better_scores_are_further_right() -> None:
    arms = [scored(0, "SGD", 0.92), scored(1, "Adam", 0.97)]
    drawn = ElementTree.fromstring(drawings.dots(arms, "scores", TEST))
    seeds = [float(c.get("cx") or 0) for c in drawn.iter("circle") if c.get("class") == "seed"]
    assert max(seeds[:2]) < min(seeds[2:])


def test_names_cannot_break_the_page() -> None:
    name = '<b>&"'
    for drawn in (
        drawings.curves([curve(name=name)], name, "accuracy"),
        drawings.dots([scored(name=name)], name, TEST),
    ):
        root = ElementTree.fromstring(drawn)
        assert root.get("aria-label") == name
        assert name in "".join(root.itertext())


def test_long_names_are_broken_at_a_space() -> None:
    drawn = drawings.dots([scored(name="Dropout + L2 0.01 + BatchNorm")], "scores", TEST)
    assert ">Dropout + L2</text>" in drawn or ">Dropout + L2 0.01</text>" in drawn


def test_differences_are_drawn_on_their_side_of_zero() -> None:
    def center(mean: float) -> float:
        drawn = drawings.interval(0, mean, mean - 0.01, mean + 0.01, reach=0.1)
        return float(re.findall(r'cx="([\d.]+)"', drawn)[0])

    assert center(-0.05) < 60 < center(0.05)
    assert center(0.0) == 60


def test_difference_beyond_reach_is_an_arrow() -> None:
    drawn = drawings.interval(0, -0.8, -0.81, -0.79, reach=0.1)
    assert "circle" not in drawn
    assert "H4M11 4L4 9L11 14" in drawn


def test_reach_excludes_outliers() -> None:
    assert drawings.reach([(-0.01, 0.02), (-0.03, 0.0)]) == pytest.approx(0.03)
    assert drawings.reach([(-0.01, 0.02), (0.0, 0.02), (-0.9, -0.8)]) == pytest.approx(0.02)
    assert drawings.reach([]) == 1.0
    assert drawings.reach([(0.0, 0.0)]) == 1.0


def test_scores_of_numbers_are_drawn_in_their_own_unit() -> None:
    arm = Dots(0, "Adam", [-0.5, -0.3], -0.4, -0.6, -0.2, 0.1)
    drawn = drawings.dots([arm], "scores", MEASURES["test_r2"])
    assert "Adam: -0.4000<" in drawn
    assert "%" not in drawn


def test_an_interval_cut_off_at_100_percent_does_not_stretch_the_axis() -> None:
    arms = [
        Dots(0, "wide", [0.5, 0.7], 0.6, 0.0, 1.0, 0.6),
        Dots(1, "b", [0.9], 0.9, 0.8, 0.95, 0.95),
    ]
    assert "99.9" not in drawings.dots(arms, "scores", MEASURES["test_accuracy"])
