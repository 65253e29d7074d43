"""The folder of a run and its files."""

from pathlib import Path
from typing import Any

from lamella.core.disk import expect_writable, remove_unfinished, write_json
from lamella.core.errors import UsageError
from lamella.network.trainable import Trainable
from lamella.training.callbacks import Callback
from lamella.training.checkpoints.folder import CheckpointFolder


class RunFolder(Callback):
    """Folder of one run; it never mixes the files of two.

    As a callback it removes the files of a previous run when training begins, after all checks.
    ``overwrite`` says whether an existing run may be replaced, and ``resume`` whether to resume it
    and remove nothing. The record is written last: a run with a record is finished.
    """

    changes_training = False

    def __init__(self, path: Any, *, overwrite: bool = False, resume: bool = False) -> None:
        self.path, self.overwrite, self.resume = Path(path), overwrite, resume
        self.checkpoints = self.path / "checkpoints"
        self.begun = self.checkpoints / "begun.json"  # the record of an unfinished run
        self.start: dict[str, Any] | None = None  # content of ``begun``, written when it begins
        self.model = self.path / "model.safetensors"
        self.history = self.path / "history.jsonl"
        self.steps = self.path / "steps.csv"
        self.epochs = self.path / "epochs"  # weights of every epoch
        self.record = self.path / "run.json"
        self.curves = self.path / "curves.png"

    @property
    def files(self) -> list[Path]:
        """Existing files of the run."""
        files = (self.model, self.history, self.steps, self.record, self.curves, self.begun)
        return [file for file in files if file.exists()]

    def claim(self) -> None:
        """Create the folder; raise a UsageError if it has a run or is not writable."""
        if self.begun.exists() and not (self.record.exists() or self.overwrite or self.resume):
            raise UsageError(
                f"{self.path} holds an interrupted run: resume it with --resume {self.path}, "
                "choose another folder, or replace that run with --overwrite"
            )
        if self.files and not (self.overwrite or self.resume):
            raise UsageError(
                f"{self.files[0]} already exists, from another run: choose another folder, or "
                "replace that run with --overwrite"
            )
        expect_writable(self.path)

    def on_fit_begin(self, model: Trainable, epochs: int, batches: int) -> None:
        if self.resume:
            for file in (self.model, self.history, self.steps, self.record, self.curves):
                remove_unfinished(self.path, file.name)
            return
        # Remove the record first: a run without one cannot be mistaken for a finished run.
        for file in sorted(self.files, key=lambda file: file != self.record):
            file.unlink()
        self._remove_checkpoints()
        for file in self.epochs.glob("*.safetensors"):
            file.unlink()
        if self.start is not None:
            self.checkpoints.mkdir(exist_ok=True)
            write_json(self.begun, self.start)

    def finish(self) -> None:
        """Remove the files that only an unfinished run needs."""
        self.begun.unlink(missing_ok=True)
        self._remove_checkpoints()

    def _remove_checkpoints(self) -> None:
        if self.checkpoints.is_dir():
            remove_unfinished(self.checkpoints, "*")
            CheckpointFolder(self.checkpoints).clear()
            if not any(self.checkpoints.iterdir()):
                self.checkpoints.rmdir()
