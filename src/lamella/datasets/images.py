"""Photos and drawings of single digits, prepared like MNIST's images."""

import math
from contextlib import nullcontext
from typing import Any

import numpy as np

from lamella.core.disk import file_to_read
from lamella.core.errors import FileFormatError, MissingExtraError
from lamella.core.signatures import known_arguments

SIDE, BOX = 28, 20
# Pillow reads more formats; some start external programs, which an untrusted file must not.
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "PPM", "TIFF", "WEBP")
MAX_PIXELS = 25_000_000
DEEP = ("I", "I;16", "I;16L", "I;16B", "I;16N", "F")  # Pillow's modes with more than 8 bits
RANGES = (1, 255, 1023, 4095, 16383, 65535)  # of floats, and of 8 to 16 bits
LARGEST, SAMPLE = 1024, 32  # pixels of a side
ROUNDS = 20
TERMS = ((0, 0), (0, 1), (1, 0), (1, 1), (0, 2), (2, 0))


@known_arguments
def read_digit(path: Any) -> np.ndarray:
    """Read an image of one handwritten digit and prepare it like MNIST's images.

    It is turned upright as its EXIF orientation says, converted to grey, and inverted if the ink is
    darker than the paper, so that ink is bright. The brightness of the paper may vary smoothly, as
    under a lamp: a quadratic surface is fitted to it, and ink is the part of its light that is
    missing. Pixels below 25% of the maximum are treated as background. The digit is cropped, scaled
    to 20 x 20 pixels with its aspect ratio preserved, and placed in 28 x 28 with its centre of mass
    in the middle.

    Parameters
    ----------
    path : path or file object
        PNG, JPEG, GIF, BMP, PPM, TIFF or WebP of at most 25 million pixels; grey of 16 bits and
        floats are scaled by their range. An image of 28 x 28 with a black border counts as
        prepared and is returned unchanged.

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
        from PIL import Image, ImageOps
    except ImportError:
        raise MissingExtraError("Pillow", "images", "reading images") from None
    try:
        # An open file, because Pillow 13 maps named TIFFs into memory and garbles rotated ones.
        opened = nullcontext(path) if hasattr(path, "read") else file_to_read(path).open("rb")
        with opened as source, Image.open(source, formats=FORMATS) as file:
            if math.prod(file.size) > MAX_PIXELS:  # known before decoding
                raise FileFormatError(f"{file.size} pixels, more than {MAX_PIXELS:,} in total")
            picture = ImageOps.exif_transpose(file)
            if picture.mode in DEEP:
                picture = Image.fromarray(_scaled(np.asarray(picture, np.float32)))
            else:
                white = Image.new("RGBA", picture.size, "white")
                picture = Image.alpha_composite(white, picture.convert("RGBA")).convert("L")
    except Exception as error:  # Pillow's readers raise many types
        raise FileFormatError(f"{path} cannot be read as an image: {error}") from error
    grey = np.asarray(picture, np.float32)
    if grey.shape == (SIDE, SIDE) and _border(grey).max() == 0 < grey.max():
        return grey.astype(np.uint8)
    # A smaller picture has less grain, and its surfaces less memory.
    picture = Image.fromarray(grey).reduce(-(-max(picture.size) // LARGEST))
    sample = np.asarray(picture.resize((SAMPLE, SAMPLE), Image.Resampling.BOX), float)
    ink = _ink(np.asarray(picture, float), sample, str(path))
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    crop = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = BOX / max(crop.shape)
    height, width = (max(1, round(side * scale)) for side in crop.shape)
    small = Image.fromarray(crop.astype(np.uint8)).resize((width, height), Image.Resampling.LANCZOS)
    return _centred(np.asarray(small))


def _scaled(values: np.ndarray) -> np.ndarray:
    """Scale grey values to 0..255: floats in [0, 1], 8 to 16 bits, or any range below 0."""
    if not np.isfinite(values).all():
        raise FileFormatError("it has pixels that are NaN or infinite")
    lowest = min(values.min(), 0)
    values = values - lowest
    largest = values.max()
    ranges = () if lowest else RANGES  # such as [-1, 1] is no range of bits
    scale = 255 / next((limit for limit in ranges if largest <= limit), largest)
    return np.asarray(values * np.float32(scale))


def _border(grey: np.ndarray) -> np.ndarray:
    return np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])


def _ink(grey: np.ndarray, sample: np.ndarray, name: str) -> np.ndarray:
    """Return the intensity of the ink, 0 to 255, with the background at 0.

    ``sample`` is the picture in SAMPLE x SAMPLE pixels.
    """
    brightest = max(float(sample.max()), 1.0)
    grey, sample = grey / brightest, sample / brightest
    # Ink covers less than half: the smaller side of the residuals is the longer one.
    residuals = sample - _grid(_surface(sample, np.ones(sample.shape, bool)), sample.shape)
    if (residuals**3).sum() > 0:
        grey, sample = 1 - grey, 1 - sample
    paper = _grid(_paper(sample), grey.shape)
    if (paper - grey).max() * brightest < 16:
        raise FileFormatError(f"{name} shows no digit: its brightness is uniform")
    ink = 1 - grey / np.maximum(paper, 1 / 255)
    ink = np.clip(ink / ink.max(), 0, 1) * 255
    ink[ink < 64] = 0
    return np.asarray(ink)


def _paper(sample: np.ndarray) -> np.ndarray:
    """Return the surface of the paper: that of all pixels not darker than it by a tenth."""
    is_paper = np.ones(sample.shape, bool)
    for _ in range(ROUNDS):
        surface = _surface(sample, is_paper)
        lighter = sample > 0.9 * _grid(surface, sample.shape)
        if (lighter == is_paper).all() or lighter.sum() < 2 * surface.size:
            break
        is_paper = lighter
    return surface


def _surface(sample: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Return the coefficients (3, 3) of y^i x^j, i + j at most 2, fitted by least squares."""
    y, x = np.meshgrid(*(np.linspace(-1, 1, side) for side in sample.shape), indexing="ij")
    powers = [y[where] ** i * x[where] ** j for i, j in TERMS]
    found = np.linalg.lstsq(np.stack(powers, axis=1), sample[where], rcond=None)[0]
    surface = np.zeros((3, 3))
    surface[tuple(zip(*TERMS, strict=True))] = found
    return surface


def _grid(surface: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return a surface at each pixel of a picture."""
    y, x = (np.linspace(-1, 1, side)[:, None] ** np.arange(3) for side in shape)
    return np.asarray(y @ surface @ x.T)


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
