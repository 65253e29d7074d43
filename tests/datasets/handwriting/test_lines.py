"""Lines of the paper are taken out, strokes stay."""

import numpy as np
import pytest

from lamella.datasets.handwriting.lines import remove_lines


def ruled(angle: float, gap: int, strength: float, *, both: bool) -> np.ndarray:
    y, x = np.mgrid[:300, :400].astype(float)
    turn = np.deg2rad(angle)
    across = [y * np.cos(turn) - x * np.sin(turn), x * np.cos(turn) + y * np.sin(turn)]
    lines = [np.clip(1.5 - abs(a % gap - gap / 2), 0, 1) for a in across[: 1 + both]]
    return np.asarray(strength * np.max(lines, axis=0))


@pytest.mark.parametrize("angle", [0, -3.3, 7, 14])
@pytest.mark.parametrize("gap", [25, 60])
@pytest.mark.parametrize("both", [False, True])
def test_lines_vanish_and_a_stroke_across_them_stays(angle: float, gap: int, both: bool) -> None:
    stroke = np.zeros((300, 400))
    stroke[60:240, 180:200] = stroke[140:160, 120:260] = 0.9
    ink = np.maximum(ruled(angle, gap, 0.3, both=both), stroke)
    clean = remove_lines(ink)
    assert clean[stroke > 0].min() > 0.8
    inside = np.s_[60:240, 80:320]  # lines that are short, in the corners, stay
    assert np.mean(clean[inside][stroke[inside] == 0] > 0.1) < 0.005


@pytest.mark.parametrize("height", [4, 40])
def test_a_stroke_that_does_not_reach_the_edges_is_no_line(height: int) -> None:
    ink = np.zeros((200, 300))
    ink[100 : 100 + height, 15:285] = 0.8
    assert remove_lines(ink) is ink


def test_blank_paper_is_returned_as_it_is() -> None:
    ink = np.zeros((50, 60))
    assert remove_lines(ink) is ink
