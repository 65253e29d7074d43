"""One's own pictures of digits, with their labels, as a data set."""

import csv
import io
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
        Names of the classes, in the order of their numbers; a set has no order.
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
        If a label is outside the classes, a picture has two labels (as a link or copy, too), or no
        file can be read.
    MissingExtraError
        If Pillow is not installed.
    """
    folder = as_path(path)
    if not folder.is_dir():
        raise FileFormatError(f"{folder} is not a folder of pictures")
    names = list(classes) if isinstance(classes, str | list | tuple) else []
    if not all(isinstance(name, str) for name in names) or len({*names}) < max(2, len(names)):
        raise ArgumentError(
            f"classes must be a list of two or more different names, got {classes!r:.80}"
        )
    labels: dict[Path, int] = {}
    unreadable: dict[str, str] = {}
    for file, label in _labelled(folder, names, unreadable):
        name = str(file.relative_to(folder))
        if label not in names:
            raise DataError(
                f"{folder / name} has the label {label!r}, and the classes are "
                f"{', '.join(names)}{did_you_mean(label, names)}"
            )
        if labels.setdefault(file, number := names.index(label)) != number:
            raise DataError(f"{file} has two labels: {names[labels[file]]!r} and {label!r}")
    images, numbers = [], []
    first: dict[bytes, Path] = {}  # file of each image, to find links and copies
    for file, number in sorted(labels.items()):
        try:
            image = read_digit(file, deslant=deslant)
        except FileFormatError as error:
            unreadable[str(file.relative_to(folder))] = str(error)
            continue
        other = first.setdefault(image.tobytes(), file)
        if labels[other] != number:
            raise DataError(
                f"{other} and {file} show the same picture, but have two labels: "
                f"{names[labels[other]]!r} and {names[number]!r}"
            )
        images.append(image)
        numbers.append(number)
    if not images:
        reason = next(iter(unreadable.values()), "it has no files")
        raise DataError(f"no picture in {folder} can be read: {reason}")
    return Collection(
        np.stack(images), np.array(numbers, np.int64), folder.name, tuple(names), unreadable
    )


def _labelled(
    folder: Path, classes: Sequence[str], unreadable: dict[str, str]
) -> Iterator[tuple[Path, str]]:
    """Yield each file with its label; add empty folders and unlabelled files to ``unreadable``."""
    entries = _visible(folder)
    if folder / LABELS in entries:
        yield from _listed(folder, classes)
        return
    folders = [entry for entry in entries if entry.is_dir()]
    for entry in folders:
        inside = _visible(entry)
        yield from ((file, entry.name) for file in inside)
        if not inside:
            unreadable[entry.name] = f"{entry} is empty: the class has no pictures"
    for file in entries:
        if file in folders:
            continue
        label = _beginning(file.name, classes)
        if folders or not label:
            unreadable[file.name] = f"{file} has no label: it is in no folder of a class"
        else:
            yield file, label


def _beginning(name: str, classes: Sequence[str]) -> str:
    """Return the longest class at the beginning of a file's name, or else its first word."""
    ends = {label: name[len(label) :][:1] for label in classes if name.startswith(label)}
    found = [label for label, end in ends.items() if not end.isalnum()]
    return max(found, key=len, default=re.split(r"[\W_]", name, maxsplit=1)[0])


def _listed(folder: Path, classes: Sequence[str]) -> Iterator[tuple[Path, str]]:
    """Yield the files and labels of ``labels.csv``; a first line with neither is a heading."""
    try:
        text = io.StringIO(read_file(folder / LABELS).decode("utf-8-sig"), newline="")
        rows = [row for row in csv.reader(text, skipinitialspace=True) if any(row)]
    except (UnicodeDecodeError, csv.Error) as error:
        raise FileFormatError(f"{folder / LABELS} is not a CSV file in UTF-8: {error}") from error
    for i, row in enumerate(rows):
        if len(row) != 2:
            raise DataError(f"{folder / LABELS}: write file,label in each line, not {row!r:.80}")
        file, label = (part.strip() for part in row)
        if Path(file).is_absolute() or ".." in Path(file).parts:
            raise DataError(f"{folder / LABELS}: {file} is outside of the folder")
        if i or label in classes or (folder / file).exists():
            yield folder / file, label


def _visible(folder: Path) -> list[Path]:
    return sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
