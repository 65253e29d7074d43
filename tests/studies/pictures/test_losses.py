"""Smoothed training loss against epochs."""

import numpy as np
import pytest

from lamella.core.errors import DataError
from lamella.studies.pictures.losses import loss_curves, smoothed
from lamella.studies.pictures.style import arm_styles
from lamella.studies.results import Results
from lamella.studies.running.archived_run import archived
from lamella.training.diagnostics.theme import get_theme
from tests.studies.pictures.reading import bands, is_inside, legend, lines, points, texts
from tests.studies.synthetic import run, study, trained


def with_losses(losses: dict[str, list[list[float]]], steps: int) -> Results:
    runs = [
        run(arm, seed, epochs=[{"epoch": 1}], step_losses=numbers, steps_per_epoch=steps)
        for arm, seeds in losses.items()
        for seed, numbers in enumerate(seeds)
    ]
    return Results(study(list(losses), len(next(iter(losses.values())))), runs)


def test_smoothing_is_the_mean_of_equal_parts() -> None:
    losses = [4.0, 2.0, 1.0, 3.0, 8.0, 6.0, 5.0, 7.0]
    assert smoothed(run("a", 0, step_losses=losses, steps_per_epoch=4), 2).tolist() == [3, 2, 7, 6]


def test_parts_that_do_not_divide_the_epoch_hold_all_steps() -> None:
    # Five steps in two parts: two and three, in both epochs.
    losses = [1.0, 3.0, 1.0, 2.0, 3.0] * 2
    found = smoothed(run("a", 0, step_losses=losses, steps_per_epoch=5), 2)
    assert found.tolist() == [2, 2, 2, 2]


def test_a_step_counts_in_each_part_of_an_epoch_with_fewer_steps() -> None:
    losses = [4.0, 2.0, 1.0, 3.0]
    found = smoothed(run("a", 0, step_losses=losses, steps_per_epoch=2), 4)
    assert found.tolist() == [4, 4, 2, 2, 1, 1, 3, 3]


def test_smoothing_ends_where_the_loss_is_no_number() -> None:
    losses = [1.0, 3.0, 5.0, float("nan"), 7.0, 7.0]
    assert smoothed(run("a", 0, step_losses=losses, steps_per_epoch=4), 2).tolist() == [2, 5]
    nothing = run("a", 0, step_losses=[float("inf"), 1.0], steps_per_epoch=2)
    assert smoothed(nothing, 1).tolist() == []


def test_line_is_the_mean_of_seeds_and_band_their_reach() -> None:
    # 16 steps an epoch are two means of eight.
    one, two = [2.0] * 8 + [1.0] * 8, [4.0] * 8 + [3.0] * 8
    figure = loss_curves(with_losses({"a": [one, two]}, 16))
    (axes,) = figure.axes
    (line,) = lines(axes, "#0072B2")
    assert points(line) == [(0.25, 3.0), (0.75, 2.0)]
    (band,) = bands(axes)
    assert set(band[:, 1]) >= {2.0, 4.0, 1.0, 3.0}
    assert axes.get_xlabel() == "epoch"


def test_batch_sizes_are_smoothed_over_the_same_fraction_of_an_epoch() -> None:
    results = trained({"large": 0.9, "small": 0.9}, steps={"large": 16, "small": 160}, epochs=3)
    (axes,) = loss_curves(results).axes
    large, small = (lines(axes, color)[0] for color in ("#0072B2", "#D55E00"))
    assert large.get_xdata().tolist() == small.get_xdata().tolist()
    assert len(large.get_xdata()) == 6
    means = [r.step_losses[-80:].astype(float).mean() for r in results.of("small")]
    assert small.get_ydata()[-1] == pytest.approx(np.mean(means))


def test_losses_are_shown_by_their_ratios(two: Results) -> None:
    figure = loss_curves(two)
    assert figure.axes[0].get_yscale() == "log"
    assert {"0.1", "1"} <= set(texts(figure))


def test_every_arm_is_named_in_its_colour(two: Results) -> None:
    names = legend(loss_curves(two))
    styles = arm_styles(two.arms, get_theme("light"))
    assert {name: handle.get_color() for name, handle in names.items()} == {
        arm: styles[arm].color for arm in two.arms
    }


def test_diverged_arm_is_drawn_to_its_end_and_named(broken: Results) -> None:
    figure = loss_curves(broken)
    (axes,) = figure.axes
    curve, end = lines(axes, "#0072B2")
    assert end.get_marker() == "x"
    assert points(end)[0][0] == points(curve)[-1][0] < 2
    assert list(legend(figure)) == ["lost (diverged)", "partly (2 of 3 seeds)", "good", "best"]


def test_many_arms_are_split_with_the_others_behind(fifteen: Results) -> None:
    figure = loss_curves(fifteen)
    assert len(figure.axes) == 3
    grid = get_theme("light").grid
    assert [len(lines(axes, grid)) for axes in figure.axes] == [10, 10, 10]
    assert list(legend(figure)) == fifteen.arms
    assert len({axes.get_ylim() for axes in figure.axes}) == 1


def test_one_seed_has_no_band_and_says_so(one_seed: Results) -> None:
    figure = loss_curves(one_seed)
    assert bands(figure.axes[0]) == []
    assert "Training loss, mean over every 1/5 epoch; one seed (0)" in texts(figure)


def test_losses_that_burst_are_cut_and_marked() -> None:
    flat = [[1.0] * 16]
    results = with_losses({"burst": [[1.0] * 8 + [1e9] * 8], "b": flat, "c": flat}, 16)
    (axes,) = loss_curves(results).axes
    assert axes.get_ylim()[1] == pytest.approx(30 * 1.25)
    curve, arrow = lines(axes, "#0072B2")
    assert curve.get_ydata().tolist() == [1.0, 1e9]
    assert (arrow.get_marker(), arrow.get_xdata().tolist()) == ("^", [0.75])


def test_losses_of_zero_can_be_drawn() -> None:
    figure = loss_curves(with_losses({"a": [[0.0] * 8 + [1.0] * 8]}, 16))
    figure.draw_without_rendering()
    assert figure.axes[0].get_ylim()[0] > 0
    loss_curves(with_losses({"a": [[0.0] * 16]}, 16)).draw_without_rendering()


def test_arm_that_diverged_with_its_first_step_is_named() -> None:
    results = Results(
        study(["a", "b"], 1),
        [
            run("a", 0, step_losses=[float("nan")] * 8, steps_per_epoch=8, status="diverged"),
            run("b", 0, step_losses=[1.0] * 8, steps_per_epoch=8, epochs=[{"epoch": 1}]),
        ],
    )
    assert list(legend(loss_curves(results))) == ["a (diverged)", "b"]


def test_no_losses_are_refused() -> None:
    with pytest.raises(DataError, match="no run has finished a step"):
        loss_curves(Results(study(["a"]), []))


@pytest.mark.parametrize("name", ["two", "fifteen", "broken", "one_seed"])
def test_nothing_reaches_over_the_edge(name: str, request: pytest.FixtureRequest) -> None:
    assert is_inside(loss_curves(request.getfixturevalue(name)))


def test_archives_draw_the_same_lines(two: Results) -> None:
    kept = Results(two.study, [archived(run) for run in two.runs])
    old, new = (lines(loss_curves(each).axes[0], "#0072B2")[0] for each in (two, kept))
    np.testing.assert_allclose(old.get_xdata(), new.get_xdata())
    np.testing.assert_allclose(old.get_ydata(), new.get_ydata(), rtol=1e-5)
