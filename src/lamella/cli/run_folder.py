"""The folder of one run, and the files in it."""

from pathlib import Path
from typing import Any

from lamella.core.disk import expect_writable, remove_unfinished, write_json
from lamella.core.errors import UsageError
from lamella.network.trainable import Trainable
from lamella.training.callbacks import Callback
from lamella.training.checkpoints.folder import CheckpointFolder


class RunFolder(Callback):
    """The folder of one run, which never holds the files of two.

    As a callback it removes the files of the run before when training begins, that is when all
    else has been checked.

    Parameters
    ----------
    path : path
    overwrite : bool
        Whether a run that is there already may be replaced.
    resume : bool
        Whether the run that is there is gone on with, and nothing removed.


    Attributes
    ----------
    model, history, record, curves : Path
        ``model.safetensors``, ``history.jsonl``, ``run.json`` and ``curves.png`` in it. The record
        is written last: a run that has one is finished.
    checkpoints, begun : Path
        ``checkpoints``, and ``checkpoints/begun.json``, the record of a run that is not finished.
    start : dict or None
        What is written as ``begun`` when training begins.
    """

    def __init__(self, path: Any, *, overwrite: bool = False, resume: bool = False) -> None:
        self.path, self.overwrite, self.resume = Path(path), overwrite, resume
        self.checkpoints = self.path / "checkpoints"
        self.begun = self.checkpoints / "begun.json"
        self.start: dict[str, Any] | None = None
        self.model = self.path / "model.safetensors"
        self.history = self.path / "history.jsonl"
        self.record = self.path / "run.json"
        self.curves = self.path / "curves.png"

    @property
    def files(self) -> list[Path]:
        """Those of its files that are there."""
        own = (self.model, self.history, self.record, self.curves, self.begun)
        return [file for file in own if file.exists()]

    def claim(self) -> None:
        """Make the folder, or raise a UsageError if it holds a run or cannot be written."""
        if self.begun.exists() and not (self.record.exists() or self.overwrite or self.resume):
            raise UsageError(
                f"{self.path} holds a run that was interrupted: go on with --resume {self.path}, "
                "or choose another folder, or replace that run with --overwrite"
            )
        if self.files and not (self.overwrite or self.resume):
            raise UsageError(
                f"{self.files[0]} is there already, from another run: choose another folder, or "
                "replace that run with --overwrite"
            )
        expect_writable(self.path)

    def on_fit_begin(self, model: Trainable, epochs: int, batches: int) -> None:
        if self.resume:
            for file in (self.model, self.history, self.record, self.curves):
                remove_unfinished(self.path, file.name)
            return
        # The record goes first: what is left of a run without one cannot be taken for finished.
        for file in sorted(self.files, key=lambda file: file != self.record):
            file.unlink()
        self._remove_checkpoints()
        if self.start is not None:
            self.checkpoints.mkdir(exist_ok=True)
            write_json(self.begun, self.start)

    def finish(self) -> None:
        """Remove what only a run that is not finished needs."""
        self.begun.unlink(missing_ok=True)
        self._remove_checkpoints()

    def _remove_checkpoints(self) -> None:
        if self.checkpoints.is_dir():
            remove_unfinished(self.checkpoints, "*")
            CheckpointFolder(self.checkpoints).clear()
            if not any(self.checkpoints.iterdir()):
                self.checkpoints.rmdir()
