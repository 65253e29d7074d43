"""Train on MNIST or other images, and evaluate once on their test set."""

import argparse
import math
import shlex
import time
import warnings
from dataclasses import dataclass
from typing import Any

from lamella.cli.data import data_record, train_and_test
from lamella.cli.messages import one_line_warnings, print_error
from lamella.cli.options import add_options, classifier, refuse_contradictions
from lamella.cli.run_folder import RunFolder
from lamella.cli.run_record import options_of, read_record, refuse_other_options
from lamella.core.config import to_json
from lamella.core.disk import finite_or_none, write_atomically, write_json
from lamella.core.errors import DivergenceWarning, UsageError
from lamella.datasets.samples import Collection
from lamella.models.classifiers import ReadyModel
from lamella.training.callbacks import (
    Callback,
    EarlyStopping,
    JSONLines,
    ModelCheckpoint,
    TerminateOnNaN,
)
from lamella.training.checkpoints import CheckpointWarning, ResumeFolder
from lamella.training.diagnostics.curves import save_figure, training_curves
from lamella.training.environment import environment, installed

__all__ = ["add_options", "repeat", "run"]

Data = tuple[Collection, Collection]


@dataclass(frozen=True)
class Outcome:
    """Result of a run: scores on the test images and the history of training."""

    test: dict[str, float]
    seconds: float
    stop_reason: str
    kept_epoch: int | None
    rows: list[dict[str, Any]]

    @property
    def diverged(self) -> bool:
        """Whether the final training loss is NaN or infinite."""
        return not math.isfinite(self.rows[-1]["loss"])


def run(args: argparse.Namespace) -> int:
    """Check the options, train, evaluate, write the files and print the result."""
    folder = RunFolder(args.out, overwrite=args.overwrite) if args.out is not None else None
    if args.resume is not None:
        refuse_other_options(args)
        folder = RunFolder(args.resume, resume=True)
        if folder.record.exists():
            folder.finish()
            print(f"the run in {folder.path} is finished: there is nothing to resume")
            return 0
        args = _begun(folder, quiet=args.quiet)
    refuse_contradictions(args)
    data = train_and_test(args)
    model = classifier(args, len(data[0].classes))
    stopping = _early_stopping(args)
    if folder:
        folder.claim()
        folder.start = _record(args, model, data)
        if not installed("matplotlib"):
            print_error("there will be no curves.png: pip install 'lamella[plot]'")
    if not args.quiet:
        print(model.build(data[0].x.shape[1:]).summary(), flush=True)
    try:
        outcome = _train(args, model, data, stopping, folder)
    except KeyboardInterrupt as interrupt:
        remedy = "nothing is kept without --out DIR"
        if folder:
            remedy = f"go on with lamella train --resume {shlex.quote(str(folder.path))}"
        if not folder or folder.begun.exists():
            interrupt.add_note(remedy)
        raise
    if folder:
        _write(args, model, data, outcome, folder)
        folder.finish()
    _report(outcome, folder)
    return 1 if outcome.diverged else 0


def repeat(args: argparse.Namespace, model: ReadyModel, data: Data) -> Outcome:
    """Train with the options ``args`` and evaluate, without writing files."""
    return _train(args, model, data, _early_stopping(args), None)


def _early_stopping(args: argparse.Namespace) -> EarlyStopping | None:
    patience = args.early_stopping
    return None if patience is None else EarlyStopping(patience=patience)


def _begun(folder: RunFolder, *, quiet: bool) -> argparse.Namespace:
    """Return the options of an interrupted run."""
    if not folder.begun.exists():
        raise UsageError(f"{folder.path} holds no run to resume: start one with --out")
    args = options_of(read_record(folder.begun), folder.begun)
    args.out, args.quiet = str(folder.path), quiet
    return args


