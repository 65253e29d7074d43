"""Running a study: what is not there yet, many at a time, each kept as soon as it is done."""

import hashlib
import json
import sys
from collections.abc import Iterator
from typing import Any

import lamella
from lamella.errors import DataError, LamellaError, MissingExtraError, UsageError
from lamella.studies.data import StudyData, study_data
from lamella.studies.run import Run, Task, train_run
from lamella.studies.storage import StudyFolder
from lamella.studies.study import Study


def run_study(
    study: Study, train: Any, test: Any, *, out: Any, n_jobs: int | None, verbose: bool
) -> list[Run]:
    """Return all runs of a study, see `Study.run`: those kept in ``out``, and new ones."""
    try:
        import joblib
    except ImportError:
        raise MissingExtraError("joblib", "studies", "running a study") from None
    data = study_data(train, test)
    _expect_enough(study, data)
    tasks = plan(study, data.checksums)
    folder = None if out is None else StudyFolder(out)
    done: dict[Task, Run] = {}
    ...


def plan(study: Study, checksums: dict[str, str]) -> list[Task]:
    """Return all tasks: seed by seed, so that what is done early can be compared."""
    tasks = []
    for seed in study.seeds:
        for arm, experiment in study.experiments.items():
            config = {
                "lamella": lamella.__version__,
                "experiment": experiment.table(),
                "seed": seed,
                "data": checksums,
            }
            tasks.append(Task(study.name, arm, seed, _key(config), config))
    return tasks


def _key(config: dict[str, Any]) -> str:
    text = json.dumps(config, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
