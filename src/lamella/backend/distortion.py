"""Distort a batch of grey images, each by numbers of its own: a shear, a turn, waves, noise.

The same additions and products of single numbers in the same order as in
`lamella.backend.numba.distortion`, so that both give the same bits.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from lamella.core.typing import Array

POINTS = 7  # control points of the waves along each side, 4 intervals within the image
WARP = 7  # numbers of an image: the rows (a, b, c) and (d, e, f) of its map, and its thickness
GOLDEN, FIRST, SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
NOISE_SCALE = math.sqrt(3) / 2**16  # of a sum of four numbers of 16 bits, for a deviation of 1


@dataclass(frozen=True)
class Distortion:
    """The distortions of all images of a data set in one epoch.

    A pixel (x, y) takes the value at (a x + b y + c, d x + e y + f) of the original, moved by the
    waves: bilinear between pixels; beyond an edge its pixels go on. Before, a number t moves each
    pixel by a fraction t towards the brightest (or, below 0, the darkest) of itself and its four
    neighbours.
    """

    height: int
    width: int
    warps: Array  # float32 (N, 7): a to f and t of each image
    # Weights of the control points, which are uniform in [-1, 1), in the moves of each pixel.
    rows: Array  # float32 (height, 7), or of size 0 without waves
    columns: Array  # float32 (7, width)
    noise: float  # standard deviation of the noise added to each pixel
    thickens: bool  # whether any t is not 0
    key: int  # 64 bits, from which control points and noise of each image are drawn


def spline_weights(size: int) -> np.ndarray:
    """Return the weights of 7 control points in each pixel, (size, 7), for a mean square of 1.

    They are cubic B-splines: of each row, all but the four from int((x + 1/2) 4 / size) on are 0.
    """
    at = (np.arange(size) + 0.5) * (POINTS - 3) / size
    r = abs(at[:, None] - np.arange(-1, POINTS - 1))
    weights = np.where(r < 1, 4 - 6 * r**2 + 3 * r**3, np.maximum(2 - r, 0) ** 3) / 6
    mean_square = 151 / 315 / math.sqrt(3)  # of a spline, times that of a point, for one axis
    return (weights / math.sqrt(mean_square)).astype(np.float32)


def distort(xp: Any, x: Array, index: Array, how: Distortion) -> None:
    """Distort a batch in place, with the numbers of the images at ``index``."""
    height, width = how.height, how.width
    images = x.reshape(-1, height, width)
    a, b, c, d, e, f, t = (how.warps[index][:, k, None, None] for k in range(WARP))
    across = xp.arange(width, dtype="float32")
    down = xp.arange(height, dtype="float32")[:, None]
    u, v = a * across + (b * down + c), d * across + (e * down + f)
    if how.rows.size:
        bits = _bits(xp, how.key, index, POINTS * POINTS).reshape(-1, POINTS, POINTS)
        u += _waves(_field(xp, bits, 40, 24), how)
        v += _waves(_field(xp, bits, 16, 24), how)
    u, v = xp.clip(u, 0, width - 1), xp.clip(v, 0, height - 1)
    left, top = u.astype("int32"), v.astype("int32")
    u, v = (u - left.astype("float32")).astype(x.dtype), (v - top.astype("float32")).astype(x.dtype)
    right, below = xp.minimum(left + 1, width - 1), xp.minimum(top + 1, height - 1)
    first = xp.arange(len(images))[:, None, None] * (height * width)
    source = _thickened(xp, images, t.astype(x.dtype)) if how.thickens else images
    pixels = source.reshape(-1)
    upper, lower = first + top * width, first + below * width
    p, q = pixels[upper + left], pixels[lower + left]
    p = p + u * (pixels[upper + right] - p)
    q = q + u * (pixels[lower + right] - q)
    images[...] = p + v * (q - p)
    if how.noise:
        bits = _bits(xp, how.key ^ FIRST, index, height * width).reshape(images.shape)
        total = sum(_field(xp, bits, k, 16) for k in (0, 16, 32, 48)) - 2 * 0xFFFF
        images += total.astype(x.dtype) * x.dtype.type(how.noise * NOISE_SCALE)


def _bits(xp: Any, key: int, index: Array, count: int) -> Array:
    """Return ``count`` words for each image from the generator splitmix64, (len(index), count)."""
    at = (index * count)[:, None] + xp.arange(1, count + 1)
    z = at.astype("uint64") * np.uint64(GOLDEN) + np.uint64(key)
    z = xp.bitwise_xor(z, xp.right_shift(z, np.uint64(30))) * np.uint64(FIRST)
    z = xp.bitwise_xor(z, xp.right_shift(z, np.uint64(27))) * np.uint64(SECOND)
    return xp.bitwise_xor(z, xp.right_shift(z, np.uint64(31)))


def _field(xp: Any, words: Array, start: int, size: int) -> Array:
    """Return some bits of each word as integers."""
    shifted = xp.right_shift(words, np.uint64(start))
    return xp.bitwise_and(shifted, np.uint64(2**size - 1)).astype("int64")


def _waves(bits: Array, how: Distortion) -> Array:
    """Return the moves of each pixel: the splines through control points of 24 bits each."""
    points = bits.astype("float32") * np.float32(2**-23) - np.float32(1)
    waves = _sum(points[:, :, k, None] * how.columns[k] for k in range(POINTS))
    return _sum(how.rows[:, k, None] * waves[:, k, None, :] for k in range(POINTS))


def _sum(terms: Any) -> Array:
    """Return the sum from left to right."""
    total = next(terms)
    for term in terms:
        total += term
    return total


def _thickened(xp: Any, images: Array, t: Array) -> Array:
    """Return the images with each pixel moved towards an extreme of its neighbours."""
    low = high = images
    for axis in (1, 2):
        n = images.shape[axis]
        for near in ([0, *range(n - 1)], [*range(1, n), n - 1]):
            other = xp.take(images, xp.asarray(np.array(near)), axis=axis)
            low, high = xp.minimum(low, other), xp.maximum(high, other)
    return images + abs(t) * (xp.where(t > 0, high, low) - images)