def _train(
    args: argparse.Namespace,
    model: ReadyModel,
    data: Data,
    stopping: EarlyStopping | None,
    folder: RunFolder | None,
) -> Outcome:
    callbacks: list[Callback] = [stopping] if stopping else []
    if folder:
        callbacks += [folder, JSONLines(folder.history)]
        if args.every_epoch:
            monitor = "val_loss" if args.validation else "loss"
            callbacks.append(ModelCheckpoint(folder.epochs, monitor=monitor, every_epoch=True))
    if model.backend.on_host:  # on a GPU it would synchronize after every batch
        callbacks.append(TerminateOnNaN())
    train, test = data
    began = time.perf_counter()
    # `_report` prints divergence once, as the reason for stopping.
    with one_line_warnings(CheckpointWarning):
        warnings.simplefilter("ignore", DivergenceWarning)
        model.fit(
            train.x,
            train.y,
            epochs=args.epochs,
            batch_size=args.batch_size,
            validation_split=args.validation,
            callbacks=callbacks,
            checkpoint=ResumeFolder(folder.checkpoints, fresh=not folder.resume)
            if folder
            else None,
            verbose=not args.quiet,
        )
        recorded = sum(row["seconds"] for row in model.history.rows)  # includes resumed epochs
        seconds = max(time.perf_counter() - began, recorded)
        scores = model.evaluate(test.x, test.y)
    return Outcome(
        scores,
        seconds,
        model.stop_reason,
        stopping.best_epoch or None if stopping else None,  # 0: no epoch had a finite loss
        model.history.rows,
    )


def _write(
    args: argparse.Namespace, model: ReadyModel, data: Data, outcome: Outcome, folder: RunFolder
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DivergenceWarning)
        model.save(folder.model)
    lines = [f"{step},{loss!r}" for step, loss in enumerate(model.history.steps, 1)]
    write_atomically(folder.steps, "\n".join(["step,loss", *lines, ""]).encode())
    if installed("matplotlib"):
        title = f"{data[1].name}, {_name(model)}: test accuracy {outcome.test['accuracy']:.2%}"
        figure = training_curves(outcome.rows, title=title, kept_epoch=outcome.kept_epoch)
        save_figure(figure, folder.curves)
    record = {
        **_record(args, model, data),
        "epochs": len(outcome.rows),
        "kept_epoch": outcome.kept_epoch,
        "stop_reason": outcome.stop_reason,
        "blas_threads": model.blas_threads,
        "seconds": outcome.seconds,
        **{f"test_{name}": finite_or_none(value) for name, value in outcome.test.items()},
    }
    write_json(folder.record, record)  # last: it marks the run as finished


def _record(args: argparse.Namespace, model: ReadyModel, data: Data) -> dict[str, Any]:
    """Return the facts that determine the result, known before training."""
    return {
        "configuration": {k: v for k, v in vars(args).items() if k not in ("run", "resume")},
        "model": to_json(model),
        "seed": model.seed,
        **environment(model.backend),
        "data": data_record(args, *data),
    }


def _name(model: ReadyModel) -> str:
    widths = [math.prod(model.in_shape), *getattr(model, "hidden", []), model.shapes[-1][0]]
    return f"{type(model).__name__} {'-'.join(map(str, widths))}"


def _report(outcome: Outcome, folder: RunFolder | None) -> None:
    if outcome.diverged:
        print_error(outcome.stop_reason or "the loss is not finite: try a smaller learning rate")
    elif outcome.stop_reason:
        print(f"stopped early: {outcome.stop_reason}")
    epochs = len(outcome.rows)
    print(f"test accuracy {outcome.test['accuracy']:.2%}, test loss {outcome.test['loss']:.4f}")
    print(f"{epochs} epoch{'s' * (epochs > 1)} in {outcome.seconds:.1f} s")
    if folder:
        names = [file.name for file in (*folder.files, folder.epochs) if file.exists()]
        print(f"in {folder.path}: {', '.join(names)}")
