"""Open a page to draw digits on: live answers, your own data set, fine-tuning."""

import argparse
from pathlib import Path

from lamella.cli.data import class_names
from lamella.cli.draw.own_digits import CLASSES
from lamella.cli.draw.page import exported_page
from lamella.cli.draw.server import DrawServer
from lamella.cli.draw.studio import MODEL, Studio
from lamella.core.disk import file_to_write, write_atomically
from lamella.core.errors import UsageError
from lamella.datasets import mnist
from lamella.models.classifiers import MLP
from lamella.models.loading import load
from lamella.models.sequential import Sequential
from lamella.optimizers import Adam


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``lamella draw``."""
    parser.add_argument(
        "model",
        metavar="MODEL",
        nargs="?",
        help="a model that lamella train or save wrote, or its folder (default: the fine-tuned one "
        "in DIR, else a small network that is trained first)",
    )
    parser.add_argument(
        "--out",
        metavar="DIR",
        default="my-digits",
        help="folder of the drawings that you keep and of the fine-tuned model",
    )
    parser.add_argument(
        "--port", type=int, default=8765, help="of 127.0.0.1; 0 takes one that is free"
    )
    parser.add_argument(
        "--export",
        metavar="FILE",
        help="write the page as one HTML file that needs no server, and end (default: serve it)",
    )


def run(args: argparse.Namespace) -> int:
    """Serve the page until Ctrl-C, or write it to a file."""
    if args.export is not None:
        file_to_write(Path(args.export))
        write_atomically(Path(args.export), exported_page(_model(args)).encode())
        print(f"{args.export}: open it in a browser")
        return 0
    with DrawServer(args.port) as server:  # first: a port in use is known before training
        server.studio = Studio(_model(args), Path(args.out))
        print(f"{server.address} (own digits in {args.out}; Ctrl-C ends it)", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()
    return 0


def _model(args: argparse.Namespace) -> Sequential:
    """Return the model of the options, checked to take digits and give probabilities."""
    tuned = Path(args.out) / MODEL
    source = args.model or (tuned if tuned.exists() else None)
    if source is None:
        print("training a small network on MNIST, for some seconds", flush=True)
        small = MLP([128], optimizer=Adam(1e-3), seed=2023, backend="numpy")
        small.fit(*mnist()[0], epochs=3, verbose=False)
        return small
    model: Sequential = load(source, backend="numpy")
    if not model.compiled:
        raise UsageError(f"{source} is not compiled, so its outputs are no probabilities")
    if model.in_shape != (28, 28) or class_names(str(source), model) != list(CLASSES):
        raise UsageError(
            f"{source} takes inputs of shape {model.in_shape} or has classes other than the ten "
            "digits: use a model that was trained on MNIST's images of (28, 28)"
        )
    return model
