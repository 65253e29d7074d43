"""Checks of the user's data, done once, and batches of it."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lamella.backend import Backend
from lamella.backend.workspace import Scratch
from lamella.core.errors import ArgumentError, DataError, ShapeError
from lamella.core.typing import Array
from lamella.losses.labels import as_labels

SMALL = 2**14  # numbers, cheap to copy
MOST_EXPONENT = 32  # of weights: sums of them and products with losses stay far from the limits


def check_inputs(data: Any, dtype: np.dtype) -> np.ndarray:
    """Return inputs as a numeric array with a batch axis.

    uint8 inputs are images and stay uint8; `Batches` scales them to [0, 1]. All others are cast to
    ``dtype``.

    Raises
    ------
    DataError
        If there are no samples, or values are not numbers, NaN or infinite.
    ShapeError
        If there is no batch axis.
    """
    x = _to_numpy(data)
    if x.dtype.kind not in "biuf":
        raise DataError(f"x must hold numbers, got an array of {x.dtype}")
    if x.ndim < 2:
        raise ShapeError(
            f"x must have shape (N, features...), got {x.shape}: a single sample is x[None]"
        )
    if x.size == 0:
        raise DataError(f"x is empty: its shape is {x.shape}")
    if x.dtype == np.uint8:
        return np.ascontiguousarray(x)
    with np.errstate(over="ignore"):
        x = np.ascontiguousarray(x, dtype)
    # NaN and infinity show in the extremes, which unlike isfinite(x) need no memory.
    if not (np.isfinite(x.min()) and np.isfinite(x.max())):
        row = int(np.flatnonzero(~np.isfinite(x.reshape(len(x), -1)).all(axis=1))[0])
        raise DataError(
            f"x contains NaN or numbers too large for {dtype}, first in sample {row}: "
            "repair or drop such samples"
        )
    return x


def check_targets(data: Any, samples: int) -> np.ndarray:
    """Return targets as a numeric array with ``samples`` rows."""
    y = _to_numpy(data)
    if y.dtype.kind not in "biuf":
        raise DataError(f"y must hold numbers, got an array of {y.dtype}")
    if y.ndim == 0 or len(y) != samples:
        raise ShapeError(f"x has {samples} samples, but y has shape {y.shape}")
    return y


def sample_weights(
    y: np.ndarray, sample_weight: Any, class_weight: Mapping[int, float] | None, dtype: np.dtype
) -> np.ndarray | None:
    """Return the product of sample weights and class weights, or None without either.

    ``class_weight`` maps labels to weights; classes not in it have weight 1. Very large or
    small weights are scaled to a largest one in [0.5, 1).
    """
    if sample_weight is None and class_weight is None:
        return None
    weights = np.ones(len(y))
    if sample_weight is not None:
        given = _to_numpy(sample_weight)
        if given.shape != (len(y),):
            raise ShapeError(f"sample_weight must have shape ({len(y)},), got {given.shape}")
        if given.dtype.kind not in "biuf":
            raise DataError(f"sample_weight must hold numbers, got an array of {given.dtype}")
        weights *= given
    if class_weight is not None:
        labels = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else as_labels(y)
        if labels is None:
            raise DataError("class_weight needs integer labels or one-hot rows")
        unknown = sorted(set(class_weight) - set(np.unique(labels).tolist()))
        if unknown:
            raise ArgumentError(f"class_weight names classes that y does not have: {unknown}")
        for label, weight in class_weight.items():
            weights[labels == label] *= weight
    if not np.isfinite(weights).all() or weights.min() < 0 or weights.max() == 0:
        raise DataError("weights must be finite, at least 0, and not all 0")
    smallest, largest = weights[weights > 0].min(), weights.max()
    if smallest < largest * np.finfo(dtype).tiny / np.finfo(dtype).eps:
        raise DataError(
            f"weights differ by more than {dtype} can tell apart: the smallest is {smallest:.3g}, "
            f"the largest {largest:.3g}; set tiny ones to 0, or use dtype='float64'"
        )
    exponent = int(np.frexp(largest)[1])
    if abs(exponent) > MOST_EXPONENT:  # only ratios count, and a power of two changes no bits
        weights = np.ldexp(weights, -exponent)
    return weights.astype(dtype)


@dataclass(frozen=True)
class Data:
    """Checked inputs, targets in the form of the loss, and weights: arrays of one backend."""

    x: Array
    y: Array
    weight: Array | None = None

    def __len__(self) -> int:
        return len(self.x)


class Batches:
    """Gather batches into reused memory; returned arrays are valid until the next call.

    Parameters
    ----------
    backend : Backend
    dtype : dtype
        Of the inputs returned; uint8 images are divided by 255.
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


def _to_numpy(array: Any) -> np.ndarray:
    """Return the data as a numpy array; copy device arrays to the host."""
    if hasattr(array, "__cuda_array_interface__"):
        array = array.get()
    try:
        return np.asarray(array)
    except ValueError as error:
        raise DataError(f"rows of different lengths do not form an array: {error}") from error
