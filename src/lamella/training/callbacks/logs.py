"""Log files of training, one line per epoch."""

import csv
import io
import json
from collections.abc import Sequence
from typing import IO, Any

from lamella.core.disk import (
    as_path,
    expect_writable,
    file_to_write,
    finite_or_none,
    plain,
    read_file,
    write_atomically,
)
from lamella.core.errors import UsageError
from lamella.core.validation import flag
from lamella.network.trainable import Trainable
from lamella.training.callbacks.base import Callback


class _EpochFile(Callback):
    """Open a file when training begins, write a line after each epoch, and close it at the end."""

    changes_training = False

    _file: IO[str]

    def __init__(self, path: Any, *, append: bool = False) -> None:
        self.path, self.append = as_path(path), flag("append", append)

    def on_fit_begin(self, model: Trainable, epochs: int, batches: int) -> None:
        expect_writable(self.path.parent)
        file_to_write(self.path)
        try:
            there = self.append and self.path.exists()
            text = read_file(self.path).decode() if there else ""
            self._file = self._open("a" if self.append else "w")
        except (OSError, ValueError) as error:
            raise UsageError(f"cannot write {self.path}: {error}") from error
        if text and not text.endswith("\n"):  # a line that was cut off
            self._file.write("\n")
        self.resume(text)

    def on_epoch_end(self, model: Trainable, epoch: int, logs: dict[str, Any]) -> None:
        self.write({name: plain(value) for name, value in logs.items()})
        self._file.flush()

    def state_dict(self) -> dict[str, Any]:
        return {"text": self.path.read_bytes().decode() if self.path.is_file() else ""}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._file.close()
        self._file = self._open("w")
        self._file.write(state["text"])
        self._file.flush()
        self.resume(state["text"])

    def on_fit_end(self, model: Trainable) -> None:
        self._file.close()

    def resume(self, text: str) -> None:
        """Continue a file that has this content."""

    def write(self, logs: dict[str, Any]) -> None:
        """Write the line of one epoch."""
        raise NotImplementedError

    def _open(self, mode: str) -> IO[str]:
        return self.path.open(mode, encoding="utf-8", newline="")


class JSONLines(_EpochFile):
    """Write one line with a JSON object after each epoch.

    NaN and infinity, which JSON cannot represent, are written as null.

    Parameters
    ----------
    path : path
        Its folder is created if necessary.
    append : bool
        Whether to write below the lines of an existing file, which is otherwise overwritten.
    """

    def write(self, logs: dict[str, Any]) -> None:
        finite = {n: finite_or_none(v) if isinstance(v, float) else v for n, v in logs.items()}
        self._file.write(json.dumps(finite, default=str) + "\n")


class CSV(_EpochFile):
    """Write one line of comma-separated values after each epoch, below a header line.

    A column that appears in a later epoch is added behind the others. A value that an epoch does
    not have, or that is None, is empty. ``path`` and ``append`` are those of `JSONLines`.
    """

    def resume(self, text: str) -> None:
        self._names: list[str] = next(csv.reader(io.StringIO(text)), [])

    def write(self, logs: dict[str, Any]) -> None:
        added = [name for name in logs if name not in self._names]
        if not self._names:
            self._file.write(_lines([added]))
        elif added:
            self._add(added)
        self._names += added
        self._file.write(_lines([[logs.get(name) for name in self._names]]))

    def _add(self, names: Sequence[str]) -> None:
        """Add columns, in which all lines so far are empty."""
        self._file.close()
        with self.path.open(encoding="utf-8", newline="") as file:
            head, *lines = csv.reader(file)
        filled = [[*line, *[""] * (len(head) + len(names) - len(line))] for line in lines]
        write_atomically(self.path, _lines([[*head, *names], *filled]).encode())
        self._file = self._open("a")


def _lines(rows: Sequence[Sequence[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
