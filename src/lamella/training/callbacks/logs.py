"""Log files of training, one line per epoch."""

import csv
import json
from pathlib import Path
from typing import IO, Any

from lamella.core.disk import expect_writable
from lamella.core.errors import UsageError
from lamella.network.trainable import Trainable
from lamella.training.callbacks.base import Callback


class _EpochFile(Callback):
    """Open and overwrite a file when training begins, and close it when it ends."""

    def __init__(self, path: Any) -> None:
        self.path = Path(path)
        self._file: IO[str] | None = None

    def on_fit_begin(self, model: Trainable, epochs: int, batches: int) -> None:
        expect_writable(self.path.parent)
        try:
            self._file = self.path.open("w", encoding="utf-8", newline="")
        except OSError as error:
            raise UsageError(f"cannot write {self.path}: {error.strerror or error}") from error

    def on_epoch_end(self, model: Trainable, epoch: int, logs: dict[str, Any]) -> None:
        assert self._file is not None
        self.write(self._file, logs)
        self._file.flush()

    def state_dict(self) -> dict[str, Any]:
        return {"text": self.path.read_bytes().decode() if self.path.exists() else ""}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        assert self._file is not None
        self._file.write(state["text"])
        self._file.flush()

    def on_fit_end(self, model: Trainable) -> None:
        if self._file is not None:
            self._file.close()

    def write(self, file: IO[str], logs: dict[str, Any]) -> None:
        """Write the line of one epoch."""
        raise NotImplementedError


class JSONLines(_EpochFile):
    """Write one line with a JSON object after each epoch.

    NaN and infinity, which JSON cannot represent, are written as null.

    Parameters
    ----------
    path : path
        Overwritten if it exists; its folder is created if necessary.
    """

    def write(self, file: IO[str], logs: dict[str, Any]) -> None:
        finite = {
            name: value if abs(value) < float("inf") else None for name, value in logs.items()
        }
        file.write(json.dumps(finite) + "\n")


class CSV(_EpochFile):
    """Write one line of comma-separated values after each epoch, below a header line.

    Parameters
    ----------
    path : path
        Overwritten if it exists; its folder is created if necessary.
    """

    def write(self, file: IO[str], logs: dict[str, Any]) -> None:
        writer = csv.DictWriter(file, list(logs), lineterminator="\n")
        if file.tell() == 0:
            writer.writeheader()
        writer.writerow(logs)
