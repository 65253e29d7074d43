"""Reading of an archive."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from lamella.core.errors import FileFormatError, LamellaError
from lamella.studies.definition.definition import StudyDefinition
from lamella.studies.definition.tables import Table
from lamella.studies.running.archive.answers import decode
from lamella.studies.running.archive.container import unpack
from lamella.studies.running.archive.curves import from_bfloat16
from lamella.studies.running.archived_run import LEFT_OUT, ArchivedRun
from lamella.studies.running.index import expect_index
from lamella.studies.running.run import Run, Task
from lamella.studies.running.run_files import (
    PLAIN_FIELDS,
    expect_run,
    from_npy,
    from_null,
    parse_json,
)
from lamella.studies.running.step_summary import StepSummary

FORMAT = "lamella-archive-1"
Answers = dict[str, tuple[np.ndarray, np.ndarray]]
NO_ANSWERS = np.zeros(0, np.uint8), np.zeros(0, bool)


class ArchivedStudy:
    """A study in an archive, read as `StudyFolder` reads one on disk.

    Parameters
    ----------
    path : Path
        The archive.
    index : dict
        ``study.json``, and in "parts" those of the studies within its folder.
    runs : dict of key to ArchivedRun
        All runs of the archive; study and arm are empty.
    logs : dict of key to dict
    """

    def __init__(
        self, path: Path, index: Table, runs: dict[str, ArchivedRun], logs: dict[str, Table]
    ) -> None:
        self.path, self._index, self._runs, self._logs = path, index, runs, logs

    def read_index(self) -> Table:
        """Return the table of the study: its definition and the keys of its runs."""
        return self._index

    def study(self) -> StudyDefinition:
        """Return the definition of the study, which cannot be run."""
        return StudyDefinition.described(self._index)

    def tasks(self) -> list[Task]:
        """Return the planned tasks of the study; only the stored runs have configurations."""
        name, entries = self._index["name"], self._index["runs"]
        return [Task(name, entry["arm"], entry["seed"], entry["key"]) for entry in entries]

    def runs(self) -> list[Run]:
        """Return the stored runs."""
        found = (self.read(task) for task in self.tasks())
        return [run for run in found if run is not None]

    def read(self, task: Task) -> Run | None:
        """Return a stored run, or None if it is missing."""
        run = self._runs.get(task.key)
        return None if run is None else replace(run, study=task.study, arm=task.arm)

    def reads(self) -> bytes:
        """Return the comparisons that were read, one a line; empty if there are none."""
        return str(self._index.get("reads", "")).encode()

    def parts(self) -> "dict[str, ArchivedStudy]":
        """Return the studies within its folder by name: trials, and crossed choices."""
        inside = self._index.get("parts", {})
        return {
            name: ArchivedStudy(self.path, index, self._runs, self._logs)
            for name, index in inside.items()
        }

    def has(self, key: str) -> bool:
        """Whether there is a run of this key."""
        return key in self._runs

    def log(self, key: str) -> Table:
        """Return the environment of a run."""
        return self._logs[key]


def read_studies(path: Path) -> list[ArchivedStudy]:
    """Return the studies in an archive.

    Raises
    ------
    FileFormatError
        If the file is no archive, or is damaged.
    """
    files = unpack(path)
    if "archive.json" not in files:
        raise FileFormatError(f"{path} is no archive of studies: it holds no archive.json")
    table = parse_json(files["archive.json"], f"{path}: archive.json")
    if table.get("format") != FORMAT:
        raise FileFormatError(
            f"{path} is of format {table.get('format')!r:.80}, this version of lamella reads "
            f"{FORMAT!r}"
        )
    try:
        runs = _runs(table, files)
        logs = {key: _at(table["logs"], entry["log"]) for key, entry in table["runs"].items()}
        for number, index in enumerate(table["studies"]):
            for part in (index, *index.get("parts", {}).values()):
                expect_index(part, Path(f"{path}: study {number + 1}"))
    except LamellaError as error:
        raise FileFormatError(f"{path} is damaged: {error}") from error
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise FileFormatError(f"{path} is damaged: {type(error).__name__} {error}") from error
    return [ArchivedStudy(path, index, runs, logs) for index in table["studies"]]


def _runs(table: Table, files: dict[str, bytes]) -> dict[str, ArchivedRun]:
    answers = _answers(table["runs"], files)
    curves, end = from_bfloat16(_whole_numbers("curves", files)), 0
    runs = {}
    for key, entry in table["runs"].items():
        start, end = end, end + _whole(entry["points"])
        if end > len(curves):
            raise FileFormatError("curves.npy is too short")
        config = {**_at(table["configs"], entry["config"]), "seed": entry["seed"]}
        runs[key] = _run(key, {**entry, "config": config}, curves[start:end], answers)
    return runs


def _run(key: str, entry: Table, curve: np.ndarray, answers: Answers) -> ArchivedRun:
    expect_run(entry)
    numbers = from_null({name: entry[name] for name in ("seconds", "jitter")})
    seconds, jitter = map(float, numbers.values())
    predictions, correct = answers.get(key, NO_ANSWERS)
    return ArchivedRun(
        study="",
        arm="",
        seed=entry["seed"],
        key=key,
        epochs=[from_null(row) for row in entry["epochs"]],
        scores=from_null(entry["scores"]),
        seconds=seconds,
        step_losses=np.zeros(0, np.float32),
        predictions=predictions,
        confidence=np.zeros(0, np.float32),
        correct=correct if entry["correct"] else np.zeros(0, bool),
        steps=StepSummary(jitter, curve, max(1, _whole(entry["per_epoch"]))),
        digests={name: str(entry["digests"][name]) for name in LEFT_OUT},
        **{name: entry[name] for name in PLAIN_FIELDS},
    )


def _answers(entries: dict[str, Table], files: dict[str, bytes]) -> Answers:
    """Return predictions and right answers of each run that has them, by key."""
    test_sets: dict[int, list[str]] = {}
    for key, entry in entries.items():
        if entry["test_set"] is not None:
            test_sets.setdefault(_whole(entry["test_set"]), []).append(key)
    found: Answers = {}
    for number, keys in test_sets.items():
        codes, labels, order = (
            _whole_numbers(f"{name}-{number}", files) for name in ("classes", "labels", "order")
        )
        raw = [entries[key]["raw"] is True for key in keys]
        found.update(zip(keys, zip(*decode(codes, labels, order, raw), strict=True), strict=True))
    return found


def _whole_numbers(name: str, files: dict[str, bytes]) -> np.ndarray:
    array = from_npy(name, files[f"{name}.npy"])
    if array.dtype.kind != "u":
        raise FileFormatError(f"{name}.npy has {array.dtype} instead of whole numbers")
    return array


def _whole(number: Any) -> int:
    if not (type(number) is int and number >= 0):
        raise FileFormatError(f"{number!r:.80} is not a whole number from 0 on")
    return number


def _at(items: Any, index: Any) -> Table:
    table = items[_whole(index)]
    if not isinstance(table, dict):
        raise FileFormatError(f"{table!r:.80} is not a table")
    return table
