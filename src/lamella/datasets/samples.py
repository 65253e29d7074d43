"""Inputs with their targets, and for data sets the names of classes and of the data."""

import hashlib
from typing import NamedTuple

import numpy as np


class Samples(NamedTuple):
    """Inputs ``x`` and their targets ``y``."""

    x: np.ndarray
    y: np.ndarray


class Collection(Samples):
    """`Samples` of a data set; a pair ``(x, y)`` wherever one is expected.

    Attributes
    ----------
    name : str
        Of the data set.
    classes : tuple of str
        Name of each class, by its number in ``y``.
    unreadable : dict of str to str
        Files that were left out, and why.
    """

    name: str
    classes: tuple[str, ...]
    unreadable: dict[str, str]

    def __new__(
        cls,
        x: np.ndarray,
        y: np.ndarray,
        name: str = "",
        classes: tuple[str, ...] = (),
        unreadable: dict[str, str] | None = None,
    ) -> "Collection":
        made = super().__new__(cls, x, y)
        made.name, made.classes, made.unreadable = name, classes, unreadable or {}
        return made


def checksum(samples: Samples) -> str:
    """Return the SHA-256 of types, shapes and values."""
    digest = hashlib.sha256()
    for array in samples:
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
