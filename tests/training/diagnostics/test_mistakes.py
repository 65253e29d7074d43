"""Images that a model gets wrong: the surest first, with classes and confidence."""

import numpy as np
import pytest

from lamella.core.errors import DataError
from lamella.training.diagnostics.mistakes import as_images
from tests.training.diagnostics.fixed_answers import fixed_answers

IMAGES = np.arange(5 * 6 * 6, dtype=np.uint8).reshape(5, 6, 6)


@pytest.mark.parametrize("shape", [(5, 36), (5, 6, 6), (5, 6, 6, 1)])
def test_square_rows_are_images_too(shape: tuple[int, ...]) -> None:
    assert (as_images(IMAGES.reshape(shape)) == IMAGES).all()


def test_colours_are_kept() -> None:
    coloured = np.random.default_rng(0).random((5, 4, 6, 3))
    np.testing.assert_array_equal(as_images(coloured), coloured)


@pytest.mark.parametrize("shape", [(5, 35), (5,), (5, 3, 6, 6), (5, 2, 2, 2, 3)])
def test_samples_that_are_no_images_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match="expected samples of shape"):
        as_images(np.zeros(shape))


def test_the_surest_mistakes_come_first() -> None:
    model, x = fixed_answers([0, 1, 2, 1], 3, sure=[5, 1, 3, 2], side=5)
    figure = model.plot_mistakes(x, [0, 0, 1, 2], class_names=["zero", "one", "$2$"], count=2)
    drawn = [axes for axes in figure.axes if axes.get_images()]
    expected = [float(np.exp(s) / (np.exp(s) + 2)) for s in (3, 2)]
    assert [axes.get_title() for axes in drawn] == [
        f"one predicted as \\$2\\$\n{expected[0]:.0%} sure",
        f"\\$2\\$ predicted as one\n{expected[1]:.0%} sure",
    ]
    for axes, sample in zip(drawn, (2, 3), strict=True):
        np.testing.assert_array_equal(axes.get_images()[0].get_array(), x[sample].reshape(5, 5))
    assert figure.texts[-1].get_text() == "surest of 3 mistakes of 4"


def test_a_model_without_mistakes_has_nothing_to_draw() -> None:
    model, x = fixed_answers([0, 1], 3, side=5)
    with pytest.raises(DataError, match="predicts every sample right"):
        model.plot_mistakes(x, [0, 1])
