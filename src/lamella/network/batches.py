"""Checks of the user's data, done once, and batches of it."""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from lamella.backend import Backend
from lamella.backend.scratch import Scratch
from lamella.core.errors import DataError, ShapeError
from lamella.core.typing import Array
from lamella.losses.target_kind import TargetKind
from lamella.network.arrays import to_numpy

SMALL = 2**14  # numbers, cheap to copy


def check_inputs(data: Any, dtype: np.dtype) -> tuple[np.ndarray, float]:
    """Return inputs as a numeric array with a batch axis, and their largest magnitude.

    uint8 inputs are images and stay uint8; `Batches` scales them to [0, 1], so their largest is
    taken as 1. All others are cast to ``dtype``. Raise a ShapeError without a batch axis, a
    DataError if there are no samples, or values that are no finite numbers.
    """
    x = to_numpy("x", data)
    if x.ndim < 2:
        raise ShapeError(
            f"x must have shape (N, features...), got {x.shape}: a single sample is x[None]"
        )
    if x.size == 0:
        raise DataError(f"x is empty: its shape is {x.shape}")
    if x.dtype == np.uint8:
        return np.ascontiguousarray(x), 1.0
    if x.dtype != dtype:
        with np.errstate(over="ignore"):
            x = x.astype(dtype)
    x = np.ascontiguousarray(x)
    # NaN and infinity show in the extremes, which unlike isfinite(x) need no memory.
    flat = x.reshape(-1)
    low, high = float(np.minimum.reduce(flat)), float(np.maximum.reduce(flat))
    if not (math.isfinite(low) and math.isfinite(high)):
        row = int(np.flatnonzero(~np.isfinite(x.reshape(len(x), -1)).all(axis=1))[0])
        raise DataError(
            f"x contains NaN or numbers too large for {dtype}, first in sample {row}: "
            "repair or drop such samples"
        )
    return x, max(-low, high)


def check_targets(data: Any, samples: int) -> np.ndarray:
    """Return targets as a numeric array with ``samples`` rows."""
    y = to_numpy("y", data)
    if y.ndim == 0 or len(y) != samples:
        raise ShapeError(f"x has {samples} samples, but y has shape {y.shape}")
    return y


@dataclass(frozen=True)
class Data:
    """Checked inputs, targets in the form of the loss, and weights: arrays of one backend.

    ``is_weightless`` is True if all weights are 0; ``largest`` is the largest magnitude of the
    inputs, see `check_inputs`; ``kind`` that of the targets, if they are to be scored.
    """

    x: Array
    y: Array
    weight: Array | None = None
    is_weightless: bool = False
    largest: float = 1.0
    kind: TargetKind | None = None

    def __len__(self) -> int:
        return len(self.x)

    def part(self, index: Array) -> "Data":
        """Return the samples at an index, with their weights."""
        weight = None if self.weight is None else self.weight[index]
        is_weightless = weight is not None and not bool(weight.any())
        return Data(self.x[index], self.y[index], weight, is_weightless)


class Batches:
    """Gather batches into reused memory; returned arrays are valid until the next call.

    Inputs get the model's ``dtype``; uint8 images are divided by 255.
    """

    def __init__(self, backend: Backend, dtype: np.dtype) -> None:
        self._backend = backend
        self._dtype = dtype
        self._scratch = Scratch(backend)

    def wrap_views(self, wrap: Callable[[Array], Array]) -> None:
        """Replace the arrays for batches by views of the same memory."""
        self._scratch.wrap_views(wrap)

    def take(self, data: Data, index: Array | slice) -> tuple[Array, Array, Array | None]:
        """Return inputs, targets and weights of the samples in ``index``."""
        x = self._inputs(data.x, index)
        y = self._rows("y", data.y, index)
        return x, y, None if data.weight is None else self._rows("weight", data.weight, index)

    @functools.cached_property
    def _scale(self) -> Callable[[Array, Array | None, Array], None] | None:
        return self._backend.scale_images()

    def scale(self, x: Array) -> Array:
        """Return inputs in the model's dtype: scale uint8 images to [0, 1], keep all others."""
        if x.dtype != np.uint8:
            return x
        out = self._scratch.get("scaled", x.shape, self._dtype)
        if self._scale is None:
            return self._backend.xp.divide(x, 255, out=out, dtype=self._dtype)
        self._scale(x, None, out)
        return out

    def stage(self, x: Array) -> Array:
        """Return inputs for evaluation: large ones scaled, small ones copied to a fixed buffer."""
        if x.size > SMALL:
            return self.scale(x)
        out = self._scratch.get("staged", x.shape, x.dtype)
        out[...] = x
        return out

    def _inputs(self, x: Array, index: Array | slice) -> Array:
        if self._scale is None or x.dtype != np.uint8 or isinstance(index, slice):
            return self.scale(self._rows("x", x, index))
        out = self._scratch.get("scaled", (len(index), *x.shape[1:]), self._dtype)
        self._scale(x, index, out)
        return out

    def _rows(self, name: str, array: Array, index: Array | slice) -> Array:
        if isinstance(index, slice):
            return array[index]
        out = self._scratch.get(name, (len(index), *array.shape[1:]), array.dtype)
        return self._backend.take(array, index, out)
