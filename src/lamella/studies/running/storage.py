"""Study folder: each run has its own subfolder, which is written atomically.

    study.json, reads.jsonl     definition and keys of the runs; comparisons that were read
    runs/<key>/run.json         configuration, scores and checksums
    runs/<key>/losses.npy       float32, training loss of every batch
    runs/<key>/predictions.npy  uint8, class of each test sample
    runs/<key>/confidence.npy   float32, probability of that class
    runs/<key>/correct.npy      bool, whether that class is the right one
    runs/<key>/best.safetensors trained model, if `Study.run` was to keep it; or last, epoch-1, ...
    tuning, crossed             folders like this one: trials, and arms at each other's choice
    log/<key>.json              seconds, date, host and environment, which vary between repetitions

The keys determine everything under ``runs``, bit for bit.
"""

import math
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lamella.core.disk import (
    as_path,
    expect_writable,
    locked,
    read_file,
    remove_unfinished,
    write_atomically,
)
from lamella.core.errors import FileFormatError, UsageError, warn_user
from lamella.core.version import __version__
from lamella.studies.definition.definition import StudyDefinition
from lamella.studies.definition.tables import Table
from lamella.studies.running.clock import with_seconds
from lamella.studies.running.index import expect_index
from lamella.studies.running.joining import entry_of, joined
from lamella.studies.running.run import Run, Task
from lamella.studies.running.run_files import (
    from_files,
    json_bytes,
    key_of,
    model_files,
    read_json,
    to_files,
)
from lamella.training.numerics import numerics

FORMAT = "lamella-study-1"
TRIALS, CROSSED = "tuning", "crossed"
READS = "reads.jsonl"
MAX_READS = 10_000_000  # bytes


class DamagedRunWarning(UserWarning):
    """The files of a run are damaged, so the run counts as missing."""


