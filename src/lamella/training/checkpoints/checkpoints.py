"""Checkpoints: when they are written, and how a training goes on from one."""

import time
import warnings
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from lamella.backend.threads import limit_blas_threads
from lamella.core.errors import UsageError
from lamella.core.validation import not_negative
from lamella.network.batches import Data
from lamella.network.trainable import Trainable
from lamella.training.callbacks.base import Callback
from lamella.training.checkpoints.folder import CheckpointFolder, CheckpointWarning
from lamella.training.checkpoints.identity import differing, identity
from lamella.training.checkpoints.state import capture, restore
from lamella.training.epoch_log import EpochLog


class Checkpoints(Callback):
    """Keeps a training on disk, so that it can be interrupted at any moment; give it to `fit`.

    Written at each epoch's end, and within an epoch when ``seconds`` have passed since the last
    one. When they are written does not change what is computed.

    Parameters
    ----------
    folder : path
        Made if it is not there. It holds the checkpoints of one training.
    seconds : float
        At least 0; 0 writes one after every batch.
    fresh : bool
        Whether to begin anew and remove what is in the folder from another training.

    Examples
    --------
    ``model.fit(x, y, checkpoint="runs/a")`` or, for one every ten minutes,
    ``model.fit(x, y, checkpoint=Checkpoints("runs/a", seconds=600))``.
    """

    def __init__(self, folder: Any, *, seconds: float = 60.0, fresh: bool = False) -> None:
        self.folder = CheckpointFolder(folder)
        self.seconds = not_negative("seconds", seconds)
        self.fresh = fresh

    def open(self, model: Trainable, identity: dict[str, Any]) -> None:
        """Look for a checkpoint of the training with this identity; nothing is changed yet.

        Raises
        ------
        UsageError
            If the folder holds checkpoints of another training.
        """
        from lamella.training.environment import environment

        self._model, self._identity = model, identity
        self._environment = environment(model.backend)
        self._found = None if self.fresh else self.folder.newest()
        if self._found is None:
            return
        header = self._found[0]
        others = differing(header["identity"], identity)
        if others:
            raise UsageError(
                f"{self.folder.path} holds checkpoints of another training; not the same: "
                f"{', '.join(others)}. Make the model as it was when that training began (the "
                "same seed, not trained yet), or choose another folder, or remove this one"
            )
        self._tell_differences(header["environment"])

    def _tell_differences(self, there: dict[str, Any]) -> None:
        from lamella.training.differences import of_environments

        found = of_environments(there, self._environment)
        if found:
            warnings.warn(
                "training goes on, but the bits may be others than if it had not been "
                f"interrupted, for it was begun with another {'; '.join(found)}",
                CheckpointWarning,
                stacklevel=5,
            )

    def restore(self, callbacks: Sequence[Callback], epochs: int) -> int:
        """Put model and callbacks where the checkpoint was; return how many epochs are left.

        Parameters
        ----------
        callbacks : sequence of Callback
            All others of this fit, which have been told that it begins.
        epochs : int
            Of the whole training.
        """
        self._callbacks, self._last = list(callbacks), time.monotonic()
        self.resumed: tuple[np.ndarray, float] | None = None
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
            self.resumed = arrays["log"], header["seconds"]
        return 0 if model.stop_reason else begun + epochs - model.epochs_done

    def same_threads(self) -> AbstractContextManager[Any]:
        """Let matrix products have no more threads than they had when training began."""
        if self._found is None or not self._model.backend.on_host:
            return nullcontext()
        there = int(self._found[0]["blas_threads"])
        most = max((blas["threads"] for blas in self._environment["blas"]), default=there)
        if most < there:
            warnings.warn(
                f"training was begun with {there} BLAS threads and there are {most} now, which "
                "may change last bits: set OPENBLAS_NUM_THREADS as it was, or leave it out",
                CheckpointWarning,
                stacklevel=3,
            )
        return limit_blas_threads(there)

    def on_batch_end(self, model: Trainable, batch: int, log: EpochLog) -> None:
        # After the last batch the epoch's end is near, and so it is when training was stopped.
        late = time.monotonic() - self._last >= self.seconds
        if late and log.done < len(log.weights) and not model.stop_reason:
            self._write(log, epoch=model.epochs_done, ended=False)

    def on_epoch_end(self, model: Trainable, epoch: int, logs: dict[str, Any]) -> None:
        self._write(model.epoch_log, epoch=epoch, ended=True)

    def _write(self, log: EpochLog, *, epoch: int, ended: bool) -> None:
        header, arrays = capture(self._model, self._callbacks)
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


def keep(
    given: Any,
    model: Trainable,
    data: Data,
    validation: Data | None,
    rows: np.ndarray,
    callbacks: Sequence[Callback],
    **options: Any,
) -> Checkpoints:
    """Return the Checkpoints of a fit, which was ``given`` a folder or a Checkpoints."""
    keeper = given if isinstance(given, Checkpoints) else Checkpoints(given)
    keeper.open(model, identity(model, data, validation, rows, callbacks, **options))
    return keeper
