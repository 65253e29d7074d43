"""Export a saved model to ONNX, Python, C or JavaScript."""

import argparse
import os

from lamella.cli.data import recorded_classes
from lamella.core.errors import ArgumentError
from lamella.interchange import export
from lamella.interchange.exporting import SUFFIXES
from lamella.models.loading import load


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``lamella export``."""
    parser.add_argument(
        "file", metavar="MODEL", help="a model that lamella train or save wrote, or its folder"
    )
    parser.add_argument(
        "--to",
        choices=tuple(SUFFIXES.values()),
        help=f"language (default: by the suffix of FILE, {' '.join(SUFFIXES)})",
    )
    parser.add_argument("--out", metavar="FILE", required=True, help="file to write")
    parser.add_argument(
        "--class-names",
        metavar="NAME",
        nargs="+",
        help="one for each class (default: as in run.json beside MODEL, or numbers)",
    )


def run(args: argparse.Namespace) -> int:
    """Write the file."""
    if os.path.realpath(args.out) == os.path.realpath(args.file):
        raise ArgumentError(f"--out would replace the model {args.file}: give another name")
    model = load(args.file, backend="numpy")
    names = args.class_names or recorded_classes(args.file, model) or None
    export(model, args.out, to=args.to, class_names=names)
    print(f"{args.out}: the model in {args.file}")
    return 0
