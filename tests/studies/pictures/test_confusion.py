"""The confusion matrix: counts and drawing."""

import numpy as np
import pytest

from lamella.core.errors import DataError
from lamella.studies.pictures.confusion import confusion
from lamella.studies.results import Results
from tests.studies.pictures.reading import is_inside, texts
from tests.studies.synthetic import run, study, trained

LABELS = np.array([0, 0, 1, 1, 2, 2, 2, 2])
TEST = (np.zeros((8, 4)), LABELS)


def results() -> Results:
    first, second = [0, 1, 1, 1, 2, 2, 2, 0], [0, 0, 1, 1, 2, 2, 0, 0]
    runs = [run("a", 0, predictions=first), run("a", 1, predictions=second)]
    return Results(study(["a", "b"], 2), runs)


def test_cells_are_percent_of_the_class_over_all_seeds() -> None:
    (axes,) = confusion(results(), TEST).axes
    cells = {text.get_position(): text.get_text() for text in axes.texts}
    # Class 0: 3 of 4 right. Class 2: 5 of 8 right, 3 predicted as 0. Other cells are empty.
    assert cells == {
        (0, 0): "75.0",
        (1, 0): "25.0",
        (1, 1): "100.0",
        (0, 2): "37.5",
        (2, 2): "62.5",
    }


def test_only_errors_are_coloured() -> None:
    (axes,) = confusion(results(), TEST).axes
    (image,) = axes.get_images()
    assert image.get_array().tolist() == [[0, 0.25, 0], [0, 0, 0], [0.375, 0, 0]]
    assert image.get_clim() == (0, 0.375)


def test_arm_seeds_and_classes_are_named() -> None:
    seen = texts(confusion(results(), TEST, names=["cat", "dog", "owl"]))
    assert "a: percent of each class, 2 seeds together" in seen
    assert seen.count("owl") == 2
    assert {"predicted class", "true class"} <= set(seen)


def test_one_hot_labels_are_accepted() -> None:
    rows = (TEST[0], np.eye(3)[LABELS])
    one, other = (confusion(results(), test).axes[0] for test in (TEST, rows))
    assert (one.get_images()[0].get_array() == other.get_images()[0].get_array()).all()


def test_runs_without_errors_can_be_drawn() -> None:
    perfect = Results(study(["a"], 1), [run("a", 0, predictions=LABELS)])
    seen = texts(confusion(perfect, TEST))
    assert seen.count("100.0") == 3


def test_another_test_set_is_refused() -> None:
    with pytest.raises(DataError, match="predicted 8 samples, but the test set has 7"):
        confusion(results(), (TEST[0][:7], LABELS[:7]))


def test_arm_without_runs_is_an_error() -> None:
    with pytest.raises(DataError, match="no run of 'b' is done"):
        confusion(results(), TEST, arm="b")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_reaches_over_the_edge(theme: str) -> None:
    ten = trained({"a": 0.9}, samples=400)
    assert is_inside(confusion(ten, (np.zeros((400, 4)), np.arange(400) % 10), theme=theme))
