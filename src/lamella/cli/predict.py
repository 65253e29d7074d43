"""Predict the digits on pictures, with their probabilities."""

import argparse
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from lamella.cli.data import class_names
from lamella.cli.messages import print_error
from lamella.core.disk import file_to_write
from lamella.core.errors import FileFormatError, UsageError
from lamella.datasets.handwriting.likeness import UNLIKE, likeness
from lamella.datasets.handwriting.preparation import Preparation, prepare
from lamella.datasets.handwriting.strip import save_strip
from lamella.datasets.idx_folder import DIGITS, SETS
from lamella.models.loading import load

FAINT = 0.15  # ink that takes less of the paper's light
CLOSE = 0.6  # probability of the answer that leaves another one


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``lamella predict``."""
    parser.add_argument(
        "images", metavar="IMAGE", nargs="+", help="a photo or drawing of one or several digits"
    )
    parser.add_argument(
        "--model",
        metavar="FILE",
        required=True,
        help="a model that lamella train or save wrote, or its folder",
    )
    parser.add_argument(
        "--strip", metavar="PNG", help="write a picture of all steps: IMAGE to 28x28"
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
    """The two most probable classes of a digit, its place on the page, and reasons for doubt."""

    image: str
    digit: int | str
    probability: float
    runner_up: int | str
    runner_up_probability: float
    line: int
    place: int
    unsure: list[str]

    def text(self, *, alone: bool) -> str:
        """Return the answer as a line; ``alone`` if the picture has no other digit."""
        where = "" if alone else f", line {self.line} digit {self.place}"
        doubt = f"; unsure: {', '.join(self.unsure)}" if self.unsure else ""
        return (
            f"{self.image}{where}: {self.digit} ({self.probability:.1%}), "
            f"else {self.runner_up} ({self.runner_up_probability:.1%}){doubt}"
        )


def run(args: argparse.Namespace) -> int:
    """Print an answer for each digit; the status is 1 if any picture is unreadable."""
    if args.strip:
        _expect_strip(args.strip, args.images)
    model = load(args.model, backend=args.backend)
    names = class_names(args.model, model)
    pages: dict[str, Preparation] = {}
    for name in args.images:
        try:
            pages[name] = prepare(name, several=True)
        except FileFormatError as error:
            print_error(error)
    found = {
        name: _answers(name, page, model.predict_proba(page.images), names)
        for name, page in pages.items()
    }
    if args.strip and pages:
        captions = [" ".join(str(answer.digit) for answer in answers) for answers in found.values()]
        save_strip(args.strip, list(pages.values()), captions)
    if args.json:
        print(json.dumps([asdict(a) for answers in found.values() for a in answers], indent=2))
    else:
        for answers in found.values():
            print(*(answer.text(alone=len(answers) == 1) for answer in answers), sep="\n")
    return 0 if len(pages) == len(set(args.images)) else 1


def _expect_strip(strip: str, images: Sequence[str]) -> None:
    """Raise an error if the strip cannot be written, is no PNG, or would replace a picture."""
    if Path(strip).suffix.lower() != ".png":
        raise UsageError(f"--strip writes a PNG: give a name such as steps.png, not {strip}")
    file_to_write(Path(strip))
    if os.path.realpath(strip) in map(os.path.realpath, images):
        raise UsageError(f"--strip would replace the picture {strip}: give another name")


def _answers(
    name: str, page: Preparation, chances: np.ndarray, names: Sequence[str]
) -> list[Answer]:
    is_digits = list(names) == list(DIGITS)
    is_clothing = list(names) == list(SETS["fashion-mnist"][2])
    alike = likeness(page.images) if is_digits else np.ones(len(page.images))
    answers: list[Answer] = []
    for p, like, line in zip(chances, alike, page.line.tolist(), strict=True):
        second, first = np.argsort(p, kind="stable")[-2:].tolist()
        reasons = {
            "too little contrast": page.contrast < FAINT,
            "unlike the digits of MNIST": like < UNLIKE,
            "nearly another digit" if is_digits else "nearly another class": p[first] < CLOSE,
            "prepared as handwriting is": is_clothing and "as it was made" not in page.steps,
        }
        words = (first, second) if is_digits else (names[first], names[second])
        answers.append(
            Answer(
                name,
                words[0],
                float(p[first]),
                words[1],
                float(p[second]),
                line + 1,
                1 + sum(answer.line == line + 1 for answer in answers),
                [reason for reason, holds in reasons.items() if holds],
            )
        )
    return answers
