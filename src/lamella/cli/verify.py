"""Repeat a run, or those of a study, from the record, and compare all there is bit for bit."""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from lamella.backend.threads import cap_blas_threads
from lamella.cli import train
from lamella.cli.messages import print_error
from lamella.cli.options import classifier
from lamella.cli.recorded import options_of, read_record
from lamella.cli.run_folder import RunFolder
from lamella.cli.verify_study import study_of
from lamella.cli.verify_study import verify as verify_runs
from lamella.core.disk import finite_or_none
from lamella.core.errors import ArgumentError, FileFormatError, LamellaError, UsageError
from lamella.datasets.mnist import CHECKSUMS
from lamella.models.loading import load
from lamella.models.sequential import Sequential
from lamella.training.differences import environment_differences, history_differences
from lamella.training.environment import environment


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``lamella verify``."""
    parser.add_argument(
        "folder", metavar="RUN_DIR", help="what lamella train --out, or a study, wrote"
    )
    parser.add_argument(
        "--runs", type=int, metavar="N", help="at most so many runs of a study, evenly chosen"
    )
    parser.add_argument("--quiet", action="store_true", help="print only the result")


def run(args: argparse.Namespace) -> int:
    """Train once more as the record says; the status is 1 if anything is another."""
    found = study_of(Path(args.folder))
    if found is not None:
        return verify_runs(*found, most=args.runs, quiet=args.quiet)
    if args.runs is not None:
        raise ArgumentError(f"--runs is for studies, and {args.folder} holds none")
    folder = RunFolder(args.folder)
    if not folder.record.exists():
        what = f"finish it with --resume {args.folder}" if folder.begun.exists() else "make one"
        raise UsageError(f"{args.folder} holds no finished run: {what}")
    record = read_record(folder.record)
    rows, arrays = _history(folder.history), load(folder.model, backend="numpy").state_dict()
    options = options_of(record, folder.record)
    options.backend = record.get("backend", {}).get("name", options.backend)
    options.quiet = args.quiet
    try:
        model, threads = classifier(options), int(record["blas_threads"])
        most = max((int(library["threads"]) for library in record["blas"]), default=threads)
    except (LamellaError, KeyError, TypeError, ValueError) as error:
        raise FileFormatError(f"{folder.record} does not say how to repeat it: {error}") from error
    here = environment(model.backend)
    others = environment_differences(record, here)
    if record.get("data", {}).get("sha256") != CHECKSUMS:
        others.append("MNIST (its checksums are others)")
    # Scores of the test images take all threads there are, unlike training.
    least = max((library["threads"] for library in here["blas"]), default=most)
    own = record.get("products") == "compiled"  # whose bits do not depend on threads
    if least < most and not own:
        others.append(f"number of threads at hand ({most} there, {least} here)")
    with cap_blas_threads(max(most, 1)):
        outcome = train.repeat(options, model)
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
    return _report(parts, others, f"{len(rows)} epochs, {len(arrays)} arrays of weights")


def _report(parts: list[str], others: list[str], compared: str) -> int:
    for part in parts:
        print_error(part)
    if others:
        print_error(f"the run was made with another {'; '.join(others)}")
    if not parts:
        print(f"the same bits: {compared} and the test scores")
        return 0
    why = "that may be the reason" if others else "nothing else in the record is another"
    print_error(f"the bits are not the same; {why}")
    return 1


def _history(path: Path) -> list[dict[str, Any]]:
    try:
        rows = [json.loads(line) for line in path.read_bytes().splitlines()]
    except (OSError, ValueError, RecursionError) as error:
        raise FileFormatError(f"cannot read the history {path}: {error}") from error
    if not all(isinstance(row, dict) for row in rows):
        raise FileFormatError(f"{path} is no history: each line must be an object")
    return rows


def _weights(there: dict[str, np.ndarray], model: Sequential) -> list[str]:
    """Say which arrays are not the same bit for bit, and by how much."""
    here = model.state_dict()
    if there.keys() != here.keys():
        return [f"other arrays: {', '.join(there)} there, {', '.join(here)} here"]
    said = []
    for name, old in there.items():
        new = here[name]
        if (old.shape, old.dtype) != (new.shape, new.dtype):
            said.append(f"{name}: {old.dtype} {old.shape} there, {new.dtype} {new.shape} here")
        elif old.tobytes() != new.tobytes():
            bits = f"u{old.itemsize}"
            count = int((old.view(bits) != new.view(bits)).sum())
            apart = float(np.abs(old - new).max())
            said.append(f"{name}: {count} of {old.size} numbers differ, by {apart:.3g} at most")
    return said
