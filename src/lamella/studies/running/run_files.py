"""File format of a run: equal runs give equal bytes."""

import hashlib
import io
import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np

from lamella.core.disk import read_file
from lamella.core.errors import FileFormatError, UsageError
from lamella.studies.definition.tables import Table
from lamella.studies.running.run import Run

ARRAYS = {
    "losses": "step_losses",
    "predictions": "predictions",
    "confidence": "confidence",
    "correct": "correct",
}
MODEL = ".safetensors"  # which has checksums of its own, and does not depend on the key alone
MAX_JSON_BYTES = 2**25  # run.json takes some KB and 200 bytes per epoch
PLAIN_FIELDS = ("config", "status", "reason", "steps_per_epoch")


def key_of(config: dict[str, Any]) -> str:
    """Return the key of a run: a hash of everything that determines its numbers.

    The version of lamella does not: its ``numerics`` do.
    """
    decisive = {name: value for name, value in config.items() if name != "lamella"}
    text = json.dumps(decisive, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return sha256(text.encode())[:16]


def to_files(run: Run) -> dict[str, bytes]:
    """Return the contents of a run's files by name, without study, arm and seconds.

    Raises
    ------
    UsageError
        If it is a run of an archive, which lacks the losses of its steps.
    """
    if run.epochs and not len(run.step_losses):
        raise UsageError(
            "runs of an archive have no step losses: they cannot be written to folders"
        )
    files = {f"{name}.npy": npy_bytes(getattr(run, field)) for name, field in ARRAYS.items()}
    models = {f"{name}{MODEL}": content for name, content in run.models.items()}
    table: Table = {name: getattr(run, name) for name in PLAIN_FIELDS}
    table["epochs"] = rows_to_null(run)
    table["scores"] = to_null(run.scores)
    checksums = {name: sha256(content) for name, content in files.items()}
    table["sha256"] = {**checksums, "run.json": sha256(json_bytes(table))}
    return {"run.json": json_bytes(table), **files, **models}


def from_files(folder: Path, *, study: str, arm: str, seconds: float) -> Run:
    """Read a run from its folder, whose name is the key.

    Raises
    ------
    FileFormatError
        If a file is missing or damaged.
    """
    table = read_json(folder / "run.json")
    checksums = table.pop("sha256", None)
    if not isinstance(checksums, dict) or checksums.get("run.json") != sha256(json_bytes(table)):
        raise FileFormatError("run.json is not what was written: its checksum differs")
    arrays: dict[str, Any] = {}
    for name, field in ARRAYS.items():
        if name == "correct" and "correct.npy" not in checksums:
            continue  # runs of lamella 0.1.0 have none
        try:
            content = read_file(folder / f"{name}.npy")
        except OSError as error:
            raise FileFormatError(f"cannot read {name}.npy: {error.strerror}") from error
        if sha256(content) != checksums.get(f"{name}.npy"):
            raise FileFormatError(f"{name}.npy is not what was written: its checksum differs")
        arrays[field] = from_npy(name, content)
    expect_run(table)
    return Run(
        study=study,
        arm=arm,
        seed=table["config"]["seed"],
        key=folder.name,
        epochs=[from_null(row) for row in table["epochs"]],
        scores=from_null(table["scores"]),
        seconds=seconds,
        models=model_files(folder),
        **{name: table[name] for name in PLAIN_FIELDS},
        **arrays,
    )


def model_files(folder: Path) -> dict[str, Path]:
    """Return the files of the trained models in a run's folder by name."""
    found = folder.glob(f"*{MODEL}") if folder.is_dir() else ()
    return {path.stem: path for path in sorted(found)}


def expect_run(table: Table) -> None:
    """Raise a FileFormatError unless a run has all fields, each of its type."""
    kinds = {"config": dict, "status": str, "reason": str, "steps_per_epoch": int, "scores": dict}
    for name, kind in kinds.items():
        if not isinstance(table.get(name), kind):
            raise FileFormatError(f"run.json: {name} is not a {kind.__name__}")
    if not isinstance(table["config"].get("seed"), int):
        raise FileFormatError("run.json: seed is not a whole number")
    rows = table.get("epochs")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise FileFormatError("run.json: epochs are not a list of tables")
    for row in [*rows, table["scores"]]:
        if not all(value is None or _is_number(value) for value in row.values()):
            raise FileFormatError("run.json has scores that are not numbers")


def _is_number(value: Any) -> bool:
    """Whether a value is a number within the range of float; integers in JSON have no limit."""
    return isinstance(value, int | float) and abs(value) <= sys.float_info.max


def from_npy(name: str, content: bytes) -> np.ndarray:
    """Read a vector; check its announced size before allocating memory."""
    file = io.BytesIO(content)
    try:
        np.lib.format.read_magic(file)
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    except Exception as error:  # the header is Python source and can fail in many ways
        raise FileFormatError(f"{name}.npy is damaged: {error}") from error
    if len(shape) != 1 or dtype.kind not in "ufb":
        raise FileFormatError(f"{name}.npy is not a vector of numbers, but {shape} of {dtype}")
    if shape[0] * dtype.itemsize != len(content) - file.tell():
        raise FileFormatError(f"{name}.npy does not hold the {shape} numbers it announces")
    return np.frombuffer(content, dtype, offset=file.tell())


def json_bytes(table: Table) -> bytes:
    """Return a table as indented JSON."""
    return (json.dumps(table, indent=2, allow_nan=False) + "\n").encode()


def read_json(path: Path) -> Table:
    """Read a JSON object.

    Raises
    ------
    FileFormatError
        If the file is missing, too large, or not a JSON object.
    """
    try:
        if path.stat().st_size > MAX_JSON_BYTES:
            raise FileFormatError(f"{path} is damaged: it has more than {MAX_JSON_BYTES:,} bytes")
        content = read_file(path)
    except OSError as error:
        raise FileFormatError(f"cannot read {path}: {error.strerror}") from error
    return parse_json(content, str(path))


def parse_json(content: bytes, name: str) -> Table:
    """Return the JSON object in the bytes of the file ``name``; raises as `read_json` does."""
    if len(content) > MAX_JSON_BYTES:
        raise FileFormatError(f"{name} is damaged: it has more than {MAX_JSON_BYTES:,} bytes")
    try:
        table = json.loads(content, parse_float=_finite, parse_constant=_finite)
    except (ValueError, RecursionError) as error:
        raise FileFormatError(f"{name} is damaged: {error}") from error
    if not isinstance(table, dict):
        raise FileFormatError(f"{name} is damaged: it holds no JSON object")
    return table


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):  # Python's json accepts NaN and Infinity, the format does not
        raise ValueError(f"{text} is not a JSON number")
    return number


def sha256(content: bytes) -> str:
    """Return the SHA-256 of bytes."""
    return hashlib.sha256(content).hexdigest()


def npy_bytes(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=False)
    return file.getvalue()


def to_null(row: dict[str, float]) -> dict[str, Any]:
    """Replace NaN by None, since JSON cannot represent it."""
    return {name: value if math.isfinite(value) else None for name, value in row.items()}


def rows_to_null(run: Run) -> list[Table]:
    """Return the epochs of a run for JSON, without their seconds, which the log has."""
    rows = [to_null(row) for row in run.epochs]
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


def from_null(row: dict[str, Any]) -> dict[str, float]:
    return {name: math.nan if value is None else value for name, value in row.items()}
