"""One's own pictures of digits, with their labels, as a data set."""

import csv
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lamella.core.disk import as_path, read_file
from lamella.core.errors import ArgumentError, DataError, FileFormatError
from lamella.core.names import did_you_mean
from lamella.core.signatures import known_arguments
from lamella.datasets.handwriting import read_digit
from lamella.datasets.samples import Collection

LABELS = "labels.csv"
NAME = re.compile(
    r"(?P<label>[^\W_]+)(?![^\W_])"
)  # up to the first sign that is no letter or digit


@known_arguments
def digit_folder(
    path: Any, *, classes: Sequence[str] = "0123456789", deslant: bool = False
) -> Collection:
    """Read a folder of pictures and prepare each as `read_digit` does.

    Parameters
    ----------
    path : path
        A folder with a folder for each class (``7/a.png``); with the label at the beginning of each
        file's name (``7_a.png``, ``7.png``); or with ``labels.csv``, whose lines are the name of a
        file and its label. Files whose names begin with a dot are left out.
    classes : sequence of str
        Names of the classes, in the order of their numbers.
    deslant : bool
        As in `read_digit`.

    Returns
    -------
    Collection
        ``x`` uint8 (N, 28, 28) and ``y`` int64 (N,), sorted by file name, and ``unreadable``: the
        files that are no pictures and the empty folders, each with the reason.

    Raises
    ------
    FileFormatError
        If the path is no folder.
    DataError
        If a label is outside the classes, a file has two labels, or no file can be read.
    MissingExtraError
        If Pillow is not installed.
    """
    folder = as_path(path)
    if not folder.is_dir():
        raise FileFormatError(f"{folder} is not a folder of pictures")
    if isinstance(classes, str):
        classes = list(classes)
    if len(set(classes)) < max(2, len(classes)) or not all(isinstance(c, str) for c in classes):
        raise ArgumentError(f"classes must be two or more different names, got {classes!r:.80}")
    labels: dict[Path, int] = {}
    unreadable: dict[str, str] = {}
    for file, label in _labelled(folder, unreadable):
        name = str(file.relative_to(folder))
        if label not in classes:
            raise DataError(
                f"{folder / name} has the label {label!r}, and the classes are "
                f"{', '.join(classes)}{did_you_mean(label, classes)}"
            )
        if labels.setdefault(file, number := list(classes).index(label)) != number:
            raise DataError(
                f"{folder / name} has two labels: {classes[labels[file]]!r} and {label!r}"
            )
    images, numbers = [], []
    for file, number in sorted(labels.items()):
        try:
            images.append(read_digit(file, deslant=deslant))
            numbers.append(number)
        except FileFormatError as error:
            unreadable[str(file.relative_to(folder))] = str(error)
    if not images:
        reason = next(iter(unreadable.values()), "it has no files")
        raise DataError(f"no picture in {folder} can be read: {reason}")
    return Collection(
        np.stack(images), np.array(numbers, np.int64), folder.name, tuple(classes), unreadable
    )


def _labelled(folder: Path, unreadable: dict[str, str]) -> Iterator[tuple[Path, str]]:
    """Yield each file with its label; add empty folders and unlabelled files to ``unreadable``."""
    if (folder / LABELS).exists():
        yield from _listed(folder)
        return
    entries = _visible(folder)
    folders = [entry for entry in entries if entry.is_dir()]
    for entry in folders:
        inside = _visible(entry)
        yield from ((file, entry.name) for file in inside)
        if not inside:
            unreadable[entry.name] = f"{entry} is empty: the class has no pictures"
    for file in entries:
        if file in folders:
            continue
        label = NAME.match(file.name)
        if folders or label is None:
            unreadable[file.name] = f"{file} has no label: it is in no folder of a class"
        else:
            yield file, label["label"]


def _listed(folder: Path) -> Iterator[tuple[Path, str]]:
    """Yield the files and labels of ``labels.csv``; a first line without a file is a heading."""
    try:
        text = read_file(folder / LABELS).decode("utf-8-sig")
        rows = [row for row in csv.reader(text.splitlines()) if any(row)]
    except (UnicodeDecodeError, csv.Error) as error:
        raise FileFormatError(f"{folder / LABELS} is not a CSV file: {error}") from error
    for i, row in enumerate(rows):
        if len(row) != 2:
            raise DataError(f"{folder / LABELS}: write file,label in each line, not {row!r:.80}")
        file, label = (part.strip() for part in row)
        if Path(file).is_absolute() or ".." in Path(file).parts:
            raise DataError(f"{folder / LABELS}: {file} is outside of the folder")
        if i or (folder / file).exists():
            yield folder / file, label


def _visible(folder: Path) -> list[Path]:
    return sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