class StudyFolder:
    """Results of one study on disk. Only one process may write at a time.

    Parameters
    ----------
    path : path
    """

    def __init__(self, path: Any) -> None:
        self.path = as_path(path, "the folder of results")
        self._index = self.path / "study.json"
        self._unfinished = self.path / "unfinished"

    def claim(self, study: StudyDefinition, tasks: Sequence[Task], data: Table) -> None:
        """Create the folder of ``study``, or check that the existing one fits.

        Arms and seeds may be added, but not changed; those that the study no longer has stay.

        Raises
        ------
        UsageError
            If the folder belongs to another study, a lamella that computes otherwise or other data,
            or cannot be written.
        """
        described, plan = study.description(), [entry_of(task) for task in tasks]
        if self._index.exists():
            described, plan = joined(self.path, self.read_index(), study, tasks, data)
        expect_writable(self.path)
        with locked(self.path):
            self._clear()
        if not self._index.exists() and any(each.name != TRIALS for each in self.path.iterdir()):
            raise UsageError(
                f"{self.path} holds other files than a study: choose a new folder for the results"
            )
        head = {"format": FORMAT, "lamella": __version__, "numerics": numerics()}
        content = json_bytes({**head, **described, "data": data, "runs": plan})
        if not self._index.exists() or self._index.read_bytes() != content:
            write_atomically(self._index, content)
        for part in ("runs", "log"):
            expect_writable(self.path / part)

    def study(self) -> StudyDefinition:
        """Return the definition of the study, which cannot be run.

        Raises
        ------
        FileFormatError
            If the folder holds no study.
        """
        return StudyDefinition.described(self.read_index())

    def tasks(self) -> list[Task]:
        """Return the planned tasks of the study; only the stored runs have configurations."""
        table = self.read_index()
        return [
            Task(table["name"], entry["arm"], entry["seed"], entry["key"])
            for entry in table["runs"]
        ]

    def runs(self) -> list[Run]:
        """Return the stored runs; warn of damaged ones."""
        return [run for run in map(self.find, self.tasks()) if run is not None]

    def find(self, task: Task) -> Run | None:
        """Return a stored run, or None if it is missing or, with a warning, damaged."""
        try:
            return self.read(task)
        except FileFormatError as error:
            warn_user(
                f"{self.path / 'runs' / task.key} (arm {task.arm!r}, seed {task.seed}) is damaged "
                f"and skipped; run the study again to repair it: {error}",
                DamagedRunWarning,
            )
            return None

    def read(self, task: Task) -> Run | None:
        """Return a stored run, or None if it is missing.

        Raises
        ------
        FileFormatError
            If the run is damaged.
        """
        folder = self.path / "runs" / task.key
        if not folder.exists():
            return None
        try:
            seconds = float((log := self.log(task.key))["seconds"])
        except (KeyError, TypeError, ValueError, OverflowError):
            seconds = math.nan
        run = from_files(folder, study=task.study, arm=task.arm, seconds=seconds)
        is_known = "numerics" not in run.config or key_of(run.config) == task.key  # from 0.1.0
        if run.seed != task.seed or not is_known:
            raise FileFormatError(f"it is the run of seed {run.seed} of another configuration")
        return with_seconds(run, log)

    def has(self, key: str) -> bool:
        """Whether there is a run of this key, which may be damaged."""
        return (self.path / "runs" / key).exists()

    def parts(self) -> "dict[str, StudyFolder]":
        """Return the studies within that of tuned arms by name: trials, and crossed choices."""
        paths = {name: self.path / name for name in (TRIALS, CROSSED)}
        return {
            name: StudyFolder(path)
            for name, path in paths.items()
            if (path / "study.json").exists()
        }

    def reads(self) -> bytes:
        """Return the comparisons that were read, one a line; empty if there are none."""
        try:
            return read_file(self.path / READS, MAX_READS)
        except FileNotFoundError:
            return b""
        except FileFormatError as error:
            return str(error).encode()  # a line that holds no comparison

    def log(self, key: str) -> Table:
        """Return the log of a run: date, host and environment; empty if the log is missing."""
        try:
            return read_json(self.path / "log" / f"{key}.json")
        except FileFormatError:
            return {}

    def models(self, key: str) -> dict[str, Path]:
        """Return the files of a run's trained models by name."""
        return model_files(self.path / "runs" / key)

    def write(self, run: Run, log: Table) -> None:
        """Store a run: first its log, then its folder, atomically.

        Raises
        ------
        UsageError
            If it cannot be written; stored runs do not change.
        """
        place, final = self._unfinished / run.key, self.path / "runs" / run.key
        try:
            place.mkdir(parents=True, exist_ok=True)
            for name, content in to_files(run).items():
                with (place / name).open("wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
            for name, model in self.models(run.key).items():
                if name not in run.models:
                    shutil.copy2(model, place)
            write_atomically(self.path / "log" / f"{run.key}.json", json_bytes(log))
            if final.is_symlink() or final.is_file():
                final.unlink()
            elif final.exists():
                shutil.rmtree(final)
            place.rename(final)
            self._unfinished.rmdir()
        except OSError as error:
            self._clear()
            raise UsageError(f"cannot write {final}: {error.strerror or error}") from error

    def _clear(self) -> None:
        """Remove unfinished files of a killed process."""
        shutil.rmtree(self._unfinished, ignore_errors=True)
        remove_unfinished(self.path, self._index.name)
        remove_unfinished(self.path / "log", "*")

    def read_index(self) -> Table:
        if not self._index.exists():
            raise FileFormatError(f"{self.path} holds no study: there is no {self._index.name}")
        table = read_json(self._index)
        if table.get("format") != FORMAT:
            raise FileFormatError(
                f"{self._index} is of format {table.get('format')!r:.80}, this version of lamella "
                f"reads {FORMAT!r}"
            )
        expect_index(table, self._index)
        return table


def read_study_folder(path: Any) -> tuple[StudyDefinition, list[Run]]:
    """Return the study definition and the stored runs of a folder."""
    folder = StudyFolder(path)
    return folder.study(), folder.runs()
