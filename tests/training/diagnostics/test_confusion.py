"""The confusion matrix of a model: counts and drawing."""

from itertools import pairwise

import numpy as np

from lamella.training.diagnostics.confusion import draw_confusion
from tests.training.diagnostics.fixed_answers import fixed_answers

LABELS = np.array([0, 0, 1, 1, 2, 2, 2, 2])


def test_a_model_is_drawn_by_its_predictions() -> None:
    model, x = fixed_answers([0, 1, 1, 1, 2, 2, 2, 0], 3)
    figure = model.plot_confusion(x, LABELS, class_names=["a", "$b$", "c"])
    (axes,) = figure.axes
    cells = {text.get_position(): text.get_text() for text in axes.texts}
    # Of class 0 half are right, of class 1 all, of class 2 three of four; position is (j, i).
    right = {(0, 0): "50.0", (1, 1): "100.0", (2, 2): "75.0"}
    assert cells == {**right, (1, 0): "50.0", (0, 2): "25.0"}
    assert [label.get_text() for label in axes.get_xticklabels()] == ["a", r"\$b\$", "c"]
    assert figure.texts[-1].get_text() == "percent of each class, 75.00% right"


def test_a_matrix_without_errors_is_drawn() -> None:
    (axes,) = draw_confusion(np.eye(2) * 3, "dark", None, title="", subtitle="").axes
    assert [text.get_text() for text in axes.texts] == ["100.0", "100.0"]


def test_long_names_do_not_overlap() -> None:
    names = ["Ankle boot", "T-shirt/top", "x" * 80, "Bag"]
    figure = draw_confusion(np.eye(4) + 1, "light", names, title="MLP", subtitle="")
    figure.draw_without_rendering()
    (axes,) = figure.axes
    for labels in (axes.get_xticklabels(), axes.get_yticklabels()):
        boxes = [label.get_window_extent() for label in labels]
        assert not any(a.overlaps(b) for a, b in pairwise(boxes))
    cell = axes.get_window_extent().width / 4
    plain = draw_confusion(np.eye(4) + 1, "light", None, title="MLP", subtitle="")
    plain.draw_without_rendering()
    assert cell > 0.8 * plain.axes[0].get_window_extent().width / 4
