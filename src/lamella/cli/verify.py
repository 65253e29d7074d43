"""Repeat a run, or the runs of a study, from the record, and compare the results bit by bit."""

import argparse
from pathlib import Path

import numpy as np

from lamella.backend.threads import cap_blas_threads
from lamella.cli import train
from lamella.cli.data import data_record, train_and_test
from lamella.cli.messages import print_error
from lamella.cli.options import classifier
from lamella.cli.run_folder import RunFolder
from lamella.cli.run_record import options_of, read_history, read_record
from lamella.cli.verify_study import conclude, study_of
from lamella.cli.verify_study import verify as verify_runs
from lamella.core.disk import finite_or_none
from lamella.core.errors import ArgumentError, FileFormatError, LamellaError, UsageError
from lamella.core.wording import counted
from lamella.models.loading import load
from lamella.models.sequential import Sequential
from lamella.training.differences import environment_differences, history_differences
from lamella.training.environment import environment


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``lamella verify``."""
    parser.add_argument(
        "folder",
        metavar="RUN_DIR",
        help="folder of lamella train --out, folder of studies, or archive of studies",
    )
    parser.add_argument(
        "--runs",
        type=int,
        metavar="N",
        help="maximum number of runs of a study, evenly spaced (default: all)",
    )
    parser.add_argument("--quiet", action="store_true", help="print only the result")


def run(args: argparse.Namespace) -> int:
    """Repeat the training in the record; the status is 1 if the results differ."""
    found = study_of(Path(args.folder))
    if found is not None:
        return verify_runs(*found, most=args.runs, quiet=args.quiet)
    if args.runs is not None:
        raise ArgumentError(f"--runs is for studies, and {args.folder} holds none")
    folder = RunFolder(args.folder)
    if not folder.record.exists():
        remedy = f"--resume {args.folder}" if folder.begun.exists() else f"--out {args.folder}"
        raise UsageError(f"{args.folder} holds no finished run: use lamella train {remedy}")
    record = read_record(folder.record)
    rows, arrays = read_history(folder.history), load(folder.model, backend="numpy").state_dict()
    options = options_of(record, folder.record)
    options.backend = record.get("backend", {}).get("name", options.backend)
    options.quiet = args.quiet
    try:
        data = train_and_test(options)
        model, threads = classifier(options, len(data[0].classes)), int(record["blas_threads"])
        most = max((int(library["threads"]) for library in record["blas"]), default=threads)
    except (LamellaError, KeyError, TypeError, ValueError) as error:
        raise FileFormatError(f"{folder.record} does not say how to repeat it: {error}") from error
    here = environment(model.backend)
    others = environment_differences(record, here)
    if record.get("data", {}).get("sha256") != data_record(options, *data)["sha256"]:
        others.append(f"{data[0].name} (its checksums differ)")
    # Unlike training, evaluation on the test images uses all available threads.
    least = max((library["threads"] for library in here["blas"]), default=most)
    compiled = record.get("products") == "compiled"  # its bits do not depend on threads
    if least < most and not compiled:
        others.append(f"number of available threads ({most} there, {least} here)")
    with cap_blas_threads(max(most, 1)):
        outcome = train.repeat(options, model, data)
    if model.blas_threads != threads:
        others.append(f"number of BLAS threads ({threads} there, {model.blas_threads} here)")
    scores = {name: finite_or_none(value) for name, value in outcome.test.items()}
    parts = [
        *history_differences(
            rows, [{k: finite_or_none(v) for k, v in row.items()} for row in outcome.rows]
        ),
        *_weights(arrays, model),
        *(
            f"test {name}: {record.get(f'test_{name}')} there, {value} here"
            for name, value in scores.items()
            if record.get(f"test_{name}") != value
        ),
    ]
    for part in parts:
        print_error(part)
    compared = f"{counted(len(rows), 'epoch')}, {len(arrays)} arrays of weights and the test scores"
    return conclude(compared, "the runs are not bit-identical" if parts else "", "run", others)


def _weights(there: dict[str, np.ndarray], model: Sequential) -> list[str]:
    """Return a line for each array that is not bit-identical, with the largest difference."""
    here = model.state_dict()
    if there.keys() != here.keys():
        return [f"different arrays: {', '.join(there)} there, {', '.join(here)} here"]
    lines = []
    for name, old in there.items():
        new = here[name]
        if (old.shape, old.dtype) != (new.shape, new.dtype):
            lines.append(f"{name}: {old.dtype} {old.shape} there, {new.dtype} {new.shape} here")
        elif old.tobytes() != new.tobytes():
            bits = f"u{old.itemsize}"
            count = int((old.view(bits) != new.view(bits)).sum())
            error = float(np.abs(old - new).max())
            lines.append(f"{name}: {count} of {old.size} numbers differ, by {error:.3g} at most")
    return lines
