"""Options of ``lamella train``, and the model they describe."""

import argparse
import re
from fractions import Fraction
from typing import Any

from lamella.cli.data import add_data_options
from lamella.core.errors import ArgumentError
from lamella.core.validation import at_least, in_range
from lamella.models.classifiers import LOSSES, MLP, ReadyModel, SoftmaxClassifier
from lamella.optimizers import SGD, Adam, AdamW, Momentum, Optimizer
from lamella.optimizers.schedules import InverseDecay

HIDDEN = (256, 30)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``lamella train``; the defaults are those of the report."""
    model = parser.add_argument_group("model")
    model.add_argument(
        "--model", choices=("mlp", "softmax"), default="mlp", help="mlp has hidden layers"
    )
    model.add_argument(
        "--hidden",
        action=_Numbers,
        const=int,
        nargs="+",
        metavar="WIDTH",
        help="width of each hidden layer of the mlp: 256 30 or 256,30 (default: 256 30)",
    )
    model.add_argument("--batch-norm", action="store_true", help="normalize before each ReLU")
    model.add_argument(
        "--dropout",
        action=_Numbers,
        const=float,
        nargs="+",
        metavar="RATE",
        help="fraction dropped: one number for all hidden layers, or one for the input and each "
        "hidden layer (default: none)",
    )
    model.add_argument(
        "--l2", type=float, default=0.0, metavar="RATE", help="penalty RATE/2 sum(W^2)"
    )
    model.add_argument(
        "--dtype", choices=("float32", "float64"), default="float32", help="of all numbers"
    )

    how = parser.add_argument_group("training")
    how.add_argument(
        "--loss",
        choices=list(LOSSES),
        default="cross-entropy",
        help="L2 and L1 compare probabilities with one-hot labels",
    )
    how.add_argument(
        "--optimizer",
        choices=("sgd", "momentum", "nesterov", "adam", "adamw"),
        default="adam",
        help="rule of the steps",
    )
    how.add_argument("--lr", type=float, help="learning rate (default: 5e-4, softmax 2e-3)")
    how.add_argument(
        "--beta",
        type=float,
        help="decay rate of momentum and of Adam's first moment (default: 0.9)",
    )
    how.add_argument(
        "--weight-decay", type=float, metavar="RATE", help="of adamw only (default: 0.01)"
    )
    how.add_argument(
        "--decay",
        type=float,
        default=0.0,
        metavar="RATE",
        help="divide the learning rate by 1 + RATE after each epoch (default: constant)",
    )
    how.add_argument(
        "--clip-norm", type=float, metavar="NORM", help="scale larger gradients down to this norm"
    )
    how.add_argument("--batch-size", type=int, default=64, metavar="N", help="images in a step")
    how.add_argument("--epochs", type=int, default=5, metavar="N", help="passes over the images")
    how.add_argument(
        "--validation",
        type=_fraction,
        default=1 / 12,
        metavar="FRACTION",
        help="fraction of the training images held out for validation (default: 1/12; 0: none)",
    )
    how.add_argument(
        "--early-stopping",
        type=int,
        metavar="PATIENCE",
        help="stop after this many epochs without a lower validation loss, and restore the "
        "weights of the best epoch",
    )
    how.add_argument("--seed", type=int, default=2023, help="of weights, data order and dropout")
    how.add_argument(
        "--backend",
        choices=("auto", "numpy", "cupy"),
        default="auto",
        help="auto uses a GPU if available",
    )

    add_data_options(parser.add_argument_group("data"))

    result = parser.add_argument_group("result")
    result.add_argument(
        "--out",
        metavar="DIR",
        help="write model.safetensors, history.jsonl, steps.csv (the loss of every step), run.json "
        "and curves.png there (default: write nothing)",
    )
    result.add_argument(
        "--every-epoch",
        action="store_true",
        help="also write the weights of every epoch, to DIR/epochs",
    )
    result.add_argument("--overwrite", action="store_true", help="replace an existing run in DIR")
    result.add_argument(
        "--resume",
        metavar="DIR",
        help="resume the interrupted run in DIR with its original options; the result is "
        "bit-identical to that of an uninterrupted run",
    )
    result.add_argument("--quiet", action="store_true", help="print only the result")


def refuse_contradictions(args: argparse.Namespace) -> None:
    """Raise an ArgumentError if two options contradict each other."""
    layered = {
        "--hidden": args.hidden is not None,
        "--batch-norm": args.batch_norm,
        "--dropout": args.dropout is not None,
    }
    for option, given in layered.items():
        if given and args.model == "softmax":
            raise ArgumentError(
                f"{option} is about hidden layers, and --model softmax has none: omit it, or "
                "use --model mlp"
            )
    if args.beta is not None and args.optimizer == "sgd":
        raise ArgumentError(
            "--beta is for optimizers with momentum, and sgd has none: use --optimizer momentum"
        )
    if args.weight_decay is not None and args.optimizer != "adamw":
        raise ArgumentError(
            f"--weight-decay belongs to adamw, not to {args.optimizer}: use --optimizer adamw, or "
            "--l2 for a penalty on the weights"
        )
    if args.early_stopping is not None and args.validation == 0:
        raise ArgumentError(
            "--early-stopping needs a validation loss, and --validation 0 holds no images out"
        )
    for option, given in {"--overwrite": args.overwrite, "--every-epoch": args.every_epoch}.items():
        if given and args.out is None:
            raise ArgumentError(f"{option} is about the folder of --out: add --out DIR, or omit it")


def classifier(args: argparse.Namespace, classes: int) -> ReadyModel:
    """Create the model of the options; its parts check most of the values."""
    at_least("epochs", args.epochs, 1)
    at_least("batch_size", args.batch_size, 1)
    in_range("validation", args.validation, 0, 1, right_open=True)
    options: dict[str, Any] = {
        name: getattr(args, name) for name in ("loss", "l2", "seed", "backend", "dtype")
    }
    options |= {"classes": classes, "optimizer": _optimizer(args)}
    if args.model == "softmax":
        return SoftmaxClassifier(**options)
    rates = args.dropout or [0.0]
    return MLP(
        args.hidden or HIDDEN,
        batch_norm=args.batch_norm,
        dropout=rates[0] if len(rates) == 1 else rates,
        **options,
    )


def _optimizer(args: argparse.Namespace) -> Optimizer:
    default = 2e-3 if args.model == "softmax" else 5e-4
    learning_rate = default if args.lr is None else args.lr
    lr = InverseDecay(learning_rate, args.decay) if args.decay else learning_rate
    beta = 0.9 if args.beta is None else args.beta
    if args.optimizer == "sgd":
        return SGD(lr, clip_norm=args.clip_norm)
    if args.optimizer in ("momentum", "nesterov"):
        nesterov = args.optimizer == "nesterov"
        return Momentum(lr, beta=beta, nesterov=nesterov, clip_norm=args.clip_norm)
    if args.optimizer == "adam":
        return Adam(lr, beta1=beta, clip_norm=args.clip_norm)
    weight_decay = 0.01 if args.weight_decay is None else args.weight_decay
    return AdamW(lr, beta1=beta, weight_decay=weight_decay, clip_norm=args.clip_norm)


class _Numbers(argparse.Action):
    """Store numbers that are separated by spaces or commas; ``const`` converts each."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, *given: Any
    ) -> None:
        texts, option = given
        words = re.split(r"[\s,]+", " ".join(texts).strip(" ,"))
        try:
            setattr(namespace, self.dest, [self.const(word) for word in words])
        except ValueError:
            kind = "whole numbers: 256 30 or" if self.const is int else "numbers: 0.1 0.2 or"
            example = "256,30" if self.const is int else "0.1,0.2"
            parser.error(f"{option} takes {kind} {example}; got {' '.join(texts)!r}")


def _fraction(text: str) -> float:
    """Parse a fraction such as 0.1 or 1/12."""
    try:
        return float(Fraction(text))
    except (ValueError, ZeroDivisionError):
        raise argparse.ArgumentTypeError(
            f"expected a fraction such as 0.1 or 1/12, got {text!r}"
        ) from None
