"""Running a study: what is not there yet, many at a time, each kept as soon as it is done."""

import hashlib
import json
import os
import sys
import warnings
from contextlib import nullcontext
from typing import Any

from lamella.backend.threads import single_threaded
from lamella.core.errors import DataError, LamellaError, MissingExtraError, UsageError
from lamella.core.version import __version__
from lamella.studies.definition.definition import StudyDefinition
from lamella.studies.running.data import StudyData, study_data
from lamella.studies.running.run import Run, Task
from lamella.studies.running.storage import StudyFolder
from lamella.studies.running.workers import work


class StudyStopped(LamellaError, RuntimeError):
    """A study could not be run to its end; what was finished is kept, and the next call goes on."""


def run_study(
    study: StudyDefinition, train: Any, test: Any, *, out: Any, n_jobs: int | None, verbose: bool
) -> list[Run]:
    """Return all runs of a study, see `Study.run`: those kept in ``out``, and new ones."""
    try:
        import joblib
    except ImportError:
        raise MissingExtraError("joblib", "studies", "running a study") from None
    if not study.experiments:
        raise UsageError(f"{study!r} was read from a folder of results: to run it, define it again")
    data = study_data(train, test)
    _expect_enough(study, data)
    tasks = plan(study, data.checksums)
    folder = None if out is None else StudyFolder(out)
    done: dict[str, Run] = {}
    if folder is not None:
        folder.claim(study, tasks, data.checksums)
        there = (folder.find(task) for task in tasks)
        # What failed may have lacked memory, or a GPU: it is tried again. What diverged is known.
        done = {run.key: run for run in there if run is not None and run.status != "failed"}
    todo = [task for task in tasks if task.key not in done]
    if not todo:
        return [done[task.key] for task in tasks]
    workers = joblib.Parallel(n_jobs=n_jobs, return_as="generator_unordered", batch_size=1)
    bar = _bar(study, len(tasks), len(done)) if verbose else _NoBar()
    # The limit is each worker's business, but where the workers are threads it is ours.
    with single_threaded(), bar:
        results = workers(
            joblib.delayed(work)(os.getpid(), task, study.experiments[task.arm], *data.to_send)
            for task in todo
        )
        try:
            for run, log in results:
                if folder is not None:
                    folder.write(run, log)
                done[run.key] = run
                bar.update()
        except KeyboardInterrupt as interrupt:
            interrupt.add_note(_kept(len(done), len(tasks), out))
            raise
        except Exception as error:
            said = " ".join(str(error).split())
            reason = said if isinstance(error, LamellaError) else f"a worker is lost: {said}"
            raise StudyStopped(f"{reason}. {_kept(len(done), len(tasks), out)}") from error
        finally:
            with warnings.catch_warnings():  # joblib warns of cancelled tasks: that is the wish
                warnings.simplefilter("ignore", UserWarning)
                results.close()
    return [done[task.key] for task in tasks]


def plan(study: StudyDefinition, checksums: dict[str, str]) -> list[Task]:
    """Return all tasks: seed by seed, so that what is done early can be compared."""
    tasks = []
    for seed in study.seeds:
        for arm, experiment in study.experiments.items():
            config = {
                "lamella": __version__,
                "experiment": experiment.table(),
                "seed": seed,
                "data": checksums,
            }
            tasks.append(Task(study.name, arm, seed, key_of(config), config))
    return tasks


def key_of(config: dict[str, Any]) -> str:
    """Return the key of a run, by which all that decides its numbers is known."""
    text = json.dumps(config, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _expect_enough(study: StudyDefinition, data: StudyData) -> None:
    for arm, experiment in study.experiments.items():
        if experiment.samples is not None and experiment.samples > len(data.train.y):
            raise DataError(
                f"arm {arm!r} wants {experiment.samples:,} training samples, but there are "
                f"{len(data.train.y):,}"
            )


class _NoBar(nullcontext[None]):
    """Shows nothing. A bar of tqdm's that is disabled still starts a thread, and takes a lock that
    all forks of a process share: one that is killed while it holds it stops all others.
    """

    def update(self) -> None:
        pass


def _bar(study: StudyDefinition, total: int, done: int) -> Any:
    from tqdm import tqdm  # takes longer to import than all of lamella

    # No smoothing: arms take different times, and only the mean over all says when it will end.
    return tqdm(
        desc=study.name, total=total, initial=done, unit="run", smoothing=0, file=sys.stderr
    )


def _kept(done: int, total: int, out: Any) -> str:
    if out is None:
        return f"{done} of {total} runs were done, and not kept: give out=, a folder"
    return f"{done} of {total} runs are done and kept in {out}: the same call goes on from there"
