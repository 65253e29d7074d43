"""Doing runs of a study once more, and comparing them with what was kept, bit for bit."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lamella.backend import get_backend
from lamella.core.config import limit_size
from lamella.core.errors import FileFormatError, LamellaError, UsageError
from lamella.core.validation import at_least
from lamella.studies.definition.experiment import Experiment
from lamella.studies.running.data import StudyData, study_data
from lamella.studies.running.run import Run, Task, train_run
from lamella.studies.running.runner import key_of
from lamella.studies.running.storage import StudyFolder
from lamella.training.differences import of_environments, of_histories
from lamella.training.environment import environment


@dataclass(frozen=True)
class Repeated:
    """What came of doing a run once more.

    Attributes
    ----------
    task : Task
    run : Run or None
        As it was kept; None if its files are damaged.
    parts : list of str
        Where the two are not the same; empty if every bit is.
    others : list of str
        What is not as it was when the run was made: versions, processor, BLAS.
    """

    task: Task
    run: Run | None
    parts: list[str]
    others: list[str]


def repeat_runs(
    folder: Any,
    train: Any = None,
    test: Any = None,
    *,
    most: int | None = None,
    keys: Iterable[str] | None = None,
    own: Iterable[Any] = (),
) -> Iterator[Repeated]:
    """Do the runs in a study's folder again, one by one; nothing in it is written.

    Parameters
    ----------
    folder : path
    train, test : pairs (x, y), optional
        What the study was run on; MNIST by default.
    most : int, optional
        At most so many runs, evenly chosen. All by default.
    keys : iterable of str, optional
        Runs to choose from, by the names of their folders. All by default.
    own : iterable of classes and functions
        Those of the study that are not lamella's.

    Raises
    ------
    UsageError
        If the study was run on other data, no run is there, or one cannot be repeated.
    """
    there = StudyFolder(folder)
    wanted = None if keys is None else set(keys)
    tasks = [
        task
        for task in there.tasks()
        if (there.path / "runs" / task.key).exists() and (wanted is None or task.key in wanted)
    ]
    if not tasks:
        raise UsageError(f"{there.path} holds no finished run to be repeated")
    data = study_data(train, test)
    known = {part.__name__: part for part in own}
    for task in _evenly(tasks, most):
        try:
            run = there.read(task)
        except FileFormatError as error:
            yield Repeated(task, None, [f"its files are damaged: {error}"], [])
            continue
        if run is not None:
            yield _repeated(there, task, run, data, known)


def _evenly(tasks: list[Task], most: int | None) -> list[Task]:
    if most is None or at_least("most", most, 1) >= len(tasks):
        return tasks
    return [tasks[int(i)] for i in np.linspace(0, len(tasks) - 1, most).round()]


def _repeated(
    there: StudyFolder, task: Task, run: Run, data: StudyData, own: dict[str, Any]
) -> Repeated:
    if key_of(run.config) != task.key or run.seed != task.seed:
        said = "its configuration is that of another run: the name of its folder says so"
        return Repeated(task, run, [said], [])
    if run.config.get("data") != data.checksums:
        what = "MNIST" if data.bundled else "the samples given"
        raise UsageError(
            f"{there.path} holds results on other data than {what}: call "
            "lamella.studies.repeat_runs with what the study was run on"
        )
    experiment = _experiment(run, there.path, own)
    backend = get_backend(experiment.model["backend"])
    others = of_environments(
        {"versions": {"lamella": run.config.get("lamella")}, **there.log(task.key)},
        environment(backend),
    )
    table = experiment.table().get("own", {})
    for name, source in run.config["experiment"].get("own", {}).items():
        if table.get(name) != source:
            others.append(f"source of {name}")
    again, _ = train_run(
        Task(task.study, task.arm, task.seed, task.key, run.config), experiment, *data.to_send
    )
    return Repeated(task, run, differences(run, again), others)


def _experiment(run: Run, path: Path, own: dict[str, Any]) -> Experiment:
    """Return what a run trained, from its configuration alone."""
    table = run.config.get("experiment")
    if not isinstance(table, dict) or not isinstance(table.get("own", {}), dict):
        raise FileFormatError(f"{path}: the run {run.key} does not say what it trained")
    used = table.get("own", {})
    missing = [str(name) for name in used if name not in own]
    if missing:
        raise UsageError(
            f"{path} uses {', '.join(missing)}, not of lamella: call lamella.studies.repeat_runs "
            f"with own=[{', '.join(missing)}]"
        )
    try:
        limit_size(table)
        return Experiment.from_table({k: v for k, v in table.items() if k != "own"}, own)
    except (LamellaError, RecursionError) as error:
        raise FileFormatError(f"{path}: the run {run.key} cannot be repeated: {error}") from error


def differences(there: Run, here: Run) -> list[str]:
    """Say where two runs are not the same, from the first batch on; nothing if every bit is."""
    said = []
    if there.status != here.status:
        said.append(f"it is {there.status} there, {here.status} here {here.reason}".rstrip())
    said += _losses(there, here)
    said += of_histories(*[[_comparable(row) for row in run.epochs] for run in (there, here)])
    old, new = _comparable(there.scores), _comparable(here.scores)
    said += [
        f"{name}: {old.get(name)} there, {new.get(name)} here"
        for name in {**old, **new}
        if old.get(name) != new.get(name)
    ]
    for name in ("predictions", "confidence"):
        wrong = _places(getattr(there, name), getattr(here, name))
        if len(wrong):
            said.append(f"{name} of {len(wrong):,} of {len(there.predictions):,} test samples")
    return said


def _losses(there: Run, here: Run) -> list[str]:
    """Say in which batch the losses part."""
    wrong = _places(there.step_losses, here.step_losses)
    if not len(wrong):
        return []
    first, steps = int(wrong[0]), max(there.steps_per_epoch, 1)
    values = [
        str(run.step_losses[first]) if first < len(run.step_losses) else "no loss"
        for run in (there, here)
    ]
    return [
        f"they part in epoch {first // steps + 1}, batch {first % steps + 1}: loss {values[0]} "
        f"there, {values[1]} here; {len(wrong):,} of {len(there.step_losses):,} batches are not "
        "the same"
    ]


def _places(there: np.ndarray, here: np.ndarray) -> np.ndarray:
    """Return where two rows of numbers have other bits, what only one of them has among it."""
    if there.dtype != here.dtype:
        return np.arange(max(len(there), len(here)))
    bits, size = f"u{there.itemsize}", min(len(there), len(here))
    wrong = np.flatnonzero(there[:size].view(bits) != here[:size].view(bits))
    return np.concatenate([wrong, np.arange(size, max(len(there), len(here)))])


def _comparable(row: dict[str, float]) -> dict[str, float | None]:
    """Return None for what is no number, as that is not even the same as itself."""
    return {name: None if value != value else value for name, value in row.items()}
