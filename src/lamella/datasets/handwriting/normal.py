"""The form of MNIST's images: 20 x 20 in 28 x 28, centred by mass."""

import math

import numpy as np

SIDE, BOX, FINE = 28, 20, 8  # FINE: pixels per pixel of MNIST while strokes are widened
THIN, USUAL = 1.4, 1.9  # widths of strokes in pixels of MNIST


def normalize(ink: np.ndarray, *, deslant: bool = False) -> np.ndarray:
    """Return the image uint8 (28, 28) of a digit's ink (H, W), 0 to 1, which touches all edges.

    The longer side becomes 20 pixels, and the centre of mass comes as close to pixel 14, 14 as it
    fits. Strokes thinner than 1.6 pixels are widened to 2.2, as a pen of NIST's writers drew them.
    With ``deslant`` the digit is sheared so that its rows have no trend.
    """
    from PIL import Image

    scale = FINE * BOX / max(ink.shape)
    height, width = (max(1, round(side * scale)) for side in ink.shape)
    picture = Image.fromarray((255 * ink).astype(np.uint8))
    fine = np.asarray(picture.resize((width, height), Image.Resampling.BICUBIC), float) / 255
    if deslant:
        fine = upright(fine)
    fine = widened(fine)
    rows, columns = np.flatnonzero(fine.any(axis=1)), np.flatnonzero(fine.any(axis=0))
    crop = fine[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = BOX / max(crop.shape)
    height, width = (max(1, round(side * scale)) for side in crop.shape)
    picture = Image.fromarray((255 * crop).astype(np.uint8))
    return centred(np.asarray(picture.resize((width, height), Image.Resampling.BOX)))


def widened(fine: np.ndarray) -> np.ndarray:
    from lamella.datasets.handwriting.light import spread

    mask = fine > 0.5
    padded = np.pad(mask, 1)
    edges = sum(int((np.diff(padded.astype(np.int8), axis=axis) != 0).sum()) for axis in (0, 1))
    stroke = 2.4 * mask.sum() / max(edges, 1) / FINE
    if stroke >= THIN:
        return fine
    width = round((USUAL - stroke) * FINE) | 1
    return spread(np.pad(fine, width), width)


def upright(fine: np.ndarray) -> np.ndarray:
    """Shear a digit so that the covariance of its rows and columns is 0."""
    y, x = np.mgrid[: fine.shape[0], : fine.shape[1]]
    mass = fine.sum()
    dy, dx = y - (fine * y).sum() / mass, x - (fine * x).sum() / mass
    slope = (fine * dy * dx).sum() / max((fine * dy * dy).sum(), 1e-9)
    slope = min(max(slope, -1), 1)
    reach = math.ceil(abs(slope) * fine.shape[0])
    wide = np.pad(fine, ((0, 0), (reach, reach)))
    shift = np.round(slope * dy[:, :1]).astype(int)
    columns = np.clip(np.arange(wide.shape[1]) + shift, 0, wide.shape[1] - 1)
    return np.take_along_axis(wide, columns, axis=1)


def centred(digit: np.ndarray) -> np.ndarray:
    """Place a digit in 28 x 28 with its centre of mass as close to pixel 14, 14 as it fits."""
    mass = digit.astype(float)
    corner = []
    for axis, side in enumerate(digit.shape):
        centre = (mass.sum(axis=1 - axis) @ np.arange(side)) / mass.sum()
        corner.append(min(max(round(SIDE / 2 - centre), 0), SIDE - side))
    image = np.zeros((SIDE, SIDE), np.uint8)
    image[corner[0] : corner[0] + digit.shape[0], corner[1] : corner[1] + digit.shape[1]] = digit
    return image
