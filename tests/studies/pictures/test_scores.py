"""Score after every epoch: lines, bands, and a zoomed panel if arms end close together."""

from dataclasses import replace

import numpy as np
import pytest

from lamella.core.errors import DataError
from lamella.studies.pictures.scores import score_curves
from lamella.studies.results import Results
from tests.studies.pictures.reading import bands, is_inside, legend, lines, points, texts
from tests.studies.synthetic import run, study


def by_epoch(column: str, *seeds: list[float]) -> Results:
    runs = [
        run("a", seed, epochs=[{"epoch": i, column: x} for i, x in enumerate(values, 1)])
        for seed, values in enumerate(seeds)
    ]
    return Results(study(["a"], len(seeds)), runs)


def test_line_is_the_mean_of_seeds_and_band_their_reach() -> None:
    figure = score_curves(by_epoch("val_accuracy", [0.5, 0.7, 0.9], [0.7, 0.7, 0.8]))
    (axes,) = figure.axes
    (line,) = lines(axes, "#0072B2")
    assert points(line) == [(1, 0.6), (2, 0.7), (3, pytest.approx(0.85))]
    (band,) = bands(axes)
    assert {(1, 0.5), (1, 0.7), (3, 0.9), (3, 0.8)} <= {tuple(corner) for corner in band}


def test_accuracy_is_in_percent_with_a_label(two: Results) -> None:
    seen = texts(score_curves(two))
    assert "90%" in seen
    wanted = "Validation accuracy after every epoch; line: mean of 3 seeds, band: lowest to highest"
    assert wanted in seen


def test_validation_loss_is_shown_by_its_ratios(two: Results) -> None:
    figure = score_curves(two, "val_loss")
    (axes,) = figure.axes
    assert axes.get_yscale() == "log"
    assert not any(text.endswith("%") for text in texts(figure))
    (line,) = lines(axes, "#D55E00")
    rows = [[row["val_loss"] for row in run.epochs] for run in two.of("MLP")]
    assert line.get_ydata() == pytest.approx(np.mean(rows, axis=0))


def test_arms_that_end_close_together_get_a_zoomed_panel(broken: Results) -> None:
    whole, zoomed = score_curves(broken).axes
    low, high = zoomed.get_ylim()
    ends = [run.epochs[-1]["val_accuracy"] for run in broken.of("best") + broken.of("good")]
    assert low < min(ends) < max(ends) < high
    assert high - low < (whole.get_ylim()[1] - whole.get_ylim()[0]) / 4
    assert zoomed.get_ylabel() == "zoomed-in axis"


def test_two_arms_get_no_zoomed_panel(two: Results) -> None:
    assert len(score_curves(two).axes) == 1


def test_epochs_are_whole_numbers() -> None:
    figure = score_curves(by_epoch("val_accuracy", [0.5, 0.7]))
    figure.draw_without_rendering()
    (axes,) = figure.axes
    low, high = axes.get_xlim()
    assert [tick for tick in axes.get_xticks() if low <= tick <= high] == [1, 2]


def test_arm_without_a_finished_run_is_still_named(broken: Results) -> None:
    figure = score_curves(broken)
    assert "lost (diverged)" in legend(figure)
    assert lines(figure.axes[0], "#0072B2") == []


def test_many_arms_are_split_into_panels(fifteen: Results) -> None:
    figure = score_curves(fifteen)
    assert len(figure.axes) == 6
    assert list(legend(figure)) == fifteen.arms


def test_an_arm_has_the_same_colour_in_all_pictures(fifteen: Results) -> None:
    curves = {n: h.get_color() for n, h in legend(score_curves(fifteen)).items()}
    losses = {n: h.get_color() for n, h in legend(fifteen.plot("loss")).items()}
    axes = fifteen.plot("test_accuracy").axes[0]
    marks = [line.get_color() for line in axes.get_lines() if line.get_markersize() == 8]
    assert curves == losses
    assert marks == list(curves.values())


def test_score_missing_in_an_epoch_leaves_a_gap() -> None:
    results = by_epoch("val_loss", [0.5, 0.7, 0.9])
    rows = [dict(row) for row in results.runs[0].epochs]
    del rows[1]["val_loss"]
    gap = Results(results.study, [replace(results.runs[0], epochs=rows)])
    figure = score_curves(gap, "val_loss")
    figure.draw_without_rendering()
    (line,) = lines(figure.axes[0], "#0072B2")
    assert np.isnan(line.get_ydata()).tolist() == [False, True, False]


def test_unknown_score_is_an_error(two: Results) -> None:
    with pytest.raises(DataError, match="no finished run has 'val_f1'; epochs have epoch, loss"):
        score_curves(two, "val_f1")
    with pytest.raises(DataError, match="epochs have none"):
        score_curves(Results(study(["a"]), []))


@pytest.mark.parametrize("name", ["two", "fifteen", "broken", "one_seed"])
def test_nothing_reaches_over_the_edge(name: str, request: pytest.FixtureRequest) -> None:
    assert is_inside(score_curves(request.getfixturevalue(name)))
