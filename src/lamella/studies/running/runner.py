"""Runner: train the missing runs of a study in parallel and store each when it is done."""

import importlib.util
import os
import threading
import warnings
from collections.abc import Callable, Generator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from typing import Any

from lamella.backend.threads import single_threaded
from lamella.core.disk import locked
from lamella.core.errors import DataError, LamellaError, MissingExtraError, UsageError
from lamella.core.terminal import standard_streams
from lamella.core.version import __version__
from lamella.studies.definition.definition import StudyDefinition
from lamella.studies.running.data import StudyData, study_data
from lamella.studies.running.progress import Progress
from lamella.studies.running.run import Run, Task
from lamella.studies.running.run_files import key_of
from lamella.studies.running.side_by_side import device_of, in_threads, runs_at_once
from lamella.studies.running.storage import StudyFolder
from lamella.studies.running.workers import work
from lamella.training.checkpoints.code_digest import unseen_values
from lamella.training.numerics import numerics

Job = Callable[..., tuple[Run, dict[str, Any]]]


class StudyStopped(LamellaError, RuntimeError):
    """A study stopped early; finished runs are stored, and the next call resumes it."""


def run_study(
    study: StudyDefinition,
    train: Any,
    test: Any,
    *,
    validation: Any = None,
    out: Any,
    keep: str | None = None,
    n_jobs: int | None,
    verbose: bool,
) -> list[Run]:
    """Return all runs of a study, stored in ``out`` or new; see `Study.run`."""
    if importlib.util.find_spec("joblib") is None:
        raise MissingExtraError("joblib", "studies", "running a study")
    if not study.experiments:
        raise UsageError(f"{study!r} was read from a folder of results: define it again to run it")
    data = study_data(train, test, validation)
    if validation is not None and _held_out(study):
        raise UsageError("give validation= or validation_split, not both")
    _expect_enough_samples(study, data)
    tasks = plan(study, data.checksums)
    folder = None if out is None else StudyFolder(out)
    done: dict[str, Run] = {}
    if folder is not None:
        _expect_seen(study)
        folder.claim(study, tasks, data.checksums)
        stored = (folder.find(task) for task in tasks)
        # Failed runs may have lacked memory or a GPU, so try them again; divergence is final.
        done = {run.key: run for run in stored if run is not None and _is_whole(run, keep)}
    todo = [task for task in tasks if task.key not in done]
    if not todo:
        return [done[task.key] for task in tasks]
    bar = Progress(study.name, len(tasks), len(done)) if verbose else _NoBar()
    first = {task.arm: task.key for task in reversed(todo)}.values()  # warn once of each arm

    def job(task: Task) -> Job:
        experiment, arrays = study.experiments[task.arm], data.worker_arrays
        settings: Any = {"keep": keep, "check": task.key in first, "progress": bar.folder}
        return partial(work, os.getpid(), task, experiment, *arrays, **settings)

    # Worker processes limit their own threads; for worker threads this process must do so.
    lock = nullcontext() if folder is None else locked(folder.path)
    with standard_streams(), single_threaded(), lock, bar:
        results = _results(study, data, todo, job, n_jobs, bar)
        try:
            for run, log in results:
                if folder is not None:
                    folder.write(run, log)
                    run = replace(run, models=folder.models(run.key))
                done[run.key] = run
                bar.update()
        except KeyboardInterrupt as interrupt:
            interrupt.add_note(_progress(len(done), len(tasks), out))
            raise
        except Exception as error:
            text = " ".join(str(error).split())
            reason = text if isinstance(error, LamellaError) else f"a worker process died: {text}"
            raise StudyStopped(f"{reason}. {_progress(len(done), len(tasks), out)}") from error
        finally:
            results.close()
    runs = [done[task.key] for task in tasks]
    if all(run.status == "failed" for run in runs):
        raise StudyStopped(f"every run failed, the first one with {runs[0].reason}")
    return runs


