"""A run as files, and back: the same run gives the same bytes."""

import hashlib
import io
import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from lamella.errors import FileFormatError
from lamella.studies.plain import Table
from lamella.studies.run import Run

ARRAYS = {"losses": "step_losses", "predictions": "predictions", "confidence": "confidence"}
STATED = ("config", "status", "reason", "steps_per_epoch")


def to_files(run: Run) -> dict[str, bytes]:
    """Return the contents of a run's files by name; names and seconds are not among them."""
    files = {f"{name}.npy": _npy(getattr(run, field)) for name, field in ARRAYS.items()}
    table: Table = {name: getattr(run, name) for name in STATED}
    table["epochs"] = [_to_null(row) for row in run.epochs]
    table["scores"] = _to_null(run.scores)
    checksums = {name: sha256(content) for name, content in files.items()}
    table["sha256"] = {**checksums, "run.json": sha256(json_bytes(table))}
    return {"run.json": json_bytes(table), **files}


def from_files(folder: Path, *, study: str, arm: str, seconds: float) -> Run:
    """Read a run whose folder is named by its key.

    Raises
    ------
    FileFormatError
        If a file is missing, or is not what was written.
    """
    table = read_json(folder / "run.json")
    checksums = table.pop("sha256", None)
    if not isinstance(checksums, dict) or checksums.get("run.json") != sha256(json_bytes(table)):
        raise FileFormatError("run.json is not what was written: its checksum is another")
    arrays = {}
    for name, field in ARRAYS.items():
        try:
            content = (folder / f"{name}.npy").read_bytes()
        except OSError as error:
            raise FileFormatError(f"cannot read {name}.npy: {error.strerror}") from error
        if sha256(content) != checksums.get(f"{name}.npy"):
            raise FileFormatError(f"{name}.npy is not what was written: its checksum is another")
        arrays[field] = np.load(io.BytesIO(content), allow_pickle=False)
    return Run(
        study=study,
        arm=arm,
        seed=table["config"]["seed"],
        key=folder.name,
        epochs=[_from_null(row) for row in table["epochs"]],
        scores=_from_null(table["scores"]),
        seconds=seconds,
        **{name: table[name] for name in STATED},
        **arrays,
    )


def json_bytes(table: Table) -> bytes:
    """Return a table as indented JSON."""
    return (json.dumps(table, indent=2, allow_nan=False) + "\n").encode()


def read_json(path: Path) -> Table:
    """Read a JSON object.

    Raises
    ------
    FileFormatError
        If it is missing or something else.
    """
    try:
        table = json.loads(path.read_bytes())
    except OSError as error:
        raise FileFormatError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise FileFormatError(f"{path} is damaged: {error}") from error
    if not isinstance(table, dict):
        raise FileFormatError(f"{path} is damaged: it holds no JSON object")
    return table


def sha256(content: bytes) -> str:
    """Return the checksum of some bytes."""
    return hashlib.sha256(content).hexdigest()


def _npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=False)
    return file.getvalue()


def _to_null(row: dict[str, float]) -> dict[str, Any]:
    """Write NaN as null: JSON has no word for it."""
    return {name: value if math.isfinite(value) else None for name, value in row.items()}


def _from_null(row: dict[str, Any]) -> dict[str, float]:
    return {name: math.nan if value is None else value for name, value in row.items()}
