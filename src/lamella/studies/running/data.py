"""Training and test data of a study, with checksums."""

import hashlib
import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from lamella.core.errors import DataError, UsageError
from lamella.datasets import Samples, mnist
from lamella.network.arrays import to_numpy


@dataclass(frozen=True)
class StudyData:
    """Training and test set.

    Attributes
    ----------
    train, test : Samples
    checksums : dict
        SHA-256 of both, by "train" and "test"; and the number of values of a sample, "inputs", and
        of test samples, "tested".
    bundled : bool
        Whether the data are MNIST, which each worker reads from disk itself.
    """

    train: Samples
    test: Samples
    checksums: dict[str, Any]
    bundled: bool

    @property
    def worker_arrays(self) -> tuple[np.ndarray | None, ...]:
        """The four arrays to send to workers; each is None for MNIST."""
        return (None,) * 4 if self.bundled else (*self.train, *self.test)


def study_data(train: Any, test: Any) -> StudyData:
    """Return the data of a study: two pairs (x, y), or MNIST if both are None."""
    if (train is None) != (test is None):
        raise UsageError("give both train and test, or neither for MNIST")
    if train is None:
        return _mnist()
    sets = {"train": _samples("train", train), "test": _samples("test", test)}
    checksums = _checksums(sets)
    bundled = len(sets["test"].y) == 10_000 and checksums == _mnist().checksums
    return StudyData(sets["train"], sets["test"], checksums, bundled)


def unpack_arrays(arrays: tuple[np.ndarray | None, ...]) -> tuple[Samples, Samples]:
    """Return training and test set from `StudyData.worker_arrays`, in the worker."""
    if arrays[0] is None:
        return _digits()
    train_x, train_y, test_x, test_y = (np.asarray(array) for array in arrays)
    return Samples(train_x, train_y), Samples(test_x, test_y)


@lru_cache(maxsize=1)
def _digits() -> tuple[Samples, Samples]:
    """Return MNIST; each process reads it once."""
    return mnist()


@lru_cache(maxsize=1)
def _mnist() -> StudyData:
    train, test = _digits()
    return StudyData(train, test, _checksums({"train": train, "test": test}), True)


def _samples(name: str, pair: Any) -> Samples:
    if not (isinstance(pair, tuple | list) and len(pair) == 2):
        raise DataError(f"{name} must be a pair (x, y), got {type(pair).__name__}")
    try:
        x, y = (np.ascontiguousarray(to_numpy(*part)) for part in zip("xy", pair, strict=True))
    except DataError as error:
        raise DataError(f"in {name}: {error}") from error
    if len(x) != len(y):
        raise DataError(f"{name} has {len(x)} inputs, but {len(y)} targets")
    return Samples(x, y)


def _checksums(sets: dict[str, Samples]) -> dict[str, Any]:
    checksums: dict[str, Any] = {name: _checksum(samples) for name, samples in sets.items()}
    x = sets["train"].x
    return {**checksums, "inputs": math.prod(x.shape[1:]), "tested": len(sets["test"].y)}


def _checksum(samples: Samples) -> str:
    digest = hashlib.sha256()
    for array in samples:
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
