"""The images that most runs get wrong, with the highest confidence."""

import numpy as np
import pytest

from lamella.core.errors import ArgumentError, DataError
from lamella.studies.pictures.mistakes import Mistake, mistakes, worst_mistakes
from lamella.studies.results import Results
from lamella.studies.running.archived_run import archived
from tests.studies.pictures.reading import is_inside, texts
from tests.studies.synthetic import run, study

LABELS = np.array([0, 1, 2, 3, 4])
IMAGES = np.arange(5 * 6 * 6, dtype=np.uint8).reshape(5, 6, 6)
GUESSES = [
    # sample 1: wrong in all. 2: wrong in two, confident. 3: wrong in two, less so. 4: in one.
    ([0, 7, 9, 5, 4], [0.9, 0.6, 0.9, 0.5, 0.9]),
    ([0, 7, 8, 5, 4], [0.9, 0.7, 0.9, 0.6, 0.9]),
    ([0, 2, 2, 3, 6], [0.9, 0.8, 0.1, 0.1, 0.99]),
]


def results(count: int = 3) -> Results:
    runs = [
        run("a", seed, predictions=guesses, confidence=confidence)
        for seed, (guesses, confidence) in enumerate(GUESSES[:count])
    ]
    return Results(study(["a"], count), runs)


def test_most_frequent_mistakes_come_first_then_the_most_confident() -> None:
    found = worst_mistakes(results().runs, LABELS, 10)
    assert [(m.index, m.wrong) for m in found] == [(1, 3), (2, 2), (3, 2), (4, 1)]
    assert found[0] == Mistake(1, 1, 7, 3, pytest.approx(0.7))
    assert found[2].confidence == pytest.approx(0.55)  # of the runs that are wrong only


def test_right_predictions_are_never_among_them() -> None:
    assert 0 not in [m.index for m in worst_mistakes(results().runs, LABELS, 10)]
    assert len(worst_mistakes(results().runs, LABELS, 2)) == 2


def test_images_are_those_of_the_mistakes() -> None:
    figure = mistakes(results(), (IMAGES, LABELS))
    shown = [image.get_array() for axes in figure.axes for image in axes.get_images()]
    assert [image.tolist() for image in shown] == IMAGES[[1, 2, 3, 4]].tolist()
    assert "1 predicted as 7\n3 of 3, 70% sure" in texts(figure)


def test_one_seed_is_not_counted() -> None:
    seen = texts(mistakes(results(1), (IMAGES, LABELS), names=list("abcdefghij")))
    assert "c predicted as j\n90% sure" in seen


def test_no_mistakes_are_an_error() -> None:
    perfect = Results(study(["a"], 1), [run("a", 0, predictions=LABELS, confidence=[1] * 5)])
    with pytest.raises(DataError, match="predict every sample right"):
        mistakes(perfect, (IMAGES, LABELS))


def test_count_below_one_is_refused() -> None:
    with pytest.raises(ArgumentError, match="count must be a whole number of at least 1"):
        mistakes(results(), (IMAGES, LABELS), count=0)


def test_nothing_reaches_over_the_edge() -> None:
    assert is_inside(mistakes(results(), (IMAGES, LABELS), theme="dark"))


def test_archives_have_mistakes_but_no_confidence() -> None:
    kept = Results(results().study, [archived(run) for run in results().runs])
    found = worst_mistakes(kept.runs, LABELS, 10)
    assert [(m.index, m.wrong) for m in found] == [(1, 3), (2, 2), (3, 2), (4, 1)]
    assert np.isnan(found[0].confidence)
    with pytest.raises(DataError, match="do not have the confidence"):
        mistakes(kept, (IMAGES, LABELS))
