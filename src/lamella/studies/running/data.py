"""Training and test data of a study, with checksums."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from lamella.core.errors import CheckWarning, DataError, UsageError, warn_user
from lamella.datasets.mnist import mnist
from lamella.datasets.named import labelled_folder, named
from lamella.datasets.samples import Collection, Samples, checksum
from lamella.network.arrays import to_numpy

VARIED, COPIES = 0.95, 0.01
"""Fraction of distinct inputs above which copies are no chance, and that of copies to warn of."""


@dataclass(frozen=True)
class StudyData:
    """Training and test set.

    Attributes
    ----------
    train, test : Samples
    validation : Samples or None
        The user's own, in place of a part of ``train``.
    checksums : dict
        SHA-256 of each, by "train", "test" and "validation"; and the number of values of a sample,
        "inputs", and of test samples, "tested". Of a `Collection` also its "names" and "classes".
    bundled : bool
        Whether the data are MNIST, which each worker reads from disk itself.
    """

    train: Samples
    test: Samples
    validation: Samples | None
    checksums: dict[str, Any]
    bundled: bool

    @property
    def worker_arrays(self) -> tuple[np.ndarray | None, ...]:
        """The four or, with a validation set, six arrays to send to workers; None for MNIST."""
        if self.bundled:
            return (None,) * 4
        return (*self.train, *self.test, *(self.validation or ()))


def study_data(train: Any, test: Any, validation: Any = None) -> StudyData:
    """Return the data of a study: pairs (x, y), or MNIST if the first two are None."""
    if (train is None) != (test is None):
        raise UsageError("give both train and test, or neither for MNIST")
    if train is None and validation is None:
        return _mnist()
    if train is None:
        raise UsageError("give train and test with your own validation set")
    pairs = {"train": train, "test": test}
    if validation is not None:
        pairs["validation"] = validation
    classes = _text_classes(_targets("train", train))
    if classes:
        pairs = {
            name: (pair[0], numbered_labels(name, _targets(name, pair), classes))
            for name, pair in pairs.items()
        }
    sets = {name: _samples(name, pair) for name, pair in pairs.items()}
    _expect_separate(sets)
    checksums = _checksums(sets)
    if classes:
        checksums |= {"classes": classes}
    bundled = len(sets["test"].y) == 10_000 and checksums == _mnist().checksums
    if isinstance(test, Collection) and not bundled:
        names = {"train": getattr(train, "name", ""), "test": test.name}
        checksums |= {"names": names, "classes": list(test.classes)}
    return StudyData(sets["train"], sets["test"], sets.get("validation"), checksums, bundled)


def read_sets(
    name: str = "mnist", root: str | None = None, test: str | None = None
) -> tuple[Collection, Collection]:
    """Return the sets of a study's ``data``: those of a name or folder, or with another test set.

    Raises
    ------
    DataError
        If the test set has classes that the training set has not.
    """
    train, tested = named(name, root)
    if test is not None:
        tested = labelled_folder(test)
    if tested.classes != train.classes:
        raise DataError(
            f"{tested.name} has the classes {', '.join(tested.classes)}, but {train.name} has "
            f"{', '.join(train.classes)}"
        )
    return train, tested


def unpack_arrays(
    arrays: tuple[np.ndarray | None, ...],
) -> tuple[Samples, Samples, Samples | None]:
    """Return training, test and validation set from `StudyData.worker_arrays`, in the worker."""
    if arrays[0] is None:
        return *_digits(), None
    train_x, train_y, test_x, test_y, *own = map(np.asarray, arrays)
    return Samples(train_x, train_y), Samples(test_x, test_y), Samples(*own) if own else None


@lru_cache(maxsize=1)
def _digits() -> tuple[Samples, Samples]:
    """Return MNIST; each process reads it once."""
    return mnist()


@lru_cache(maxsize=1)
def _mnist() -> StudyData:
    train, test = _digits()
    return StudyData(train, test, None, _checksums({"train": train, "test": test}), True)


def numbered_labels(name: str, y: Any, classes: Sequence[str]) -> np.ndarray:
    """Return the number of each label's class: of text, its place in ``classes``.

    Raises
    ------
    DataError
        If a label is not among the classes, which are those of the training set.
    """
    labels = np.asarray(y)
    if not _text_classes(labels):
        return labels
    if unknown := sorted({str(label) for label in labels.flat} - {*classes}):
        raise DataError(
            f"{name} has labels that the training set has not: {', '.join(map(repr, unknown[:5]))}"
            f"; it has {', '.join(map(repr, classes[:10]))}"
        )
    return np.searchsorted(np.array(classes), labels.astype(str))


def _text_classes(y: Any) -> list[str]:
    """Return the sorted labels if they are text, else an empty list."""
    labels = np.asarray(y)
    if labels.dtype.kind == "O" and all(isinstance(label, str) for label in labels.flat):
        labels = labels.astype(str)
    return np.unique(labels).tolist() if labels.dtype.kind == "U" and labels.ndim == 1 else []


def _targets(name: str, pair: Any) -> Any:
    if not (isinstance(pair, tuple | list) and len(pair) == 2):
        raise DataError(f"{name} must be a pair (x, y), got {type(pair).__name__}")
    return pair[1]


def _samples(name: str, pair: Any) -> Samples:
    _targets(name, pair)
    try:
        x, y = (np.ascontiguousarray(to_numpy(*part)) for part in zip("xy", pair, strict=True))
    except DataError as error:
        raise DataError(f"in {name}: {error}") from error
    if len(x) != len(y):
        raise DataError(f"{name} has {len(x)} inputs, but {len(y)} targets")
    if not len(y):
        raise DataError(f"{name} is empty")
    return Samples(x, y)


def _expect_separate(sets: dict[str, Samples]) -> None:
    """Refuse a test set that also chooses, and warn if a set has samples of an earlier one.

    Inputs that repeat within a set, such as rows of a few categories, say nothing about copies.
    """
    rows = {name: [hash(row.tobytes()) for row in part.x] for name, part in sets.items()}
    distinct = {name: {*found} for name, found in rows.items()}
    for one, other in (("train", "test"), ("train", "validation"), ("test", "validation")):
        if other not in sets or len(distinct[other]) < VARIED * len(rows[other]):
            continue
        copies = sum(row in distinct[one] for row in rows[other])
        if copies == len(rows[other]) and one == "test":
            raise DataError(
                "validation= holds samples of the test set only: what it chooses would be chosen "
                "by the test. Give other samples, or leave it out for a part of the training set"
            )
        if copies > COPIES * len(rows[other]):
            warn_user(
                f"{copies:,} of {len(rows[other]):,} samples of {other} are in {one}, too: scores "
                "and choices by them are too good. Leave them out of one of both",
                CheckWarning,
            )


def _checksums(sets: dict[str, Samples]) -> dict[str, Any]:
    checksums: dict[str, Any] = {name: checksum(samples) for name, samples in sets.items()}
    x = sets["train"].x
    return {**checksums, "inputs": math.prod(x.shape[1:]), "tested": len(sets["test"].y)}
