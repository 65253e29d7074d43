"""Connected parts, beside scipy's labels."""

import numpy as np
import pytest

from lamella.datasets.handwriting.parts import label, parts_of

ndimage = pytest.importorskip("scipy.ndimage")


@pytest.mark.parametrize("filled", [0.0, 0.1, 0.4, 0.6, 1.0])
@pytest.mark.parametrize("shape", [(1, 1), (1, 30), (30, 1), (40, 60)])
def test_parts_are_those_of_scipy(
    filled: float, shape: tuple[int, int], rng: np.random.Generator
) -> None:
    mask = rng.random(shape) < filled
    expected, count = ndimage.label(mask, np.ones((3, 3)))
    found = label(mask)
    pairs = set(zip(expected.ravel().tolist(), found.ravel().tolist(), strict=True))
    assert len(pairs) == count + (~mask).any()  # one number for each of scipy's
    assert set(np.unique(found).tolist()) - {0} == set(range(1, count + 1))


def test_a_spiral_is_one_part() -> None:
    mask = np.zeros((41, 41), bool)
    for i in range(0, 20, 2):
        mask[i, i : 41 - i] = mask[40 - i, i : 41 - i] = True
        mask[i : 41 - i, i] = mask[i : 41 - i, 40 - i] = True
        mask[i + 1 : i + 3, i] = False  # opens each ring
        mask[i + 2, i : i + 3] = True  # and joins the next
    assert label(mask).max() == ndimage.label(mask, np.ones((3, 3)))[1]


def test_boxes_and_masses_are_those_of_scipy(rng: np.random.Generator) -> None:
    ink = rng.random((40, 60)) * (rng.random((40, 60)) < 0.3)
    labels = label(ink > 0)
    found = parts_of(labels, ink)
    boxes = ndimage.find_objects(labels)
    for part, (rows, columns) in zip(found, boxes, strict=True):
        assert (part.top, part.bottom) == (rows.start, rows.stop)
        assert (part.left, part.right) == (columns.start, columns.stop)
    masses = ndimage.sum_labels(ink, labels, np.arange(1, labels.max() + 1))
    np.testing.assert_allclose([part.mass for part in found], masses)
