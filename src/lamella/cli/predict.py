"""Predict the digit on an image, with its probability."""

import argparse
import json
from dataclasses import asdict, dataclass

import numpy as np

from lamella.cli.messages import print_error
from lamella.core.errors import FileFormatError, UsageError
from lamella.datasets import read_digit
from lamella.models.loading import load

DIGITS = 10


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``lamella predict``."""
    parser.add_argument(
        "images", metavar="IMAGE", nargs="+", help="a photo or drawing of a single digit"
    )
    parser.add_argument(
        "--model",
        metavar="FILE",
        required=True,
        help="a model that lamella train or save wrote, or its folder",
    )
    parser.add_argument("--json", action="store_true", help="print a JSON list of objects")
    parser.add_argument(
        "--backend",
        choices=("auto", "numpy", "cupy"),
        default="auto",
        help="auto uses a GPU if available",
    )


@dataclass(frozen=True)
class Answer:
    """The two most probable digits of an image."""

    image: str
    digit: int
    probability: float
    runner_up: int
    runner_up_probability: float

    def __str__(self) -> str:
        return (
            f"{self.image}: {self.digit} ({self.probability:.1%}), "
            f"else {self.runner_up} ({self.runner_up_probability:.1%})"
        )


def run(args: argparse.Namespace) -> int:
    """Print an answer for each readable image; the status is 1 if any is unreadable."""
    model = load(args.model, backend=args.backend)
    if model.shapes[-1] != (DIGITS,):
        raise UsageError(
            f"{args.model} gives outputs of shape {model.shapes[-1]}, but digits take {DIGITS} "
            "classes: use a model trained on MNIST"
        )
    names, digits = [], []
    for name in args.images:
        try:
            digits.append(read_digit(name))
            names.append(name)
        except FileFormatError as error:
            print_error(error)
    probabilities = model.predict_proba(np.stack(digits)) if digits else []
    answers = [_answer(name, p) for name, p in zip(names, probabilities, strict=True)]
    if args.json:
        print(json.dumps([asdict(answer) for answer in answers], indent=2))
    else:
        print(*answers, sep="\n", end="\n" if answers else "")
    return 0 if len(answers) == len(args.images) else 1


def _answer(name: str, p: np.ndarray) -> Answer:
    second, first = np.argsort(p, kind="stable")[-2:].tolist()
    return Answer(name, first, float(p[first]), second, float(p[second]))
