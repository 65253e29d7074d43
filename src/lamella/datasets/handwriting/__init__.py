"""Photos, scans and drawings of digits, prepared like MNIST's images."""

from typing import Any, NamedTuple

import numpy as np

from lamella.core.signatures import known_arguments
from lamella.datasets.handwriting.preparation import prepare


class Page(NamedTuple):
    """The digits of a page in reading order.

    Attributes
    ----------
    images : ndarray, uint8 (N, 28, 28)
    line : ndarray, int (N,)
        Number of the line that each digit is in, from 0.
    boxes : ndarray, int (N, 4)
        Top, left, bottom and right of each, in pixels of the picture reduced to 1024 a side.
    """

    images: np.ndarray
    line: np.ndarray
    boxes: np.ndarray


@known_arguments
def read_digit(source: Any, *, deslant: bool = False) -> np.ndarray:
    """Read a picture of one handwritten digit and prepare it like MNIST's images.

    1. Turn it upright as its EXIF orientation says, and convert it to grey.
    2. Cut it to the sheet of paper, if that lies on a dark table, and take the paper out: its light
       may vary, with shadows; ink may also be light on dark.
    3. Take out the lines of ruled and squared paper, straight ones up to 16 degrees from upright.
    4. Keep the strokes: ink of about the strength of the strongest, without specks.
    5. Scale them to 20 x 20 pixels with their aspect ratio preserved, very thin ones widened, and
       place them in 28 x 28 with the centre of mass in the middle.

    Parameters
    ----------
    source : path, bytes, file object, array or Pillow image
        PNG, JPEG, GIF, BMP, PPM, TIFF or WebP of at most 25 million pixels, JPEG of 80 million.
        Arrays are (H, W), (H, W, 3) or (H, W, 4). Grey of 16 bits and floats are scaled by their
        range. A picture of 28 x 28 whose border is mostly black counts as prepared and is not
        changed.
    deslant : bool
        Whether to shear the digit upright. MNIST's digits are slanted as they were written, so a
        network that was trained on them does not need it.

    Returns
    -------
    ndarray, uint8 (28, 28)
        0 for the background, 255 for ink.

    Raises
    ------
    FileFormatError
        If it is no such picture, is animated, too large, or of uniform brightness.
    MissingExtraError
        If Pillow is not installed.

    References
    ----------
    LeCun et al., Gradient-Based Learning Applied to Document Recognition, 1998, section III.A.
    """
    image: np.ndarray = prepare(source, deslant=deslant).images[0]
    return image


@known_arguments
def read_digits(source: Any, *, deslant: bool = False) -> Page:
    """Read a picture with several handwritten digits, see `read_digit`, in reading order.

    Digits must not touch each other. Lines may be slanted, and their digits of different sizes.
    """
    found = prepare(source, several=True, deslant=deslant)
    return Page(found.images, found.line, found.boxes)
