"""Training curves: the figure shows and labels the numbers."""

from pathlib import Path
from typing import Any

import pytest

from lamella.core.errors import DataError, UsageError
from lamella.training.diagnostics.curves import save_figure, training_curves
from tests.subprocesses import missing_extra, run_python

pytest.importorskip("matplotlib")

ROWS: list[dict[str, Any]] = [
    {"epoch": 1, "loss": 0.9, "accuracy": 0.7, "val_loss": 0.6, "val_accuracy": 0.8},
    {"epoch": 2, "loss": 0.5, "accuracy": 0.85, "val_loss": 0.4, "val_accuracy": 0.9},
    {"epoch": 3, "loss": 0.3, "accuracy": 0.9, "val_loss": 0.5, "val_accuracy": 0.88},
]


def curves(axes: Any) -> dict[str, list[tuple[float, float]]]:
    return {
        line.get_label().split(",")[0]: list(zip(*line.get_data(), strict=True))
        for line in axes.get_lines()
    }


def test_both_panels_show_training_and_validation_by_epoch() -> None:
    loss, accuracy = training_curves(ROWS).axes
    assert curves(loss) == {
        "training": [(1, 0.9), (2, 0.5), (3, 0.3)],
        "validation": [(1, 0.6), (2, 0.4), (3, 0.5)],
    }
    assert curves(accuracy)["validation"] == [(1, 0.8), (2, 0.9), (3, 0.88)]
    assert (loss.get_title("left"), accuracy.get_title("left")) == ("loss", "accuracy")
    assert loss.get_xlabel() == accuracy.get_xlabel() == "epoch"


def test_losses_are_drawn_from_zero_and_accuracies_in_percent() -> None:
    figure = training_curves(ROWS)
    figure.draw_without_rendering()
    loss, accuracy = figure.axes
    assert loss.get_ylim()[0] == 0
    assert all(label.get_text().endswith("%") for label in accuracy.get_yticklabels())


def test_epochs_are_whole_numbers_on_the_axis() -> None:
    for rows in (ROWS[:1], ROWS[:2], ROWS):
        figure = training_curves(rows)
        figure.draw_without_rendering()
        low, high = figure.axes[0].get_xlim()
        ticks = [tick for tick in figure.axes[0].get_xticks() if low <= tick <= high]
        assert ticks == [row["epoch"] for row in rows]


def test_curves_differ_in_more_than_colour() -> None:
    training, validation = training_curves(ROWS).axes[0].get_lines()
    assert training.get_marker() != validation.get_marker()
    assert training.get_linestyle() != validation.get_linestyle()


def test_kept_epoch_is_marked_in_both_panels() -> None:
    figure = training_curves(ROWS, kept_epoch=2)
    for axes in figure.axes:
        assert [x for x, _ in curves(axes)["weights kept"]] == [2, 2]
    assert "weights kept" in [text.get_text() for text in figure.legends[0].get_texts()]


def test_history_without_validation_and_accuracy_is_one_curve() -> None:
    figure = training_curves([{"epoch": 1, "loss": 2.0}, {"epoch": 2, "loss": 1.0}])
    (axes,) = figure.axes
    assert curves(axes) == {"training": [(1, 2.0), (2, 1.0)]}


def test_losses_that_are_not_finite_leave_a_gap() -> None:
    rows = [ROWS[0], {**ROWS[1], "loss": float("nan"), "val_loss": float("inf")}]
    figure = training_curves(rows)
    figure.draw_without_rendering()
    assert figure.axes[0].get_ylim()[1] < 2


def test_title_stands_above() -> None:
    assert training_curves(ROWS, title="a run").get_suptitle() == "a run"


def test_no_epochs_is_refused() -> None:
    with pytest.raises(DataError, match="no epochs to draw"):
        training_curves([])


def test_figure_is_written_as_png(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    save_figure(training_curves(ROWS), tmp_path / "curves.png")
    with image.open(tmp_path / "curves.png") as picture:
        assert picture.format == "PNG"
        assert picture.size == (1380, 570)


def test_figure_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot write"):
        save_figure(training_curves(ROWS), tmp_path / "missing" / "curves.png")


def test_drawing_leaves_pyplot_alone(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom lamella.training.diagnostics.curves import save_figure, training_curves\n"
        "assert 'matplotlib' not in sys.modules\n"
        "save_figure(training_curves([{'epoch': 1, 'loss': 1.0}]), sys.argv[1])\n"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    run_python("-c", code, tmp_path / "curves.png")


def test_missing_matplotlib_is_named_with_its_extra() -> None:
    code = (
        "from lamella.training.diagnostics.curves import training_curves\n"
        "training_curves([{'epoch': 1, 'loss': 1.0}])"
    )
    assert "pip install 'lamella[plot]'" in missing_extra("matplotlib", code)
