"""Small data sets, and comparisons of files."""

from pathlib import Path

import numpy as np


def clouds(count: int = 40, classes: int = 3, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Return points around one centre for each class, and the class of each point."""
    rng = np.random.default_rng(seed)
    y = np.arange(count) % classes
    return (rng.standard_normal((count, 6)) + 2 * np.eye(classes, 6)[y]).astype("float32"), y


def read_only(array: np.ndarray) -> np.ndarray:
    """Return a copy that cannot be written."""
    copy = array.copy()
    copy.flags.writeable = False
    return copy


def contents(folder: Path) -> dict[str, bytes]:
    """Return all files under a folder by their names in it."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}
