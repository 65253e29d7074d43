"""Logs of training on disk, one line an epoch."""

import csv
import json
from pathlib import Path
from typing import IO, Any

from lamella.core.disk import expect_writable
from lamella.core.errors import UsageError
from lamella.network.trainable import Trainable
from lamella.training.callbacks.base import Callback


class _EpochFile(Callback):
    """Opens a file anew when training begins and closes it when it ends."""

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
    """Writes one JSON object an epoch and line, as soon as the epoch is over.

    A number that is not finite is written as null, which every JSON reader accepts.

    Parameters
    ----------
    path : path
        Overwritten if it is there; its folder is made if it is not.
    """

    def write(self, file: IO[str], logs: dict[str, Any]) -> None:
        finite = {
            name: value if abs(value) < float("inf") else None for name, value in logs.items()
        }
        file.write(json.dumps(finite) + "\n")


class CSV(_EpochFile):
    """Writes one line of comma-separated values an epoch, after a line of names.

    Parameters
    ----------
    path : path
        Overwritten if it is there; its folder is made if it is not.
    """

    def write(self, file: IO[str], logs: dict[str, Any]) -> None:
        writer = csv.DictWriter(file, list(logs), lineterminator="\n")
        if file.tell() == 0:
            writer.writeheader()
        writer.writerow(logs)
