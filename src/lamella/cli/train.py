"""Train on MNIST, and measure once on its 10,000 test images."""

import argparse
import math
import time
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from lamella.callbacks import Callback, EarlyStopping, JSONLines, TerminateOnNaN
from lamella.classifiers import Classifier
from lamella.cli.messages import complain
from lamella.cli.options import add_options, classifier, refuse_contradictions
from lamella.configured import to_json
from lamella.datasets import mnist
from lamella.datasets.mnist import CHECKSUMS
from lamella.errors import DivergenceWarning
from lamella.plots import save_figure, training_curves
from lamella.record import RunFolder, environment, finite, installed, write_json

__all__ = ["add_options", "run"]


@dataclass(frozen=True)
class Outcome:
    """What a run gave: scores on the test images, and how training went."""

    test: dict[str, float]
    seconds: float
    stop_reason: str
    kept_epoch: int | None
    rows: list[dict[str, Any]]

    @property
    def diverged(self) -> bool:
        """Whether the loss of training was no number in the end."""
        return not math.isfinite(self.rows[-1]["loss"])


def run(args: argparse.Namespace) -> int:
    """Check everything, train, measure, write, and say what came of it."""
    refuse_contradictions(args)
    model = classifier(args)
    stopping = None
    if args.early_stopping is not None:
        stopping = EarlyStopping(patience=args.early_stopping)
    folder = RunFolder(args.out, overwrite=args.overwrite) if args.out is not None else None
    if folder:
        folder.claim()
        if not installed("matplotlib"):
            complain("there will be no curves.png: pip install 'lamella[plot]'")
    if not args.quiet:
        print(model.build((28, 28)).summary(), flush=True)
    outcome = _train(args, model, stopping, folder)
    if folder:
        _write(args, model, outcome, folder)
    _report(outcome, folder)
    return 1 if outcome.diverged else 0


def _train(
    args: argparse.Namespace,
    model: Classifier,
    stopping: EarlyStopping | None,
    folder: RunFolder | None,
) -> Outcome:
    callbacks: list[Callback] = [stopping] if stopping else []
    if folder:
        callbacks += [folder, JSONLines(folder.history)]
    if model.backend.on_host:  # on a GPU it would wait for the device after every batch
        callbacks.append(TerminateOnNaN())
    train, test = mnist()
    began = time.perf_counter()
    # Divergence is told once, by the reason training stopped for.
    with warnings.catch_warnings(), np.errstate(over="ignore", invalid="ignore"):
        warnings.simplefilter("ignore", DivergenceWarning)
        model.fit(
            train.x,
            train.y,
            epochs=args.epochs,
            batch_size=args.batch_size,
            validation_split=args.validation,
            callbacks=callbacks,
            verbose=not args.quiet,
        )
        seconds = time.perf_counter() - began
        scores = model.evaluate(test.x, test.y)
    return Outcome(
        scores,
        seconds,
        model.stop_reason,
        stopping.best_epoch or None if stopping else None,  # 0: no epoch was any good
        model.history.rows,
    )


def _write(
    args: argparse.Namespace, model: Classifier, outcome: Outcome, folder: RunFolder
) -> None:
    model.save(folder.model)
    options = {name: value for name, value in vars(args).items() if name != "run"}
    record = {
        "configuration": options,
        "model": to_json(model),
        "seed": model.seed,
        **environment(model.backend),
        "data": {"name": "MNIST", "sha256": CHECKSUMS},
        "epochs": len(outcome.rows),
        "kept_epoch": outcome.kept_epoch,
        "stop_reason": outcome.stop_reason,
        "blas_threads": model.blas_threads,
        "seconds": outcome.seconds,
        **{f"test_{name}": finite(value) for name, value in outcome.test.items()},
    }
    write_json(folder.record, record)
    if installed("matplotlib"):
        title = f"MNIST, {_name(model)}: test accuracy {outcome.test['accuracy']:.2%}"
        figure = training_curves(outcome.rows, title=title, kept_epoch=outcome.kept_epoch)
        save_figure(figure, folder.curves)


def _name(model: Classifier) -> str:
    widths = [784, *getattr(model, "hidden", []), 10]
    return f"{type(model).__name__} {'-'.join(map(str, widths))}"


def _report(outcome: Outcome, folder: RunFolder | None) -> None:
    if outcome.diverged:
        complain(outcome.stop_reason or "the loss is not finite: try a smaller learning rate")
    elif outcome.stop_reason:
        print(f"stopped early: {outcome.stop_reason}")
    epochs = len(outcome.rows)
    print(f"test accuracy {outcome.test['accuracy']:.2%}, test loss {outcome.test['loss']:.4f}")
    print(f"{epochs} epoch{'s' * (epochs > 1)} in {outcome.seconds:.1f} s")
    if folder:
        print(f"in {folder.path}: {', '.join(file.name for file in folder.files)}")
