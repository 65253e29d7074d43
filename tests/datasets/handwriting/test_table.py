"""A sheet of paper on a dark table is found; light strokes on a dark board are none."""

import numpy as np
import pytest

import lamella as lm
from lamella.datasets.handwriting.table import cut_to_sheet

Image = pytest.importorskip("PIL.Image")
Digits = tuple[lm.datasets.Samples, lm.datasets.Samples]


def note(digit: np.ndarray, *, turned: float = 0, margin: int = 60, lines: int = 0) -> np.ndarray:
    """A sheet of 280 x 280 with a digit of 160, on a dark brown table."""
    sheet = 250 - np.pad(np.asarray(Image.fromarray(digit).resize((224, 224))), 28) * 0.85
    if lines:
        sheet[lines::lines] = np.minimum(sheet[lines::lines], 170)
    turning = Image.fromarray(sheet.astype(np.uint8)).convert("RGBA").rotate(turned, 3, expand=True)
    table = Image.new("RGB", [side + 2 * margin for side in turning.size], (70, 45, 30))
    table.paste(turning, (margin, margin), turning)
    return np.asarray(table)


@pytest.mark.parametrize(
    "options", [{}, {"turned": 7}, {"margin": 150}, {"lines": 40, "turned": 2}, {"margin": 100}]
)
def test_digits_on_a_sheet_are_read(options: dict[str, float], digits: Digits) -> None:
    _, test = digits
    for image in test.x[:8]:
        found = lm.datasets.read_digits(note(image, **options))
        assert len(found.images) == 1
        one, other = (x.astype(float).ravel() for x in (found.images[0], image))
        assert one @ other / np.sqrt((one @ one) * (other @ other)) > 0.6


def test_places_are_those_in_the_whole_picture(digits: Digits) -> None:
    image = note(digits[1].x[0], margin=150)
    ((top, left, bottom, right),) = lm.datasets.read_digits(image).boxes
    rows, columns = np.nonzero(digits[1].x[0] > 100)
    assert abs(np.array([top, left]) - 178 - 8 * np.array([rows.min(), columns.min()])).max() < 12
    assert (
        abs(np.array([bottom, right]) - 186 - 8 * np.array([rows.max(), columns.max()])).max() < 12
    )


def test_the_rest_of_the_table_gets_the_light_of_the_sheet() -> None:
    picture = np.full((200, 300), 40, np.float32)
    picture[50:150, 60:260] = 200
    sheet, (top, left) = cut_to_sheet(picture)
    assert (sheet == 200).all()
    assert 50 <= top <= 60
    assert 60 <= left <= 70
    assert sheet.shape[0] >= 80
    assert sheet.shape[1] >= 180


@pytest.mark.parametrize("invert", [False, True])
def test_digits_without_a_sheet_are_left_alone(invert: bool, digits: Digits) -> None:
    for image in digits[1].x[:300]:
        large = np.asarray(Image.fromarray(np.pad(image, 4)).resize((144, 144)), np.float32)
        picture = 255 - large if invert else large
        assert cut_to_sheet(picture)[0] is picture


@pytest.mark.parametrize("size", [(1, 1), (2, 9), (5, 5), (7, 40)])
def test_the_smallest_pictures_are_left_alone(size: tuple[int, int]) -> None:
    picture = np.zeros(size, np.float32)
    picture[size[0] // 4 : -(size[0] // 4) or None, size[1] // 4 : -(size[1] // 4) or None] = 255
    assert cut_to_sheet(picture)[0].size > 0
