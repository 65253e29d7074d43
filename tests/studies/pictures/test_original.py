"""The report's own three figures, with its axes, annotations and ticks."""

from dataclasses import replace

import numpy as np
import pytest

from lamella.core.errors import DataError
from lamella.studies.pictures.original import (
    envelope,
    report_loss,
    report_scores,
    report_test,
)
from lamella.studies.results import Results
from lamella.studies.running.archived_run import archived
from tests.studies.pictures.reading import is_inside, legend, lines, points, texts
from tests.studies.synthetic import study, trained


def test_loss_of_every_step_is_drawn_against_steps(two: Results) -> None:
    figure = report_loss(two, seed=1)
    (axes,) = figure.axes
    (line,) = lines(axes, "#0072B2")
    run = two.of("softmax")[1]
    assert line.get_xdata().tolist() == list(range(1, len(run.step_losses) + 1))
    assert line.get_ydata().astype(np.float32).tolist() == run.step_losses.tolist()
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("steps:", "loss:")
    assert list(legend(figure)) == ["softmax", "MLP"]


def test_losses_that_burst_are_cut() -> None:
    results = trained({"a": 0.9, "b": 0.95, "c": 0.96}, seeds=1)
    burst = replace(results.runs[0], step_losses=results.runs[0].step_losses * 1e6)
    (axes,) = report_loss(Results(results.study, [burst, *results.runs[1:]])).axes
    low, high = axes.get_ylim()
    assert -2 < low <= 0
    assert 1 < high < 50
    assert [line.get_marker() for line in lines(axes, "#0072B2")][-1] == "^"


def test_long_curves_keep_their_peaks() -> None:
    values = np.random.default_rng(0).normal(size=5000)
    x, y = envelope(values)
    assert len(x) <= 800
    assert (np.diff(x) > 0).all()
    assert (y == values[x - 1]).all()
    assert {values.min(), values.max()} <= set(y)
    assert all(y[(x > a) & (x <= a + 100)].max() == values[a : a + 100].max() for a in (0, 2500))


def test_short_curves_are_drawn_whole() -> None:
    x, y = envelope(np.array([3.0, 1.0, 2.0]))
    assert (x.tolist(), y.tolist()) == ([1, 2, 3], [3, 1, 2])


def test_score_of_every_epoch_is_drawn_and_written(two: Results) -> None:
    figure = report_scores(two)
    (axes,) = figure.axes
    scores = [row["val_accuracy"] for row in two.of("MLP")[0].epochs]
    (line,) = lines(axes, "#D55E00")
    assert points(line) == list(enumerate(scores, 1))
    written = [t for t in axes.texts if t.get_color() == "#D55E00"]
    assert [t.get_text() for t in written] == [f"{score:.4f}" for score in scores]
    assert {t.get_fontsize() for t in axes.texts} == {8}
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("epochs:", "score:")
    figure.draw_without_rendering()
    ticks = {t.get_position()[1]: t.get_text() for t in axes.get_yticklabels()}
    assert ticks == {place: f"{place:.4f}" for place in ticks}
    assert max(ticks) <= 1 + 1e-9


def test_written_scores_do_not_cover_each_other(fifteen: Results) -> None:
    figure = report_scores(fifteen)
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    assert len(boxes) == 15 * 6
    covered = sum(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    assert covered == 0


def test_no_curve_crosses_a_written_score(fifteen: Results) -> None:
    figure = report_scores(fifteen)
    figure.draw_without_rendering()
    (axes,) = figure.axes
    assert min(text.get_window_extent().y0 for text in axes.texts) > axes.bbox.y1
    names = [text.get_text() for text in axes.get_legend().get_texts()]
    colors = [handle.get_color() for handle in axes.get_legend().legend_handles]
    rows = sorted({(-text.get_window_extent().y0, text.get_color()) for text in axes.texts})
    assert names == fifteen.arms
    assert [color for _, color in rows] == colors


def test_test_scores_are_one_line_through_the_names(two: Results) -> None:
    figure = report_test(two, seed=2)
    (axes,) = figure.axes
    scores = [two.of(arm)[2].scores["test_accuracy"] for arm in two.arms]
    assert points(axes.get_lines()[0]) == list(enumerate(scores))
    labels = axes.get_xticklabels()
    assert [label.get_text() for label in labels] == two.arms
    assert {label.get_fontsize() for label in labels} == {6}
    assert {f"{score:.4f}" for score in scores} <= set(texts(figure))
    assert axes.get_ylabel() == "score:"


def test_arm_that_is_not_done_keeps_its_place_and_leaves_a_gap(broken: Results) -> None:
    (axes,) = report_test(broken, seed=1).axes
    names = [label.get_text() for label in axes.get_xticklabels()]
    assert names == ["lost (diverged)", "partly (failed)", "good", "best"]
    assert np.isnan(axes.get_lines()[0].get_ydata()).tolist() == [True, True, False, False]
    assert [line.get_color() for line in axes.get_lines()[1:]] == ["#009E73", "#CC79A7"]


def test_losses_are_of_all_arms_that_took_a_step(broken: Results) -> None:
    assert list(legend(report_loss(broken, seed=1))) == ["lost", "good", "best"]


def test_seed_that_was_not_run_is_an_error(two: Results) -> None:
    with pytest.raises(DataError, match="no run of this seed has taken a step"):
        report_loss(two, seed=9)
    with pytest.raises(DataError, match="no run of this seed has a test score"):
        report_test(Results(study(["a"]), []))


@pytest.mark.parametrize("draw", [report_loss, report_scores, report_test])
@pytest.mark.parametrize("name", ["two", "fifteen", "broken", "one_seed"])
def test_nothing_reaches_over_the_edge(
    draw: object, name: str, request: pytest.FixtureRequest
) -> None:
    assert is_inside(draw(request.getfixturevalue(name)))  # type: ignore[operator]


def test_archives_have_scores_but_no_loss_of_every_step(two: Results) -> None:
    kept = Results(two.study, [archived(run) for run in two.runs])
    assert len(report_scores(kept).axes) == len(report_test(kept).axes) == 1
    with pytest.raises(DataError, match=r"the smoothed one with results.plot\(\"loss\"\)"):
        report_loss(kept)
