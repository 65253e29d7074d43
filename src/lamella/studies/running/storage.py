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

from lamella.core.disk import as_path, expect_writable, remove_unfinished, write_atomically
from lamella.core.errors import FileFormatError, UsageError, warn_user
from lamella.core.version import __version__
from lamella.studies.definition.definition import StudyDefinition
from lamella.studies.definition.experiment import DEFAULTS
from lamella.studies.definition.tables import Table, differing, merge
from lamella.studies.definition.tuning import joined_tunings
from lamella.studies.running.clock import with_seconds
from lamella.studies.running.index import expect_index
from lamella.studies.running.run import Run, Task
from lamella.studies.running.run_files import (
    from_files,
    json_bytes,
    model_files,
    read_json,
    to_files,
)
from lamella.training.numerics import changed_numerics, numerics

FORMAT = "lamella-study-1"
TRIALS, CROSSED = "tuning", "crossed"


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
        described, plan = study.description(), [_entry(task) for task in tasks]
        if self._index.exists():
            described, plan = self._joined(study, tasks, data)
        expect_writable(self.path)
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
        return with_seconds(
            from_files(folder, study=task.study, arm=task.arm, seconds=seconds), log
        )

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

    def _joined(
        self, study: StudyDefinition, tasks: Sequence[Task], data: Table
    ) -> tuple[Table, list[Table]]:
        """Return the description and the runs of the folder together with those of ``study``."""
        table = self.read_index()
        stored = StudyDefinition.described(table)
        if stored.name != study.name:
            raise UsageError(
                f"{self.path} holds the study {stored.name!r}, this is {study.name!r}: choose "
                "another folder"
            )
        if changed := changed_numerics(table.get("numerics")):
            raise UsageError(
                f"{self.path} was written by lamella {table['lamella']}, this is {__version__}, "
                f"which computes otherwise (changed code: {', '.join(changed)}), and a folder must "
                "not mix both: choose another folder"
            )
        if table["data"] != data:
            raise UsageError(f"{self.path} holds results on other data: choose another folder")
        keys = {(entry["arm"], entry["seed"]): entry["key"] for entry in table["runs"]}
        for task in tasks:
            if keys.get((task.arm, task.seed), task.key) != task.key:
                raise UsageError(
                    f"{self.path} holds the study {study.name!r} with another arm {task.arm!r} "
                    f"({_changes(stored, study, task.arm)}): choose another folder"
                )
        described, plan = _join(stored, table["runs"], study, tasks)
        there = [(self.path / "runs" / entry["key"]).exists() for entry in table["runs"]]
        complete = all(there) and there != []  # there are no runs while arms are tuned
        described["looks"] = _joined_looks(stored, study, described["seeds"], complete)
        return described, plan


def read_study_folder(path: Any) -> tuple[StudyDefinition, list[Run]]:
    """Return the study definition and the stored runs of a folder."""
    folder = StudyFolder(path)
    return folder.study(), folder.runs()


def _entry(task: Task) -> Table:
    return {"arm": task.arm, "seed": task.seed, "key": task.key}


def _join(
    stored: StudyDefinition, runs: Sequence[Table], study: StudyDefinition, tasks: Sequence[Task]
) -> tuple[Table, list[Table]]:
    """Return the description and the runs of both studies; an arm with a new name is renamed."""
    names = {task.key: task.arm for task in tasks}
    renamed = {entry["arm"]: names[entry["key"]] for entry in runs if entry["key"] in names}
    old = {renamed.get(arm, arm): fields for arm, fields in stored.arms.items()}
    left = [arm for arm in old if arm not in study.arms]
    if left and stored.base != study.base:
        path = differing(stored.base, study.base)[0]
        raise UsageError(
            f"the arms {', '.join(left)} in the folder are of another base ({path} is "
            f"{_at(stored.base, path)} there, {_at(study.base, path)} here): choose another folder"
        )
    described = {**(stored if left else study).description()}
    if left:
        base = merge(DEFAULTS, study.base)
        first, *here = (merge(base, arm) for arm in [*old.values(), *study.arms.values()])
        paths = [path for fields in here for path in differing(first, fields)]
        described["varies"] = list(dict.fromkeys([*stored.varies, *study.varies, *paths]))
        described["arms"] = {**old, **study.arms}
        described["baseline"] = renamed.get(stored.baseline, stored.baseline)
    described |= joined_tunings(stored.tuning, study.tuning, left)
    described["seeds"] = list(dict.fromkeys([*stored.seeds, *study.seeds]))
    described["cut"] = (study if set(stored.seeds) <= set(study.seeds) else stored).cut
    plan = [{**entry, "arm": renamed.get(entry["arm"], entry["arm"])} for entry in runs]
    return described, plan + [_entry(task) for task in tasks if _entry(task) not in plan]


def _joined_looks(
    stored: StudyDefinition, study: StudyDefinition, seeds: Sequence[int], complete: bool
) -> Table:
    """Return planned looks, and other numbers of seeds with which the study was complete before."""
    here, there = study.looks["planned"], stored.looks["planned"]
    if here and there and here != there:
        raise UsageError(
            f"the folder holds a study with looks at {there} seeds, fixed before the first one, "
            f"this one has looks at {here}: choose another folder"
        )
    past, before = set(stored.looks["past"]), len(stored.seeds)
    if complete and (len(seeds) > before or (here and not there)) and before not in there:
        past.add(before)
    return {"planned": here or there, "past": sorted(past)}


def _changes(there: StudyDefinition, here: StudyDefinition, arm: str) -> str:
    old, new = (merge(study.base, study.arms[arm]) for study in (there, here))
    paths = differing(old, new)
    changes = [f"{path} is {_at(old, path)} there, {_at(new, path)} here" for path in paths]
    return "; ".join(changes) or "its own classes or functions have changed, or Python's version"


def _at(table: Any, path: str) -> Any:
    for name in path.split("."):
        table = table[int(name)] if isinstance(table, list) else (table or {}).get(name)
    return "not set" if table is None else table
