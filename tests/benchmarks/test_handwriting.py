"""Made photographs are read: a short form of `python -m benchmarks.handwriting`."""

from typing import Any

import numpy as np
import pytest

pytest.importorskip("PIL")

import lamella as lm
from benchmarks.handwriting.__main__ import MIXED, accuracy, pages, raw
from benchmarks.handwriting.network import distort
from benchmarks.handwriting.photos import KINDS, photograph

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def model() -> Any:
    """A network that is trained on 30,000 images, each turned and stretched, for 5 epochs."""
    train, _ = lm.datasets.mnist()
    rng = np.random.default_rng(0)
    x = np.stack([distort(image, rng) for image in train.x[:30000]])
    model = lm.MLP([256], seed=0, optimizer=lm.Adam(2e-3))
    model.fit(x, train.y[:30000], epochs=5, batch_size=128, verbose=False)
    return model


@pytest.mark.parametrize("kind", ["", *KINDS, MIXED, "28 x 28, dark on light"])
def test_photographs_are_read(kind: str, model: Any) -> None:
    readers = {"raw": raw, "read_digit": lm.datasets.read_digit}
    without, prepared = accuracy(readers, [model], kind, 40)
    assert prepared >= 0.925  # 3 of 40 wrong; the network itself reads 97%
    assert without < 0.75 or kind.startswith("28")  # of that size nothing is lost


def test_digits_of_pages_are_found_in_their_places(model: Any) -> None:
    placed, read = pages(model, MIXED, 4)
    assert placed >= 0.98
    assert read > 0.9


def test_a_seed_makes_the_same_photograph() -> None:
    digit = lm.datasets.mnist()[1].x[0]
    one, other = (photograph(digit, np.random.default_rng(3), KINDS) for _ in range(2))
    assert one == other
