"""Writing to disk: found out early whether it works, and never half done."""

import json
import math
import os
from pathlib import Path
from typing import Any

from lamella.core.errors import UsageError


def expect_writable(folder: Path) -> Path:
    """Make ``folder`` if it is not there and try that files can be written in it.

    Raises
    ------
    UsageError
        If not; better now than after an hour of training.
    """
    import tempfile  # slow to import, and not needed to train

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
    """Write a file so that its name always holds either the old content or the new, never a part.

    Raises
    ------
    UsageError
        If it cannot be written; the old content is still there.
    """
    import tempfile

    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from error
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, path)
    except BaseException as error:
        os.unlink(name)
        if isinstance(error, OSError):
            raise UsageError(f"cannot write {path}: {error.strerror or error}") from error
        raise


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Write ``value`` as indented JSON, whole or not at all."""
    write_atomically(path, (json.dumps(value, indent=2, allow_nan=False) + "\n").encode())


def finite_or_none(value: float) -> float | None:
    """Return ``value``, or None for NaN and infinity, which JSON cannot represent."""
    return value if math.isfinite(value) else None


def remove_unfinished(folder: Path, pattern: str) -> None:
    """Remove what `write_atomically` had begun for files like ``pattern`` when it was killed."""
    for file in folder.glob(f".{pattern}.*"):
        file.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
