"""Data of the commands: MNIST, data sets like it, or a folder of the user's own pictures."""

import argparse
import json
from pathlib import Path
from typing import Any

from lamella.cli.messages import print_error
from lamella.core.disk import read_file
from lamella.core.errors import UsageError
from lamella.datasets.idx_folder import DIGITS, SETS
from lamella.datasets.mnist import CHECKSUMS
from lamella.datasets.named import labelled_folder, named
from lamella.datasets.samples import Collection, checksum
from lamella.models.sequential import Sequential


def add_data_options(parser: Any) -> None:
    """Declare ``--data`` and ``--root``."""
    parser.add_argument(
        "--data",
        default="mnist",
        metavar="NAME_OR_FOLDER",
        help=f"{', '.join(SETS)}, or a folder of your own pictures (default: mnist)",
    )
    parser.add_argument(
        "--root", metavar="DIR", help="folder of the IDX files of --data, or torchvision's root"
    )


def train_and_test(args: argparse.Namespace) -> tuple[Collection, Collection]:
    """Return the sets of ``--data``; print the files that were left out."""
    train, test = named(args.data, args.root)
    print_unreadable(train)
    return train, test


def test_set(args: argparse.Namespace) -> Collection:
    """Return the test set of ``--data``, or all pictures of a folder."""
    if args.data in SETS:
        return named(args.data, args.root)[1]
    found = labelled_folder(args.data, args.root)
    print_unreadable(found)
    return found


def data_record(args: argparse.Namespace, train: Collection, test: Collection) -> dict[str, Any]:
    """Return name, checksums and classes of the data as JSON values."""
    if args.data == "mnist" and args.root is None:
        return {"name": "MNIST", "sha256": CHECKSUMS}
    sums = {"train": checksum(train), "test": checksum(test)}
    return {"name": train.name, "sha256": sums, "classes": list(train.classes)}


def recorded_classes(model_file: str, model: Sequential) -> list[str]:
    """Return the names of a model's classes in the record beside its file, if it has any."""
    try:
        path = Path(model_file)
        folder = path if path.is_dir() else path.parent
        data = json.loads(read_file(folder / "run.json"))["data"]
        classes = DIGITS if data.get("name") == "MNIST" else data["classes"]
        names = [str(name) for name in classes]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return []
    return names if model.shapes[-1] == (len(names),) else []


def class_names(model_file: str, model: Sequential) -> list[str]:
    """Return the names of a model's classes: those in the record beside its file, or numbers.

    Raise a UsageError if the model gives no classes, or others than ten without names.
    """
    shape = model.shapes[-1]
    if len(shape) != 1 or shape[0] < 2:
        raise UsageError(f"{model_file} gives outputs of shape {shape}, which are no classes")
    if names := recorded_classes(model_file, model):
        return names
    if shape[0] != 10:
        raise UsageError(
            f"{model_file} gives outputs of shape {shape}, but digits take 10 classes: use a model "
            "trained on MNIST, or keep run.json, which names the classes, beside it"
        )
    return [str(digit) for digit in range(10)]


def print_unreadable(samples: Collection) -> None:
    """Print the files that were left out."""
    for name, reason in samples.unreadable.items():
        print_error(f"left out {name}: {reason}")
