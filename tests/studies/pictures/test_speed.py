"""Survival curves: where they fall, how far they reach, and their legend."""

import pytest

from lamella.core.errors import ArgumentError
from lamella.studies.pictures.speed import speed_curves
from lamella.studies.pictures.style import NothingToDraw
from lamella.studies.results import Results
from tests.studies.pictures.reading import legend, lines, texts
from tests.studies.synthetic import run, study

ROWS = {3: [0.5, 0.8, 0.9, 0.9], 2: [0.5, 0.9, 0.9, 0.9], 9: [0.1] * 4}


def results(*epochs: int, status: str = "done") -> Results:
    """Return results of one arm that reaches 90% after these epochs; 9 stands for never."""
    runs = [
        run("a", seed, epochs=[{"val_accuracy": x} for x in ROWS[each]], status=status)
        for seed, each in enumerate(epochs)
    ]
    return Results(study(["a"], len(runs)), runs)


def test_line_falls_where_seeds_get_there_and_ends_with_the_runs() -> None:
    figure = speed_curves(results(2, 3, 3, 9), 0.9, by="epochs")
    (axes,) = figure.axes
    line, reached, end, _ = lines(axes, "#0072B2")
    assert line.get_drawstyle() == "steps-post"
    assert list(line.get_xdata()) == [0, 2, 3, 4]
    assert list(line.get_ydata()) == pytest.approx([1, 0.75, 0.25, 0.25])
    assert list(reached.get_xdata()) == [2, 3]
    assert (end.get_marker(), list(end.get_xdata())) == ("|", [4])
    assert list(legend(figure)) == ["a: 3 of 4"]
    assert "Fraction of seeds not there yet: epochs to validation accuracy 90%" in texts(figure)


def test_line_of_an_arm_that_always_gets_there_ends_at_zero() -> None:
    (axes,) = speed_curves(results(2, 2), 0.9, by="epochs", theme="dark").axes
    line, *_ = lines(axes, "#0072B2")
    assert line.get_ydata()[-1] == 0
    assert "|" not in [each.get_marker() for each in axes.get_lines()]


def test_score_must_be_given_and_runs_must_be_done() -> None:
    with pytest.raises(ArgumentError, match=r"threshold=0\.95"):
        speed_curves(results(2))
    with pytest.raises(NothingToDraw, match="no run is done"):
        speed_curves(results(2, status="diverged"), 0.9)
