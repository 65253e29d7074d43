"""Digits of a page: found, and in reading order."""

import numpy as np
import pytest

import lamella as lm
from lamella.datasets.handwriting.page import lines

Image = pytest.importorskip("PIL.Image")
Digits = tuple[lm.datasets.Samples, lm.datasets.Samples]


def test_digits_of_slanted_lines_are_in_reading_order() -> None:
    boxes, expected = [], []
    for line in range(3):
        for place in range(8):
            y = 100 * line + 12 * place + (-1) ** place * 8
            boxes.append((y, 90 * place, y + 60, 90 * place + 50))
            expected.append((line, place))
    order = np.random.default_rng(0).permutation(len(boxes))
    found = lines([boxes[i] for i in order])
    read = [[expected[order[i]] for i in line] for line in found]
    assert read == [[(line, place) for place in range(8)] for line in range(3)]


def test_one_box_is_one_line() -> None:
    assert lines([(0, 0, 5, 5)]) == [[0]]


def test_a_page_gives_each_digit_its_line_and_box(digits: Digits) -> None:
    page = np.full((400, 420), 255, np.uint8)
    places = [(line, place) for line in range(2) for place in range(4)]
    for image, (line, place) in zip(digits[1].x[:8], places, strict=True):
        large = np.kron(image, np.ones((3, 3), np.uint8))
        page[80 + 150 * line :, 30 + 95 * place :][:84, :84] -= large
    images, line, boxes = lm.datasets.read_digits(page)
    assert line.tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    assert np.abs(images.astype(float) - digits[1].x[:8]).mean() / 255 < 0.05
    assert (boxes[:, 0] < 160).tolist() == [True] * 4 + [False] * 4
    assert (np.diff(boxes[:4, 1]) > 0).all()


def test_the_bar_of_a_five_belongs_to_it() -> None:
    page = np.full((200, 300), 255, np.uint8)
    for left in (40, 180):
        page[60:68, left + 30 : left + 60] = 0  # the bar, lifted
        page[64:100, left + 12 : left + 20] = page[100:108, left + 12 : left + 50] = 0
        page[108:150, left + 44 : left + 52] = page[150:158, left : left + 52] = 0
    assert len(lm.datasets.read_digits(page).images) == 2


def test_a_bar_beside_the_top_of_a_broken_five_belongs_to_it() -> None:
    page = np.full((200, 400), 255, np.uint8)
    for left in (40, 180):
        page[50:58, left + 62 : left + 98] = 0  # as long as a digit may be small
        page[84:150, left + 8 : left + 18] = page[142:150, left : left + 52] = 0
    page[50:150, 320:330] = 0
    images, _, boxes = lm.datasets.read_digits(page)
    assert len(images) == 3
    assert boxes[:, 0].tolist() == [50, 50, 50]


def test_a_dash_far_from_digits_is_no_digit() -> None:
    page = np.full((200, 400), 255, np.uint8)
    page[50:150, 60:70] = page[50:150, 320:330] = page[96:104, 170:230] = 0
    assert len(lm.datasets.read_digits(page).images) == 2


def test_two_ones_are_two_digits() -> None:
    page = np.full((200, 300), 255, np.uint8)
    page[50:150, 120:130] = page[52:148, 160:170] = 0
    assert len(lm.datasets.read_digits(page).images) == 2
