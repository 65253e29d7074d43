"""Repetition of stored runs, to compare them bit for bit."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from lamella.backend import get_backend
from lamella.core.config import limit_size
from lamella.core.errors import FileFormatError, LamellaError, UsageError
from lamella.core.validation import at_least
from lamella.studies.definition.experiment import Experiment
from lamella.studies.running.archived_run import LEFT_OUT, ArchivedRun, archived
from lamella.studies.running.data import StudyData, study_data
from lamella.studies.running.run import Run, Task, train_run
from lamella.studies.running.run_files import key_of
from lamella.studies.running.stored import Stored, stored_studies
from lamella.training.checkpoints.code_digest import changed_code
from lamella.training.differences import environment_differences, history_differences
from lamella.training.environment import environment
from lamella.training.numerics import changed_numerics

T = TypeVar("T")


@dataclass(frozen=True)
class Repeated:
    """Outcome of repeating a stored run.

    Attributes
    ----------
    task : Task
    run : Run or None
        The stored run; None if its files are damaged.
    parts : list of str
        Differences between the two runs; empty if they are equal bit for bit.
    others : list of str
        Differences between the environments: versions, processor, BLAS.
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
    validation: Any = None,
    most: int | None = None,
    keys: Iterable[str] | None = None,
    custom: Iterable[Any] = (),
) -> Iterator[Repeated]:
    """Repeat the runs of studies and their trials, one by one, without writing to their folder.

    Parameters
    ----------
    folder : path
        Folder of a study, or one that holds several; or an archive. A run that several studies
        share is repeated once.
    train, test, validation : pairs (x, y), optional
        The data of the study; MNIST by default.
    most : int, optional
        Repeat at most this many runs, evenly spaced. All by default.
    keys : iterable of str, optional
        Runs to choose from, by the names of their folders. All by default.
    custom : iterable of classes and functions
        The user's classes and functions that the study uses.

    Raises
    ------
    UsageError
        If the study was run on other data, has no finished run, or needs parts not in ``custom``.
    """
    wanted = None if keys is None else set(keys)
    places: dict[str, tuple[Task, Stored]] = {}
    found = stored_studies(folder)
    for stored in [part for each in found for part in (each, *each.parts().values())]:
        for task in stored.tasks():
            if stored.has(task.key) and (wanted is None or task.key in wanted):
                places.setdefault(task.key, (task, stored))
    if not places:
        raise UsageError(f"{folder} holds no finished run to repeat")
    data = study_data(train, test, validation)
    known = {part.__name__: part for part in custom}
    for task, stored in _evenly_spaced(list(places.values()), most):
        try:
            run = stored.read(task)
        except FileFormatError as error:
            yield Repeated(task, None, [f"its files are damaged: {error}"], [])
            continue
        if run is not None:
            yield _repeat(stored, task, run, data, known)


def _evenly_spaced(tasks: list[T], most: int | None) -> list[T]:
    if most is None or at_least("most", most, 1) >= len(tasks):
        return tasks
    return [tasks[int(i)] for i in np.linspace(0, len(tasks) - 1, most).round()]


def _repeat(
    stored: Stored, task: Task, run: Run, data: StudyData, custom: dict[str, Any]
) -> Repeated:
    if key_of(run.config) != task.key or run.seed != task.seed:
        problem = "its configuration belongs to another run: it does not match the folder's name"
        return Repeated(task, run, [problem], [])
    if run.config.get("data") != data.checksums:
        given = "MNIST" if data.bundled else "the samples given"
        raise UsageError(
            f"{stored.path} holds results on other data than {given}: call "
            "lamella.studies.repeat_runs with the data of the study"
        )
    experiment = _experiment(run, stored.path, custom)
    backend = get_backend(experiment.model["backend"])
    changed = changed_numerics(run.config.get("numerics"))
    others = [f"lamella, whose code of {', '.join(changed)} has changed"] if changed else []
    others += environment_differences(
        {"versions": {"lamella": run.config.get("lamella")}, **stored.log(task.key)},
        environment(backend),
    )
    own, here = run.config["experiment"].get("own", {}), experiment.table().get("own", {})
    others += [f"code of {name}" for name in changed_code(own, here)]
    again, _ = train_run(
        Task(task.study, task.arm, task.seed, task.key, run.config), experiment, *data.worker_arrays
    )
    return Repeated(task, run, differences(run, again), others)


