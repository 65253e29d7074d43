"""Photos and drawings of single digits, prepared as MNIST's were."""

import math
from typing import Any

import numpy as np

from lamella.core.errors import FileFormatError, MissingExtraError

SIDE, BOX = 28, 20
# Pillow reads more, some of it by programs that a stranger's file would start.
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "PPM", "TIFF", "WEBP")
MOST_PIXELS = 25_000_000


def read_digit(path: Any) -> np.ndarray:
    """Read an image of one handwritten digit and prepare it as MNIST's images were.

    The image becomes grey; if its border is light, it is inverted, so that ink is bright; what is
    fainter than a quarter of the strongest ink is taken as paper; the digit is cut out, scaled
    (keeping its proportions) to fit 20 x 20 pixels, and placed in 28 x 28 with its centre of mass
    in the middle.

    Parameters
    ----------
    path : path or file object
        PNG, JPEG, GIF, BMP, PPM, TIFF or WebP of at most 25 million pixels. An image of 28 x 28
        with a black border is taken to be prepared already and returned as it is.

    Returns
    -------
    ndarray, uint8 (28, 28)
        0 for paper, 255 for ink.

    Raises
    ------
    FileFormatError
        If it is no such image, or shows nothing but one grey.
    MissingExtraError
        If Pillow is not installed.

    References
    ----------
    LeCun et al., Gradient-Based Learning Applied to Document Recognition, 1998, section III.A.
    """
    try:
        from PIL import Image
    except ImportError:
        raise MissingExtraError("Pillow", "images", "reading images") from None
    try:
        with Image.open(path, formats=FORMATS) as file:
            if math.prod(file.size) > MOST_PIXELS:  # known before anything is decoded
                raise FileFormatError(f"{file.size} pixels, more than {MOST_PIXELS:,} in all")
            picture = Image.alpha_composite(
                Image.new("RGBA", file.size, "white"), file.convert("RGBA")
            ).convert("L")
    except Exception as error:  # Pillow's readers raise many kinds
        raise FileFormatError(f"{path} is no image that can be read: {error}") from error
    grey = np.asarray(picture, np.float32)
    if grey.shape == (SIDE, SIDE) and _border(grey).max() == 0 < grey.max():
        return grey.astype(np.uint8)
    ink = _ink(grey, str(path))
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    cut = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = BOX / max(cut.shape)
    height, width = (max(1, round(side * scale)) for side in cut.shape)
    small = Image.fromarray(cut.astype(np.uint8)).resize((width, height), Image.Resampling.LANCZOS)
    return _centred(np.asarray(small))


def _border(grey: np.ndarray) -> np.ndarray:
    return np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])


def _ink(grey: np.ndarray, name: str) -> np.ndarray:
    """Return the strength of ink, 0 to 255, with the paper at 0."""
    paper = float(np.median(_border(grey)))
    ink: np.ndarray = paper - grey if paper > 127 else grey - paper
    if ink.max() < 16:
        raise FileFormatError(f"{name} shows no digit: all of it is about as bright as its border")
    ink = np.clip(ink / ink.max(), 0, 1) * 255
    ink[ink < 64] = 0
    return ink


def _centred(digit: np.ndarray) -> np.ndarray:
    """Place a digit in 28 x 28 with its centre of mass at pixel 14, 14, as far as it fits."""
    mass = digit.astype(float)
    corner = []
    for axis, side in enumerate(digit.shape):
        centre = (mass.sum(axis=1 - axis) @ np.arange(side)) / mass.sum()
        corner.append(min(max(round(SIDE / 2 - centre), 0), SIDE - side))
    image = np.zeros((SIDE, SIDE), np.uint8)
    image[corner[0] : corner[0] + digit.shape[0], corner[1] : corner[1] + digit.shape[1]] = digit
    return image
