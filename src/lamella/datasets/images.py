"""Photos and drawings of single digits, prepared like MNIST's images."""

import math
from typing import Any

import numpy as np

from lamella.core.disk import file_to_read
from lamella.core.errors import FileFormatError, MissingExtraError

SIDE, BOX = 28, 20
# Pillow reads more formats; some start external programs, which an untrusted file must not.
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "PPM", "TIFF", "WEBP")
MAX_PIXELS = 25_000_000


def read_digit(path: Any) -> np.ndarray:
    """Read an image of one handwritten digit and prepare it like MNIST's images.

    The image is converted to grey and inverted if its border is light, so that ink is bright.
    Pixels below 25% of the maximum are treated as background. The digit is cropped, scaled to
    20 x 20 pixels with its aspect ratio preserved, and placed in 28 x 28 with its centre of mass
    in the middle.

    Parameters
    ----------
    path : path or file object
        PNG, JPEG, GIF, BMP, PPM, TIFF or WebP of at most 25 million pixels. An image of 28 x 28
        with a black border counts as prepared and is returned unchanged.

    Returns
    -------
    ndarray, uint8 (28, 28)
        0 for the background, 255 for ink.

    Raises
    ------
    FileFormatError
        If the file is not such an image, or its brightness is uniform.
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
        source = path if hasattr(path, "read") else file_to_read(path)
        with Image.open(source, formats=FORMATS) as file:
            if math.prod(file.size) > MAX_PIXELS:  # known before decoding
                raise FileFormatError(f"{file.size} pixels, more than {MAX_PIXELS:,} in total")
            picture = Image.alpha_composite(
                Image.new("RGBA", file.size, "white"), file.convert("RGBA")
            ).convert("L")
    except Exception as error:  # Pillow's readers raise many types
        raise FileFormatError(f"{path} cannot be read as an image: {error}") from error
    grey = np.asarray(picture, np.float32)
    if grey.shape == (SIDE, SIDE) and _border(grey).max() == 0 < grey.max():
        return grey.astype(np.uint8)
    ink = _ink(grey, str(path))
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    crop = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = BOX / max(crop.shape)
    height, width = (max(1, round(side * scale)) for side in crop.shape)
    small = Image.fromarray(crop.astype(np.uint8)).resize((width, height), Image.Resampling.LANCZOS)
    return _centred(np.asarray(small))


def _border(grey: np.ndarray) -> np.ndarray:
    return np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])


def _ink(grey: np.ndarray, name: str) -> np.ndarray:
    """Return the intensity of the ink, 0 to 255, with the background at 0."""
    paper = float(np.median(_border(grey)))
    ink: np.ndarray = paper - grey if paper > 127 else grey - paper
    if ink.max() < 16:
        raise FileFormatError(f"{name} shows no digit: its brightness is uniform")
    ink = np.clip(ink / ink.max(), 0, 1) * 255
    ink[ink < 64] = 0
    return ink


def _centred(digit: np.ndarray) -> np.ndarray:
    """Place a digit in 28 x 28 with its centre of mass as close to pixel 14, 14 as it fits."""
    mass = digit.astype(float)
    corner = []
    for axis, side in enumerate(digit.shape):
        centre = (mass.sum(axis=1 - axis) @ np.arange(side)) / mass.sum()
        corner.append(min(max(round(SIDE / 2 - centre), 0), SIDE - side))
    image = np.zeros((SIDE, SIDE), np.uint8)
    image[corner[0] : corner[0] + digit.shape[0], corner[1] : corner[1] + digit.shape[1]] = digit
    return image
