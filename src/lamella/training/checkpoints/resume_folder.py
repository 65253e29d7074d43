"""ResumeFolder: write checkpoints during training, and resume from the newest."""

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from lamella.backend.threads import limit_blas_threads
from lamella.core.errors import UsageError, warn_user
from lamella.core.validation import flag, not_negative
from lamella.network.trainable import Trainable
from lamella.training.callbacks.base import Callback
from lamella.training.checkpoints.folder import CheckpointFolder, CheckpointWarning
from lamella.training.checkpoints.identity import identity_differences
from lamella.training.checkpoints.state import changed_values, collect, restore
from lamella.training.differences import environment_differences
from lamella.training.environment import environment
from lamella.training.epoch_log import EpochLog


class ResumeFolder(Callback):
    """Folder of checkpoints from which `fit` resumes an interrupted training.

    A checkpoint is written after each epoch, and within an epoch when ``seconds`` have passed
    since the last one. Writing changes no bits of the training. The same call with more epochs
    continues a finished training.

    Values that callbacks change, such as ``optimizer.lr``, are restored: hyper-parameters, and
    other attributes of layers, loss and optimizer that are numbers or strings, without a leading
    underscore.

    Parameters
    ----------
    folder : path
        Created if it does not exist. It holds the checkpoints of one training.
    seconds : float
        Interval, at least 0; 0 writes a checkpoint after every batch.
    fresh : bool
        Whether to remove existing checkpoints and start from the beginning.

    Examples
    --------
    ``model.fit(x, y, checkpoint="runs/a")`` or, with a checkpoint every ten minutes,
    ``model.fit(x, y, checkpoint=lm.ResumeFolder("runs/a", seconds=600))``.
    """

    def __init__(self, folder: Any, *, seconds: float = 60.0, fresh: bool = False) -> None:
        self.folder = CheckpointFolder(folder)
        self.seconds = not_negative("seconds", seconds)
        self.fresh = flag("fresh", fresh)

    def open(self, model: Trainable, identity: dict[str, Any], epochs: int) -> None:
        """Find the newest checkpoint of the training with this identity; change nothing yet.

        Raise a UsageError if the folder holds checkpoints of another training, or of one that has
        gone beyond ``epochs`` epochs.
        """
        self._model, self._identity = model, identity
        self._environment = environment(model.backend)
        self._found = None if self.fresh else self.folder.newest()
        if self._found is None:
            return
        header = self._found[0]
        others = identity_differences(header["identity"], identity)
        if others:
            mend = (
                "Create the model as it was when that training began (same seed, not trained yet)"
            )
            if identity["begun"] != header["identity"]["begun"]:
                mend = "For further epochs create the model anew and ask for all epochs at once"
            raise UsageError(
                f"{self.folder.path} holds checkpoints of another training; different: "
                f"{', '.join(others)}. {mend}, choose another folder, or remove this one"
            )
        begun = header["epoch"] + 1 - model.epochs_done
        if begun > epochs:
            raise UsageError(
                f"{self.folder.path} holds a training in its epoch {begun}: to resume it, epochs "
                f"must be at least {begun}, got {epochs}"
            )
        changed_values(model, header["values"])
        changes = environment_differences(header["environment"], self._environment)
        if changes:
            warn_user(
                "training resumes, but its bits may differ from an uninterrupted training, "
                f"because the environment has changed: {'; '.join(changes)}",
                CheckpointWarning,
            )

    def restore(self, callbacks: Sequence[Callback], epochs: int) -> int:
        """Restore model and callbacks from the checkpoint; return the number of epochs left.

        ``callbacks`` are all others of this fit, after their `on_fit_begin`; ``epochs`` is the
        number of the whole training.
        """
        self._callbacks, self._last = list(callbacks), time.monotonic()
        self.epoch_so_far: tuple[np.ndarray, float] | None = None
        self.folder.begin()
        if self.fresh:
            self.folder.clear()
        if self._found is None:
            return epochs
        header, arrays = self._found
        model = self._model
        restore(model, callbacks, header, arrays)
        begun, done = model.epochs_done, arrays["log"].shape[1]
        epoch = header["epoch"]
        if header["ended"]:
            model.epochs_done = epoch + 1
            model.optimizer.begin_epoch(epoch - model.compiled_at, header["batches"], done)
        else:
            model.epochs_done = epoch
            self.epoch_so_far = arrays["log"], header["seconds"]
        return 0 if model.stop_reason else begun + epochs - model.epochs_done

    def limit_threads(self) -> AbstractContextManager[Any]:
        """Limit BLAS to the number of threads with which the training began."""
        if self._found is None or not self._model.backend.on_host:
            return nullcontext()
        there = int(self._found[0]["blas_threads"])
        most = max((blas["threads"] for blas in self._environment["blas"]), default=there)
        if most < there:
            warn_user(
                f"training began with {there} BLAS threads and only {most} are available, which "
                "may change last bits: set OPENBLAS_NUM_THREADS as before, or unset it",
                CheckpointWarning,
            )
        return limit_blas_threads(there)

    def on_batch_end(self, model: Trainable, batch: int, log: EpochLog) -> None:
        # After the last batch, and when training stops, on_epoch_end writes one immediately.
        late = time.monotonic() - self._last >= self.seconds
        if late and log.done < len(log.weights) and not model.stop_reason:
            self._write(log, epoch=model.epochs_done, ended=False)

    def on_epoch_end(self, model: Trainable, epoch: int, logs: dict[str, Any]) -> None:
        self._write(model.epoch_log, epoch=epoch, ended=True)

    def _write(self, log: EpochLog, *, epoch: int, ended: bool) -> None:
        header, arrays = collect(self._model, self._callbacks)
        header |= {
            "identity": self._identity,
            "environment": self._environment,
            "epoch": epoch,
            "ended": ended,
            "batches": len(log.weights),
            "seconds": log.seconds(),
        }
        self.folder.write(header, {**arrays, "log": log.rows()})
        self._last = time.monotonic()
