"""Evaluate a saved model on MNIST's test images, another data set, or your own pictures."""

import argparse
import json

from lamella.cli.data import add_data_options, recorded_classes, test_set
from lamella.core.disk import finite_or_none
from lamella.core.errors import UsageError
from lamella.models.loading import load


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``lamella evaluate``."""
    parser.add_argument(
        "file", metavar="FILE", help="a model that lamella train or save wrote, or its folder"
    )
    add_data_options(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object, nothing else")
    parser.add_argument(
        "--backend",
        choices=("auto", "numpy", "cupy"),
        default="auto",
        help="auto uses a GPU if available",
    )


def run(args: argparse.Namespace) -> int:
    """Print the loss and the metrics."""
    model = load(args.file, backend=args.backend)
    test = test_set(args)
    known = recorded_classes(args.file, model)
    if known and known != list(test.classes):
        raise UsageError(
            f"{args.file} was trained on the classes {', '.join(known)}, but {test.name} has "
            f"{', '.join(test.classes)}: name its data with --data and --root"
        )
    scores = model.evaluate(test.x, test.y)
    if args.json:
        print(json.dumps({name: finite_or_none(value) for name, value in scores.items()}))
    else:
        shown = ", ".join(f"{name} {value:.4f}" for name, value in scores.items())
        where = "test images" if test.name == "MNIST" else f"images of {test.name}"
        print(f"{shown} on {len(test.y):,} {where}")
    return 0
