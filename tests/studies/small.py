"""A study of a second: three classes of points, and small networks."""

from pathlib import Path
from typing import Any

import lamella as lm
from lamella.datasets import Samples
from lamella.studies import Run, Study, StudyFolder
from lamella.studies.running.run import Task, train_run
from lamella.studies.running.runner import plan
from tests.data import clouds

TRAIN, TEST = (Samples(*clouds(count, seed=seed)) for count, seed in ((240, 1), (90, 2)))
RUN: dict[str, Any] = {"train": TRAIN, "test": TEST, "verbose": False}


def small_study(**changes: Any) -> Study:
    """Return a study of three arms and two seeds; ``changes`` replace its parts."""
    parts: dict[str, Any] = {
        "base": {"model": lm.MLP([5], classes=3), "batch_size": 20, "epochs": 3},
        "arms": {
            "slow": {"optimizer.lr": 1e-3},
            "fast": {"optimizer.lr": 3e-2},
            "dropped": {"optimizer.lr": 3e-2, "model.dropout": 0.2},
        },
        "seeds": 2,
    }
    return Study("small", **{**parts, **changes})


def times(folder: Path) -> dict[str, tuple[int, int]]:
    """Return inode and time of each file, which change if it is written again."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path): (path.stat().st_ino, path.stat().st_mtime_ns) for path in paths}


CHECKSUMS = {"train": "a", "test": "b"}


def task_and_run(study: Study, place: int = 0) -> tuple[Task, Run, dict[str, Any]]:
    task = plan(study, CHECKSUMS)[place]
    return task, *train_run(task, study.experiments[task.arm], *TRAIN, *TEST)


def filled(path: Path, study: Study) -> StudyFolder:
    """Return a folder with the first run of a study."""
    folder = StudyFolder(path)
    folder.claim(study, plan(study, CHECKSUMS), CHECKSUMS)
    folder.write(*task_and_run(study)[1:])
    return folder
