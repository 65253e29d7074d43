"""Writing to disk: early checks and atomic writes."""

import contextlib
import json
import math
import os
from pathlib import Path
from typing import Any

from lamella.core.errors import UsageError


def expect_writable(folder: Path) -> Path:
    """Create ``folder`` if it does not exist, and check that files can be written in it.

    Raises
    ------
    UsageError
        If not; checked before training, so that no result is lost after it.
    """
    import tempfile  # slow to import and not needed for training

    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UsageError(
            f"cannot write to the folder {folder}: {error.strerror or error}. Choose another one, "
            "or change its permissions"
        ) from error
    return folder


def write_atomically(path: Path, content: bytes) -> None:
    """Replace the content of a file atomically: readers see the old or the new content.

    Raises
    ------
    UsageError
        If it cannot be written; the old content remains.
    """
    unfinished = path.parent / f".{path.name}.{os.urandom(8).hex()}"
    try:
        with open(unfinished, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            unfinished.unlink()
        if isinstance(error, OSError):
            raise UsageError(f"cannot write {path}: {error.strerror or error}") from error
        raise


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Write ``value`` as indented JSON, atomically."""
    write_atomically(path, (json.dumps(value, indent=2, allow_nan=False) + "\n").encode())


def plain(value: Any) -> Any:
    """Return the Python number of a numpy number or 0-d array, and any other value as it is."""
    return value.item() if getattr(value, "ndim", None) == 0 else value


def finite_or_none(value: float) -> float | None:
    """Return ``value``, or None for NaN and infinity, which JSON cannot represent."""
    return value if math.isfinite(value) else None


def remove_unfinished(folder: Path, pattern: str) -> None:
    """Remove temporary files that a killed `write_atomically` left for files like ``pattern``."""
    for file in folder.glob(f".{pattern}.*"):
        file.unlink(missing_ok=True)
