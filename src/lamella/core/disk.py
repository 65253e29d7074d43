"""Files: early checks, atomic writes, reading of regular files only, and the cache folder."""

import contextlib
import json
import math
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lamella.core.errors import ArgumentError, FileFormatError, UsageError


def expect_writable(folder: Path) -> Path:
    """Create ``folder`` if it does not exist; raise a UsageError if files cannot be written in it.

    This is checked before training, so that no result is lost after it.
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


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Let no other process enter such a block for a folder; without effect on Windows.

    The system ends the lock when the process ends, however it does.

    Raises
    ------
    UsageError
        If another process is in such a block.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    held = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # a file system may have no locks
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UsageError(
                    f"another process writes to {folder}: wait for its end, or choose another "
                    "folder"
                ) from None
        yield
    finally:
        os.close(held)


def write_atomically(path: Path, content: bytes) -> None:
    """Replace the content of a file atomically: readers see the old or the new content.

    A symbolic link remains, and its target is replaced. The permissions of an existing file remain.
    Raise a UsageError if it cannot be written; the old content then remains.
    """
    target, mode = file_to_write(path)
    unfinished = target.parent / f".{target.name}.{os.urandom(8).hex()}"
    try:
        with open(unfinished, "xb") as file:
            if mode is not None:
                os.chmod(unfinished, mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, target)
    except BaseException as error:
        with contextlib.suppress(OSError):
            unfinished.unlink()
        if isinstance(error, OSError):
            raise UsageError(f"cannot write {path}: {error.strerror or error}") from error
        raise


def file_to_write(path: Path) -> tuple[Path, int | None]:
    """Return the file that a path leads to, and its permissions if it exists.

    Raise a UsageError if it is a folder, a pipe, a device or a loop of links, or is read-only.
    """
    target = Path(os.path.realpath(path))
    try:
        mode = target.stat().st_mode
        _expect_regular(mode)
    except FileNotFoundError:
        return target, None
    except (OSError, FileFormatError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UsageError(f"cannot write {path}: {reason}") from error
    # A file without any permission to write is protected from its owner and root, too.
    if not mode & 0o222 or not os.access(target, os.W_OK):
        raise UsageError(
            f"cannot write {path}: it is read-only. Choose another name, or change its permissions"
        )
    return target, stat.S_IMODE(mode)


def _expect_regular(mode: int) -> None:
    """Raise a FileFormatError unless the mode is that of a regular file."""
    if stat.S_ISDIR(mode):
        raise FileFormatError("it is a folder")
    if not stat.S_ISREG(mode):  # a pipe blocks, and a device may never end
        raise FileFormatError("it is a pipe or a device, not a regular file")


def as_path(value: Any, name: str = "path") -> Path:
    """Return ``value`` as a path.

    Raise an ArgumentError if it is none, such as an open file or a buffer, or has characters that
    no path can have.
    """
    try:
        path = Path(value)
    except TypeError:
        raise ArgumentError(
            f"{name} must be a path or a string, got {value!r:.80}: files are read and written by "
            "their names"
        ) from None
    with contextlib.suppress(UnicodeEncodeError):
        if b"\0" not in os.fsencode(path):
            return path
    raise ArgumentError(f"{name} has characters that no path can have, got {value!r:.80}")


def file_to_read(path: Any) -> Path:
    """Return the path of a regular file, or of a link to one.

    Raise a FileNotFoundError if there is none, a FileFormatError if it is a folder, a pipe, a
    device or a loop of links, or is out of reach.
    """
    file = as_path(path)
    try:
        _expect_regular(file.stat().st_mode)
    except FileNotFoundError:
        raise
    except (OSError, FileFormatError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise FileFormatError(f"cannot read {file}: {reason}") from error
    return file


def read_file(path: Any, most: int = -1) -> bytes:
    """Return the content of a regular file, at most its first ``most`` bytes.

    Raises as `file_to_read` does.
    """
    try:
        with file_to_read(path).open("rb") as file:
            return file.read(most)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise FileFormatError(f"cannot read {path}: {error.strerror}") from error


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


def cache_folder(given: str | None = None) -> Path:
    """Return the folder of lamella's compiled code, in ``given`` or the user's cache folder.

    It may not exist. Raise a RuntimeError if the user has no home folder.
    """
    return Path(given or os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lamella"
