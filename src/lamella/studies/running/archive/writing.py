"""Writing of an archive."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lamella.core.disk import as_path
from lamella.core.errors import DataError, UsageError
from lamella.core.version import __version__
from lamella.studies.definition.tables import Table
from lamella.studies.running.archive.answers import encode, find_labels
from lamella.studies.running.archive.container import pack
from lamella.studies.running.archive.curves import to_bfloat16
from lamella.studies.running.archive.reading import FORMAT
from lamella.studies.running.archived_run import ArchivedRun, archived
from lamella.studies.running.repeat import differences
from lamella.studies.running.run_files import npy_bytes, rows_to_null, to_null
from lamella.studies.running.stored import Stored, stored_studies

OF_ONE_RUN = (
    "study",
    "arm",
    "seed",
    "began",
    "host",
    "process",
    "seconds",
    "epoch_seconds",
    "traceback",
)
"""Entries of a log that differ between runs in one environment, or name the machine."""


def write_archive(source: Any, path: Any) -> Path:
    """Write the studies in a folder to one small file, an archive, and return its path.

    It has what tables, comparisons and reports show, and what `repeat_runs` needs to repeat each
    run: configurations, epochs, scores, predictions and a thinned curve of the step losses. It
    lacks the loss of every step, confidences and trained models. A run that several studies share
    is stored once. `lamella.studies.running.archive` documents the format.

    Parameters
    ----------
    source : path
        Folder of a study, or one that holds several; or an archive.
    path : path
        Written atomically, such as "runs.tar.xz".

    Raises
    ------
    UsageError
        If there is no study or no finished run, or the file cannot be written.
    DataError
        If two runs with the same key have different numbers.
    """
    file, studies = as_path(path), stored_studies(source)
    runs: dict[str, ArchivedRun] = {}
    logs: dict[str, Table] = {}
    for study in [part for each in studies for part in (each, *each.parts().values())]:
        for run in map(archived, study.runs()):
            _expect_same(runs.setdefault(run.key, run), run)
            log = study.log(run.key).items()
            logs.setdefault(run.key, {name: v for name, v in log if name not in OF_ONE_RUN})
    if not runs:
        raise UsageError(f"{source} holds no finished run to pack")
    tables, arrays = _tables(list(runs.values()), logs)
    indices = [_index(study) for study in studies]
    table = {"format": FORMAT, "lamella": __version__, "studies": indices, **tables}
    text = json.dumps(table, separators=(",", ":"), allow_nan=False).encode()
    files = {f"{name}.npy": npy_bytes(array) for name, array in arrays.items()}
    pack(file, {"archive.json": text, **files})
    return file


def _index(study: Stored) -> Table:
    parts = {name: part.read_index() for name, part in study.parts().items()}
    reads = study.reads().decode(errors="replace")
    extra = {"parts": parts, "reads": reads}
    return {**study.read_index(), **{name: value for name, value in extra.items() if value}}


def _expect_same(one: ArchivedRun, other: ArchivedRun) -> None:
    if one is not other and (parts := differences(one, other)):
        raise DataError(
            f"the studies {one.study!r} and {other.study!r} have the run {other.key} (seed "
            f"{other.seed}) with different numbers: {parts[0]}. Repeat both with lamella verify"
        )


def _tables(
    runs: Sequence[ArchivedRun], logs: dict[str, Table]
) -> tuple[Table, dict[str, np.ndarray]]:
    """Return the tables of ``archive.json`` that studies share, and all arrays by name."""
    arrays = {"curves": to_bfloat16(np.concatenate([run.steps.curve for run in runs]))}
    configs, environments, entries = _Distinct(), _Distinct(), dict[str, Table]()
    for run in runs:
        config = {name: value for name, value in run.config.items() if name != "seed"}
        entries[run.key] = {
            "seed": run.seed,
            "config": configs.index(config),
            "log": environments.index(logs[run.key]),
            "status": run.status,
            "reason": run.reason,
            "steps_per_epoch": run.steps_per_epoch,
            "epochs": rows_to_null(run),
            "scores": to_null(run.scores),
            **to_null({"seconds": run.seconds, "jitter": run.steps.jitter}),
            "per_epoch": run.steps.per_epoch,
            "points": len(run.steps.curve),
            "digests": run.digests,
            "test_set": None,
            "correct": False,
        }
    for number, members in enumerate(_test_sets(runs)):
        predictions = np.stack([run.predictions for run in members])
        labels = find_labels(predictions, [run.correct for run in members])
        codes, order, raw = encode(predictions, labels)
        named = {"classes": codes.ravel(), "labels": labels, "order": order}
        arrays |= {f"{name}-{number}": array for name, array in named.items()}
        for run, is_raw in zip(members, raw, strict=True):
            has = {"raw": is_raw, "correct": len(run.correct) > 0}
            entries[run.key] |= {"test_set": number, **has}
    return {"configs": configs.items, "logs": environments.items, "runs": entries}, arrays


def _test_sets(runs: Sequence[ArchivedRun]) -> Iterator[list[ArchivedRun]]:
    """Yield the runs with predictions on each test set."""
    found: dict[str, list[ArchivedRun]] = {}
    for run in runs:
        if len(run.predictions):
            kind = [run.config.get("data"), run.predictions.dtype.str, len(run.predictions)]
            found.setdefault(json.dumps(kind, sort_keys=True), []).append(run)
    yield from found.values()


class _Distinct:
    """List of distinct tables."""

    def __init__(self) -> None:
        self.items: list[Table] = []
        self._places: dict[str, int] = {}

    def index(self, table: Table) -> int:
        """Return the place of a table, which is added if it is new."""
        text = json.dumps(table, sort_keys=True)
        if text not in self._places:
            self._places[text] = len(self.items)
            self.items.append(table)
        return self._places[text]
