"""What is kept of a run: its files, and a record of all that decided its numbers."""

import importlib.util
import json
import math
import os
import platform
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from threadpoolctl import threadpool_info

import lamella
from lamella import compiled
from lamella.backend import Backend
from lamella.callbacks import Callback
from lamella.disk import expect_writable, write_atomically
from lamella.errors import UsageError

if TYPE_CHECKING:
    from lamella.model import Sequential


class RunFolder(Callback):
    """The folder of one run, which never holds the files of two.

    As a callback it removes the files of the run before when training begins, that is when all
    else has been checked.

    Parameters
    ----------
    path : path
    overwrite : bool
        Whether a run that is there already may be replaced.

    Attributes
    ----------
    model, history, record, curves : Path
        ``model.safetensors``, ``history.jsonl``, ``run.json`` and ``curves.png`` in it.
    """

    def __init__(self, path: Any, *, overwrite: bool = False) -> None:
        self.path, self.overwrite = Path(path), overwrite
        self.model = self.path / "model.safetensors"
        self.history = self.path / "history.jsonl"
        self.record = self.path / "run.json"
        self.curves = self.path / "curves.png"

    @property
    def files(self) -> list[Path]:
        """Those of its files that are there."""
        return [
            file for file in (self.model, self.history, self.record, self.curves) if file.exists()
        ]

    def claim(self) -> None:
        """Make the folder, or raise a UsageError if it holds a run or cannot be written."""
        if self.files and not self.overwrite:
            raise UsageError(
                f"{self.files[0]} is there already, from another run: choose another folder, or "
                "replace that run with --overwrite"
            )
        expect_writable(self.path)

    def on_fit_begin(self, model: "Sequential", epochs: int, batches: int) -> None:
        for file in self.files:
            file.unlink()


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Write ``value`` as indented JSON, whole or not at all."""
    write_atomically(path, (json.dumps(value, indent=2, allow_nan=False) + "\n").encode())


def finite(value: float) -> float | None:
    """Return ``value``, or None if it is not finite, for which JSON has no word."""
    return value if math.isfinite(value) else None


def environment(backend: Backend) -> dict[str, Any]:
    """Return what a run depends on beside its configuration, as JSON can hold it."""
    return {
        "versions": versions(),
        "backend": {"name": backend.name, "why": backend.reason},
        "blas": blas(),
        "cores": cores(),
        "loops": loops(),
    }


def loops() -> str:
    """Return what runs update rules on the host: numba's compiled loops, or numpy's blocks."""
    return f"numba {metadata.version('numba')}" if compiled.is_available() else "numpy"


def versions() -> dict[str, str]:
    """Return the versions of lamella, python and numpy, and the platform."""
    return {
        "lamella": lamella.__version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "platform": platform.platform(),
    }


def blas() -> list[dict[str, Any]]:
    """Return name, version and threads of each library that does numpy's matrix products."""
    return [
        {
            "name": library["internal_api"],
            "version": library["version"],
            "threads": library["num_threads"],
        }
        for library in threadpool_info()
        if library["user_api"] == "blas"
    ]


def cores() -> int:
    """Return how many processor cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def installed(package: str) -> bool:
    """Whether an optional package can be imported; it is not imported."""
    return importlib.util.find_spec(package) is not None