def _results(
    study: StudyDefinition,
    data: StudyData,
    todo: Sequence[Task],
    job: Callable[[Task], Job],
    n_jobs: int | None,
    bar: "Progress | _NoBar",
) -> Generator[tuple[Run, dict[str, Any]]]:
    """Yield each run with its log when it is done: first those on a GPU, then the others."""
    from joblib.parallel import get_active_backend

    distribution, configured = get_active_backend()
    is_here = type(distribution).__module__.startswith("joblib.")  # not on a cluster
    devices = {arm: device_of(each) for arm, each in study.experiments.items() if is_here}
    here = [task for task in todo if devices.get(task.arm) is not None]
    backend, at_once = devices[here[0].arm] if here else None, 1
    if backend is not None:
        arms = [study.experiments[arm] for arm in {task.arm for task in here}]
        at_once = runs_at_once(backend, arms, data, configured if n_jobs is None else n_jobs)
        at_once = min(at_once, len(here))
        bar.say(f"{at_once} of {len(here)} runs at once on the GPU")
    if backend is not None and at_once > 1:
        these = [partial(job(task), check=True, at_once=at_once) for task in here]
        stop = threading.Event()
        yield from in_threads(these, at_once, backend.side_by_side(at_once, stop), stop)
    elif here:
        yield from _in_processes([job(task) for task in here], 1)
    if others := [task for task in todo if devices.get(task.arm) is None]:
        yield from _in_processes([job(task) for task in others], n_jobs)


def _in_processes(jobs: Sequence[Job], n_jobs: int | None) -> Generator[tuple[Run, dict[str, Any]]]:
    import joblib

    workers = joblib.Parallel(n_jobs=n_jobs, return_as="generator_unordered", batch_size=1)
    results = workers(joblib.delayed(job)() for job in jobs)
    try:
        yield from results
    finally:
        with warnings.catch_warnings():  # joblib warns of tasks cancelled on purpose
            warnings.simplefilter("ignore", UserWarning)
            results.close()


def plan(study: StudyDefinition, checksums: dict[str, Any]) -> list[Task]:
    """Return all tasks, seed by seed, so that early results compare all arms."""
    tasks = []
    tables = {arm: experiment.table() for arm, experiment in study.experiments.items()}
    for seed in study.seeds:
        for arm, table in tables.items():
            config = {
                "lamella": __version__,
                "numerics": numerics(),
                "experiment": table,
                "seed": seed,
                "data": checksums,
            }
            tasks.append(Task(study.name, arm, seed, key_of(config), config))
    return tasks


def _held_out(study: StudyDefinition) -> bool:
    """Whether the study itself says that part of the training set is held out."""
    return any(table.get("validation_split") for table in (study.base, *study.arms.values()))


def _is_whole(run: Run, keep: str | None) -> bool:
    """Whether a stored run did not fail, and has the models that are to be kept."""
    prefix = "epoch-" if keep == "epochs" else keep or ""
    has_models = keep is None or any(name.startswith(prefix) for name in run.models)
    return run.status != "failed" and has_models


def _expect_enough_samples(study: StudyDefinition, data: StudyData) -> None:
    for arm, experiment in study.experiments.items():
        if experiment.samples is not None and experiment.samples > len(data.train.y):
            raise DataError(
                f"arm {arm!r} wants {experiment.samples:,} training samples, but there are "
                f"{len(data.train.y):,}"
            )


def _expect_seen(study: StudyDefinition) -> None:
    """Raise a UsageError if changes of the user's code could not be seen in a folder."""
    for arm, experiment in study.experiments.items():
        for name, part in experiment.custom.items():
            if unseen := unseen_values(part):
                raise UsageError(
                    f"arm {arm!r}: {name} reads {', '.join(unseen)}: changes of it cannot be seen, "
                    "so old results in a folder could be taken for new ones. Use numbers, text, "
                    "arrays or hyper-parameters instead, or run the study without out="
                )


class _NoBar(nullcontext[None]):
    """Progress bar that shows nothing.

    A disabled tqdm bar would still start a thread and take a lock that forked processes share: a
    process killed with the lock would block all others.
    """

    folder = None

    def update(self) -> None:
        pass

    def say(self, text: str) -> None:
        pass


def _progress(done: int, total: int, out: Any) -> str:
    if out is None:
        return f"{done} of {total} runs were done but not stored: pass a folder as out="
    return f"{done} of {total} runs are done and stored in {out}: repeat the call to resume"