def _experiment(run: Run, path: Path, custom: dict[str, Any]) -> Experiment:
    """Return the experiment of a run from its stored configuration."""
    table = run.config.get("experiment")
    if not isinstance(table, dict) or not isinstance(table.get("own", {}), dict):
        raise FileFormatError(f"{path}: the run {run.key} has no valid experiment")
    missing = [str(name) for name in table.get("own", {}) if name not in custom]
    if missing:
        raise UsageError(
            f"{path} uses {', '.join(missing)}, not part of lamella: call "
            f"lamella.studies.repeat_runs with custom=[{', '.join(missing)}]"
        )
    try:
        limit_size(table)
        return Experiment.from_table({k: v for k, v in table.items() if k != "own"}, custom)
    except (LamellaError, RecursionError) as error:
        raise FileFormatError(f"{path}: the run {run.key} cannot be repeated: {error}") from error


def differences(there: Run, here: Run) -> list[str]:
    """Describe the differences between two runs; empty if they are equal bit for bit.

    Of an archived run, the arrays that it lacks are compared by their digests.
    """
    found = []
    if isinstance(there, ArchivedRun):
        here = archived(here)
        changed = [name for name in LEFT_OUT if there.digests[name] != here.digests[name]]
        found += [f"{name}: not the same by its digest" for name in changed]
    if there.status != here.status:
        found.append(f"it is {there.status} there, {here.status} here {here.reason}".rstrip())
    found += _loss_differences(there, here)
    found += history_differences(
        *[[_comparable(row) for row in run.epochs] for run in (there, here)]
    )
    old, new = _comparable(there.scores), _comparable(here.scores)
    found += [
        f"{name}: {old.get(name)} there, {new.get(name)} here"
        for name in {**old, **new}
        if old.get(name) != new.get(name)
    ]
    for name in ("predictions", "confidence", "correct"):
        wrong = _unequal(getattr(there, name), getattr(here, name))
        if len(wrong):
            found.append(f"{name} of {len(wrong):,} of {len(there.predictions):,} test samples")
    return found


def _loss_differences(there: Run, here: Run) -> list[str]:
    """Describe the first batch in which the losses differ; empty if there is none."""
    wrong = _unequal(there.step_losses, here.step_losses)
    if not len(wrong):
        return []
    first, steps = int(wrong[0]), max(there.steps_per_epoch, 1)
    values = [
        str(run.step_losses[first]) if first < len(run.step_losses) else "no loss"
        for run in (there, here)
    ]
    return [
        f"they differ from epoch {first // steps + 1}, batch {first % steps + 1} on: loss "
        f"{values[0]} there, {values[1]} here; {len(wrong):,} of {len(there.step_losses):,} "
        "batches differ"
    ]


def _unequal(there: np.ndarray, here: np.ndarray) -> np.ndarray:
    """Return the indices at which two vectors differ in any bit or only one has an entry."""
    if there.dtype != here.dtype:
        return np.arange(max(len(there), len(here)))
    bits, size = f"u{there.itemsize}", min(len(there), len(here))
    wrong = np.flatnonzero(there[:size].view(bits) != here[:size].view(bits))
    return np.concatenate([wrong, np.arange(size, max(len(there), len(here)))])


def _comparable(row: dict[str, float]) -> dict[str, float | None]:
    """Replace NaN by None, so that equal rows compare equal."""
    return {name: None if value != value else value for name, value in row.items()}
