"""What is kept of a run: its files, and a record of all that decided its numbers."""

import importlib.util
import json
import math
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
from lamella.checkpoints.files import CheckpointFolder
from lamella.disk import expect_writable, remove_unfinished, write_atomically
from lamella.errors import UsageError
from lamella.provenance import commit, processor
from lamella.threads import cores

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
    resume : bool
        Whether the run that is there is gone on with, and nothing removed.


    Attributes
    ----------
    model, history, record, curves : Path
        ``model.safetensors``, ``history.jsonl``, ``run.json`` and ``curves.png`` in it. The record
        is written last: a run that has one is finished.
    checkpoints, begun : Path
        ``checkpoints``, and ``checkpoints/begun.json``, the record of a run that is not finished.
    start : dict or None
        What is written as ``begun`` when training begins.
    """

    def __init__(self, path: Any, *, overwrite: bool = False, resume: bool = False) -> None:
        self.path, self.overwrite, self.resume = Path(path), overwrite, resume
        self.checkpoints = self.path / "checkpoints"
        self.begun = self.checkpoints / "begun.json"
        self.start: dict[str, Any] | None = None
        self.model = self.path / "model.safetensors"
        self.history = self.path / "history.jsonl"
        self.record = self.path / "run.json"
        self.curves = self.path / "curves.png"

    @property
    def files(self) -> list[Path]:
        """Those of its files that are there."""
        own = (self.model, self.history, self.record, self.curves, self.begun)
        return [file for file in own if file.exists()]

    def claim(self) -> None:
        """Make the folder, or raise a UsageError if it holds a run or cannot be written."""
        if self.begun.exists() and not (self.record.exists() or self.overwrite or self.resume):
            raise UsageError(
                f"{self.path} holds a run that was interrupted: go on with --resume {self.path}, "
                "or choose another folder, or replace that run with --overwrite"
            )
        if self.files and not (self.overwrite or self.resume):
            raise UsageError(
                f"{self.files[0]} is there already, from another run: choose another folder, or "
                "replace that run with --overwrite"
            )
        expect_writable(self.path)

    def on_fit_begin(self, model: "Sequential", epochs: int, batches: int) -> None:
        if self.resume:
            for file in (self.model, self.history, self.record, self.curves):
                remove_unfinished(self.path, file.name)
            return
        # The record goes first: what is left of a run without one cannot be taken for finished.
        for file in sorted(self.files, key=lambda file: file != self.record):
            file.unlink()
        self._remove_checkpoints()
        if self.start is not None:
            self.checkpoints.mkdir(exist_ok=True)
            write_json(self.begun, self.start)

    def finish(self) -> None:
        """Remove what only a run that is not finished needs."""
        self.begun.unlink(missing_ok=True)
        self._remove_checkpoints()

    def _remove_checkpoints(self) -> None:
        if self.checkpoints.is_dir():
            remove_unfinished(self.checkpoints, "*")
            CheckpointFolder(self.checkpoints).clear()
            if not any(self.checkpoints.iterdir()):
                self.checkpoints.rmdir()


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
        "cpu": processor(),
        "loops": loops(),
        "products": "compiled" if compiled.has_products() else "BLAS",
        "git": commit(),
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
    """Return what is known of each library that does numpy's matrix products."""
    libraries = [
        {
            "name": library["internal_api"],
            "version": library["version"],
            "architecture": library.get("architecture"),
            "threads": library["num_threads"],
        }
        for library in threadpool_info()
        if library["user_api"] == "blas"
    ]
    return sorted(libraries, key=str)  # threadpoolctl tells them in another order every time


def installed(package: str) -> bool:
    """Whether an optional package can be imported; it is not imported."""
    return importlib.util.find_spec(package) is not None
