"""Images unlike all digits of MNIST are told from digits."""

import numpy as np
import pytest

import lamella as lm
from lamella.datasets.handwriting.likeness import UNLIKE, likeness

Digits = tuple[lm.datasets.Samples, lm.datasets.Samples]


def test_training_images_are_like_themselves(digits: Digits) -> None:
    np.testing.assert_allclose(likeness(digits[0].x[:100]), 1, atol=1e-5)


def test_one_percent_of_the_test_images_counts_as_unlike(digits: Digits) -> None:
    assert (likeness(digits[1].x[::10]) < UNLIKE).mean() < 0.015


@pytest.mark.parametrize("name", ["zigzag", "stripes"])
def test_other_drawings_are_unlike(name: str) -> None:
    image = np.zeros((28, 28), np.uint8)
    if name == "stripes":
        image[4:24:6, 4:24] = image[5:24:6, 4:24] = 255
    else:
        for column in range(20):
            row = 5 + abs(column % 8 - 4) * 5
            image[row - 1 : row + 2, 4 + column] = 255
    assert likeness(image[None])[0] < UNLIKE
