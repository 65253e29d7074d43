"""From a photo to images like MNIST's, step by step."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lamella.core.validation import flag
from lamella.datasets.handwriting.light import find_ink
from lamella.datasets.handwriting.lines import remove_lines
from lamella.datasets.handwriting.normal import SIDE, normalize
from lamella.datasets.handwriting.page import box, group, lines
from lamella.datasets.handwriting.pictures import LARGEST, name_of, read_grey, reduced
from lamella.datasets.handwriting.strokes import find_strokes, strength
from lamella.datasets.handwriting.table import cut_to_sheet

PAGE = 2 * LARGEST  # pixels of a side if there are several digits
WIDEST = {False: 1 / 3, True: 1 / 8}  # strokes of one digit and of several: fractions of a side


@dataclass(frozen=True)
class Preparation:
    """Digits of a picture and the steps that led to them; `Page` describes the first three.

    ``contrast`` is the fraction of the paper's light that the strokes take away. ``steps`` are the
    picture in grey; its sheet of paper without the paper, without ruled lines, and the strokes; 0
    to 255.
    """

    images: np.ndarray
    boxes: np.ndarray
    line: np.ndarray
    contrast: float
    steps: dict[str, np.ndarray] = field(repr=False)


def prepare(source: Any, *, several: bool = False, deslant: bool = False) -> Preparation:
    """Prepare one digit, or with ``several`` all digits of a page; see `read_digit`."""
    flag("deslant", deslant)
    grey = read_grey(source)
    if grey.shape == (SIDE, SIDE) and np.median(_border(grey)) == 0 < grey.max():
        image = grey.astype(np.uint8)[None]
        whole = np.array([[0, 0, SIDE, SIDE]])
        return Preparation(image, whole, np.zeros(1, int), 1.0, {"as it was made": grey})
    grey = reduced(grey, PAGE if several else LARGEST)
    sheet, corner = cut_to_sheet(grey)
    ink = find_ink(sheet, WIDEST[several], name_of(source))
    clean = remove_lines(ink)
    strokes, labels, parts = find_strokes(clean, name_of(source))
    digits = group(parts) if several else [parts]
    order = lines([box(digit) for digit in digits])
    images, boxes = [], []
    for digit in (digits[i] for line in order for i in line):
        top, left, bottom, right = box(digit)
        inside = np.s_[top:bottom, left:right]
        own = np.isin(labels[inside], [part.label for part in digit])
        images.append(normalize(np.where(own, strokes[inside], 0), deslant=deslant))
        boxes.append((top, left, bottom, right))
    steps = {"in grey": grey, "without paper": 255 * ink}
    if clean is not ink:
        steps["without lines"] = 255 * clean
    kept = [part.label for digit in digits for part in digit]
    steps["strokes"] = 255 * strokes * np.isin(labels, kept)
    number = np.repeat(np.arange(len(order)), [len(line) for line in order])
    places = np.add(boxes, 2 * corner)
    return Preparation(np.stack(images), places, number, strength(clean), steps)


def _border(grey: np.ndarray) -> np.ndarray:
    return np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
