"""The picture of the steps."""

from pathlib import Path

import numpy as np
import pytest

import lamella as lm
from lamella.datasets.handwriting.preparation import prepare
from lamella.datasets.handwriting.strip import GAP, PANEL, TEXT, save_strip

Image = pytest.importorskip("PIL.Image")


def test_the_last_panel_of_a_row_is_the_image_that_the_network_sees(
    digits: tuple[lm.datasets.Samples, lm.datasets.Samples], tmp_path: Path
) -> None:
    page = np.pad(255 - np.kron(digits[1].x[0], np.ones((6, 6), np.uint8)), 40, constant_values=255)
    found = [prepare(page), prepare(digits[1].x[0])]
    save_strip(tmp_path / "steps.png", found, ["7 (99%)", "7"])
    strip = np.asarray(Image.open(tmp_path / "steps.png"))
    row = PANEL + TEXT + 2 * GAP
    assert strip.shape == (2 * row, 4 * (PANEL + GAP) + GAP)  # grey, ink, strokes, digit
    for i, panels in enumerate((4, 2)):
        left = GAP + (panels - 1) * (PANEL + GAP)
        shown = strip[i * row + TEXT + GAP :, left:][:PANEL:8, :PANEL:8]
        np.testing.assert_array_equal(shown, found[i].images[0])
