"""Data sets in the format of MNIST: Fashion-MNIST, KMNIST, QMNIST, EMNIST."""

import string
from pathlib import Path
from typing import Any

import numpy as np

from lamella.core.disk import as_path
from lamella.core.errors import DataError, FileFormatError
from lamella.core.names import expect_known
from lamella.core.signatures import known_arguments
from lamella.datasets.idx import read_idx
from lamella.datasets.samples import Collection

DIGITS = tuple(string.digits)
MERGED = (*DIGITS, *string.ascii_uppercase, *"abdefghnqrt")  # EMNIST joins C and c, and so on
# By name: torchvision's class, the beginning of the file names, and the classes.
SETS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "mnist": ("MNIST", "", DIGITS),
    "fashion-mnist": (
        "FashionMNIST",
        "",
        (
            *("T-shirt", "trousers", "pullover", "dress", "coat"),
            *("sandal", "shirt", "sneaker", "bag", "ankle boot"),
        ),
    ),
    "kmnist": ("KMNIST", "", ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")),
    "qmnist": ("QMNIST", "qmnist-", DIGITS),
    "emnist-digits": ("EMNIST", "emnist-digits-", DIGITS),
    "emnist-mnist": ("EMNIST", "emnist-mnist-", DIGITS),
    "emnist-letters": ("EMNIST", "emnist-letters-", tuple(string.ascii_lowercase)),
    "emnist-balanced": ("EMNIST", "emnist-balanced-", MERGED),
    "emnist-bymerge": ("EMNIST", "emnist-bymerge-", MERGED),
    "emnist-byclass": (
        "EMNIST",
        "emnist-byclass-",
        (*DIGITS, *string.ascii_uppercase, *string.ascii_lowercase),
    ),
}


@known_arguments
def idx_folder(root: Any, name: str) -> tuple[Collection, Collection]:
    """Return the training and test sets that four IDX files hold, plain or compressed.

    Parameters
    ----------
    root : path
        The folder with the files, or the ``root`` of torchvision, which has them in
        ``FashionMNIST/raw`` and so on.
    name : str
        "mnist", "fashion-mnist", "kmnist", "qmnist", or "emnist-" with digits, letters, balanced,
        bymerge, byclass or mnist.

    Returns
    -------
    train, test : Collection
        ``x`` uint8 (N, 28, 28), ``y`` int64 (N,) from 0, and the names of the ``classes``. EMNIST's
        images are transposed, so that letters stand upright.

    Raises
    ------
    FileNotFoundError
        If a file is missing; the message has the names that were tried.
    FileFormatError
        If a file is damaged, or has another shape or type.
    DataError
        If images and labels differ in number, or a label is outside the classes.
    """
    expect_known("the data set", name, SETS)
    folder = as_path(root, "root")
    return _read(folder, name, "train"), _read(folder, name, "test")


def _read(root: Path, name: str, part: str) -> Collection:
    _, prefix, classes = SETS[name]
    kind = "test" if prefix else "t10k"
    stem = prefix + ("train" if part == "train" else kind)
    labels = "labels-idx2-int" if name == "qmnist" else "labels-idx1-ubyte"
    x = read_idx(_find(root, name, f"{stem}-images-idx3-ubyte"))
    y = read_idx(_find(root, name, f"{stem}-{labels}"))
    if name == "qmnist" and y.ndim == 2 and y.shape[1]:
        y = y[:, 0]  # the other columns name the writer
    if x.shape[1:] != (28, 28) or x.dtype != np.uint8 or y.ndim != 1 or y.dtype.kind not in "iu":
        raise FileFormatError(
            f"{stem} has images {x.shape} of {x.dtype} and labels {y.shape} of {y.dtype} in {root},"
            " expected (N, 28, 28) of uint8 and integers (N,)"
        )
    x = upright(x) if name.startswith("emnist") else x
    return collected(x, from_zero(y, name), name, classes)


def upright(x: np.ndarray) -> np.ndarray:
    """Return EMNIST's images transposed, so that letters stand upright."""
    return np.ascontiguousarray(x.swapaxes(1, 2))


def from_zero(y: np.ndarray, name: str) -> np.ndarray:
    """Return labels as int64 from 0; those of EMNIST's letters are from 1 in the files."""
    return y.astype(np.int64) - (name == "emnist-letters")


def collected(x: np.ndarray, y: np.ndarray, name: str, classes: tuple[str, ...]) -> Collection:
    """Return images and labels as a Collection, if they match each other and the classes."""
    if len(x) != len(y):
        raise DataError(f"{name} has {len(x):,} images, but {len(y):,} labels")
    if y.size and not 0 <= y.min() <= y.max() < len(classes):
        raise DataError(
            f"{name} has labels from {y.min()} to {y.max()}, but {len(classes)} classes"
        )
    return Collection(x, y, name, classes)


def _find(root: Path, name: str, file: str) -> Path:
    own = SETS[name][0]
    folders = [root / own / "raw", root / "raw", root / own, root / name, root]
    paths = [folder / f"{file}{end}" for folder in folders for end in ("", ".gz")]
    found = next((path for path in paths if path.exists()), None)
    if found is None:
        raise FileNotFoundError(
            f"{name} is not in {root}: there is no {file} or {file}.gz there, nor in {own}/raw"
        )
    return found
