"""A study of a second: three classes of points, and small networks."""

from pathlib import Path
from typing import Any

import numpy as np

import lamella as lm
from lamella.datasets import Samples
from lamella.studies import Run, Study
from lamella.studies.running.run import Task, train_run
from lamella.studies.running.runner import plan


def clouds(count: int, seed: int) -> Samples:
    """Points of three classes in six dimensions."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, count)
    centres = np.random.default_rng(0).normal(0, 1, (3, 6))
    x = centres[y] + rng.normal(0, 0.8, (count, 6))
    return Samples(x.astype(np.float32), y)


TRAIN, TEST = clouds(240, 1), clouds(90, 2)
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
