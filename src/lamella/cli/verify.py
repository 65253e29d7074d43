"""Repeat a run, or the runs of a study, from the record, and compare the results bit by bit."""

import argparse
import os
from collections.abc import Collection
from pathlib import Path

import numpy as np

from lamella.backend.threads import cap_blas_threads
from lamella.cli import train
from lamella.cli.data import data_record, train_and_test
from lamella.cli.messages import print_error
from lamella.cli.options import classifier
from lamella.cli.run_folder import RunFolder
from lamella.cli.run_record import options_of, read_history, read_record
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
    found = _study_of(Path(args.folder))
    if found is not None:
        return _verify_study(*found, most=args.runs, quiet=args.quiet)
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
    return _conclude(compared, "the runs are not bit-identical" if parts else "", "run", others)


def _study_of(folder: Path) -> tuple[Path, str | None] | None:
    """Return the folder of studies, or an archive; and the key, if ``folder`` is that of a run."""
    if folder.is_file() or (folder / "study.json").exists() or any(folder.glob("*/study.json")):
        return folder, None
    folder = Path(os.path.realpath(folder))  # which takes a loop of links as it is
    if folder.parent.name == "runs" and (folder.parent.parent / "study.json").exists():
        return folder.parent.parent, folder.name
    return None


def _verify_study(folder: Path, key: str | None, *, most: int | None, quiet: bool) -> int:
    """Repeat runs; the status is 1 if any differs."""
    from lamella.studies.running.repeat import repeat_runs

    wrong = runs = epochs = 0
    others: dict[str, None] = {}
    for found in repeat_runs(folder, most=most, keys=None if key is None else [key]):
        name = f"arm {found.task.arm!r}, seed {found.task.seed}"
        several = not (folder / "study.json").exists()
        name = f"{found.task.study}, {name}" if several else name
        runs, wrong = runs + 1, wrong + bool(found.parts)
        epochs += len(found.run.epochs) if found.run else 0
        others.update(dict.fromkeys(found.others))
        for part in found.parts:
            print_error(f"{name}: {part}")
        if not (found.parts or quiet):
            print(f"{name}: bit-identical", flush=True)
    size = f"{counted(runs, 'run')} of {counted(epochs, 'epoch')}"
    return _conclude(
        f"{size}, {'its' if runs == 1 else 'their'} scores and predictions",
        f"{wrong} of {runs} runs are not bit-identical" if wrong else "",
        "study",
        others,
    )


def _conclude(compared: str, wrong: str, subject: str, others: Collection[str]) -> int:
    """Print the result of a verification and return the exit status.

    ``wrong`` names the failure and is empty without one; ``others`` are differences of the
    environment.
    """
    if others:
        print_error(f"the {subject} used a different {'; '.join(others)}")
    if not wrong:
        print(f"bit-identical: {compared}")
        return 0
    why = "this may be the reason" if others else "the record shows no other difference"
    print_error(f"{wrong}; {why}")
    return 1


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
