"""Augment: distort the images of each training batch, differently in each epoch."""

import math
from collections.abc import Callable

import numpy as np

from lamella.backend.distortion import Distortion, spline_weights
from lamella.core.config import Configured
from lamella.core.descriptors import checked
from lamella.core.errors import ArgumentError, ShapeError
from lamella.core.typing import Array, Shape
from lamella.core.validation import in_range, sizes
from lamella.network.batches import Data
from lamella.network.trainable import Trainable

DRAWS = 6  # numbers drawn for an image: two shifts, angle, scale, shear, thickness
SMALLEST = 8  # side of a flat image that is recognised without its shape


def _sides(name: str, value: object) -> Shape:
    found = sizes(name, value)
    if len(found) != 2:
        raise ArgumentError(f"{name} must be (height, width), such as (28, 20), got {value!r:.200}")
    return found


class Augment(Configured):
    """Random distortions of grey images for training; give it to `Sequential.fit`.

    A pixel moves from p to R(angle) S(scale) K(shear) (p - centre) + centre + shift + wave(p), with
    parameters uniform in [-limit, limit]. Values between pixels are bilinear; pixels at an edge go
    on beyond it. The draws of an image depend on the seed, the epoch and its place among those
    trained on, so batches, threads and interruptions do not change them. Validation and evaluation
    see the images as they are.

    Parameters
    ----------
    shift : float
        Limit along each axis in pixels, up to 1000. 0, the default of all, leaves a kind out.
    rotate : float
        Limit of the angle in degrees, up to 180.
    scale : float
        Limit of the relative change of size, up to 0.9: 0.1 means from 0.9 to 1.1.
    shear : float
        Limit of the slant of vertical lines in degrees, up to 80.
    elastic : float
        Root mean square move of a pixel by the waves, along each axis, in pixels, up to 1000. They
        are cubic splines through 7 x 7 points with uniform moves, a quarter of the image apart.
        This resembles the Gaussian filter of Simard et al. (sigma 4 for 28 x 28 pixels).
    thickness : float
        Limit up to 1 of the fraction t by which each pixel moves towards the brightest of itself
        and its 4 neighbours, or for t < 0 the darkest.
    noise : float
        Standard deviation, up to 1000, of noise that is almost normal: the sum of four uniform
        numbers. Pixels are in [0, 1] and may leave it.
    shape : (height, width), optional
        Of flat images that are not square. By default the shape of ``x`` decides.

    References
    ----------
    Simard, Steinkraus and Platt, Best practices for convolutional neural networks applied to visual
    document analysis, 2003.

    Examples
    --------
    ``model.fit(x, y, augment=lm.Augment(shift=2, rotate=10, scale=0.1))``.
    """

    shift: float = checked(in_range, 0, 1000)
    rotate: float = checked(in_range, 0, 180)
    scale: float = checked(in_range, 0, 0.9)
    shear: float = checked(in_range, 0, 80)
    elastic: float = checked(in_range, 0, 1000)
    thickness: float = checked(in_range, 0, 1)
    noise: float = checked(in_range, 0, 1000)
    shape: Shape | None = checked(_sides, optional=True)

    def __init__(
        self,
        *,
        shift: float = 0.0,
        rotate: float = 0.0,
        scale: float = 0.0,
        shear: float = 0.0,
        elastic: float = 0.0,
        thickness: float = 0.0,
        noise: float = 0.0,
        shape: Shape | None = None,
    ) -> None:
        self.shift, self.rotate, self.scale, self.shear = shift, rotate, scale, shear
        self.elastic, self.thickness, self.noise = elastic, thickness, noise
        self.shape = shape

    def image_shape(self, sample: Shape) -> tuple[int, int]:
        """Return height and width of the images in samples of a shape; else raise a ShapeError."""
        sides = tuple(size for size in sample if size != 1) if len(sample) == 3 else sample
        pixels = math.prod(sample)
        if self.shape is not None:
            height, width = self.shape
            if height * width != pixels or (len(sides) == 2 and sides != self.shape):
                raise ShapeError(f"augment has shape={self.shape}, but a sample of x has {sample}")
            return height, width
        if len(sides) == 2:
            return sides[0], sides[1]
        side = math.isqrt(pixels)
        if len(sides) != 1 or side * side != pixels or side < SMALLEST:
            raise ShapeError(
                "augment distorts grey images, of shape (N, height, width) or flat and square; a "
                f"sample of x has {sample}. For flat images of another shape write "
                "lm.Augment(..., shape=(height, width))"
            )
        return side, side

    def for_epoch(
        self, model: Trainable, data: Data, rows: np.ndarray, epoch: int
    ) -> Callable[[Array, Array], None]:
        """Return ``distort(x, index)``, which distorts a batch of these samples in place.

        Images are numbered by their places in ``rows``: a training on part of the data equals one
        on those rows alone.
        """
        height, width = self.image_shape(data.x.shape[1:])
        backend, name = model.backend, ("augment", epoch)
        draws = 2 * model.streams.generator(*name).random((len(rows), DRAWS)) - 1
        splines = spline_weights(height) * np.float32(self.elastic)
        how = Distortion(
            height,
            width,
            warps=backend.asarray(self.warps(draws, height, width)),
            rows=backend.asarray(splines if self.elastic else splines[:0]),
            columns=backend.asarray(spline_weights(width).T),
            noise=self.noise,
            thickens=self.thickness > 0,
            key=model.streams.key(*name) & 2**64 - 1,
        )
        numbers = np.zeros(len(data), np.int64)
        numbers[rows] = np.arange(len(rows))
        on_device = backend.asarray(numbers)
        return lambda x, index: backend.distort(x, on_device[index], how)

    def warps(self, draws: np.ndarray, height: int, width: int) -> np.ndarray:
        """Return `Distortion.warps` for numbers in [-1, 1], (N, 6)."""
        right, down, turn, growth, slant, thickness = draws.T
        sine, cosine = np.sin(angle := np.deg2rad(self.rotate) * turn), np.cos(angle)
        lean, size = np.tan(np.deg2rad(self.shear) * slant), 1 + self.scale * growth
        a, b = (cosine + lean * sine) / size, (sine - lean * cosine) / size  # the map's inverse
        d, e = -sine / size, cosine / size
        x, y = (width - 1) / 2, (height - 1) / 2
        to_x, to_y = x + self.shift * right, y + self.shift * down
        c, f = x - a * to_x - b * to_y, y - d * to_x - e * to_y
        return np.stack([a, b, c, d, e, f, self.thickness * thickness], 1).astype(np.float32)
