"""A study that takes a moment: three clouds of points, and small networks."""

from pathlib import Path
from typing import Any

import numpy as np

import lamella as lm
from lamella.datasets import Samples
from lamella.studies import Study


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
    """Return a study of three arms and two seeds; what is given replaces its parts."""
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


def contents(folder: Path) -> dict[str, bytes]:
    """Return all files under a folder by their names in it."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def times(folder: Path) -> dict[str, tuple[int, int]]:
    """Return what tells whether a file was written again: its number and its time."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path): (path.stat().st_ino, path.stat().st_mtime_ns) for path in paths}
