"""Callbacks that end training before its last epoch."""

import math
import warnings
from typing import Any

import numpy as np

from lamella.core.errors import DivergenceWarning, UsageError
from lamella.core.validation import at_least, not_negative, one_of
from lamella.network.trainable import Trainable
from lamella.training.callbacks.base import Callback
from lamella.training.epoch_log import EpochLog


class Best:
    """Remembers the best value of one logged number.

    Parameters
    ----------
    monitor : str
        Its name in the logs.
    mode : {"auto", "min", "max"}
        Whether less or more is better; "auto" takes more for accuracies and less for all else.
    min_delta : float
        By how much a value must be better to count.
    """

    def __init__(self, monitor: str, mode: str = "auto", min_delta: float = 0.0) -> None:
        one_of("mode", mode, ("auto", "min", "max"))
        larger = "accuracy" in monitor if mode == "auto" else mode == "max"
        self.monitor, self.sign = monitor, 1.0 if larger else -1.0
        self.min_delta = not_negative("min_delta", min_delta)
        self.value: float | None = None

    def expect_monitored(self, model: Trainable) -> None:
        """Raise a UsageError if a validation score is monitored in a fit without validation."""
        scores = {f"val_{name}" for name in ("loss", *(metric.name for metric in model.metrics))}
        if self.monitor in scores and not model.validates:
            raise UsageError(
                f"there will be no {self.monitor!r} to monitor: give fit validation_data or "
                "validation_split"
            )

    def improves(self, logs: dict[str, Any]) -> bool:
        """Whether the value in ``logs`` is the best so far, and remember it; NaN never is."""
        if self.monitor not in logs:
            known = ", ".join(logs)
            raise UsageError(f"there is no {self.monitor!r} to monitor, the epoch gave {known}")
        value = float(logs[self.monitor])
        better = self.value is None or self.sign * (value - self.value) > self.min_delta
        if better and not math.isnan(value):
            self.value = value
            return True
        return False


class EarlyStopping(Callback):
    """Ends training when a score has not improved for some epochs, and restores the best weights.

    The weights of the best epoch are restored however training ends.

    Parameters
    ----------
    monitor : str
        A number of the logs, such as "val_loss" or "val_accuracy".
    patience : int
        Epochs without improvement before it ends, at least 1.
    min_delta : float
        By how much a value must be better to count as improvement, at least 0.
    mode : {"auto", "min", "max"}
        Whether less or more is better; "auto" takes more for accuracies and less for all else.

    Attributes
    ----------
    best_epoch : int
        Number (from 1) of the epoch whose weights were restored.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        *,
        patience: int = 5,
        min_delta: float = 0.0,
        mode: str = "auto",
    ) -> None:
        self.monitor, self.mode, self.min_delta = monitor, mode, min_delta
        self.patience = at_least("patience", patience, 1)
        Best(monitor, mode, min_delta)

    def on_fit_begin(self, model: Trainable, epochs: int, batches: int) -> None:
        self._best = Best(self.monitor, self.mode, self.min_delta)
        self._best.expect_monitored(model)
        self._weights: dict[str, np.ndarray] = {}
        self.best_epoch = model.epochs_done  # none is better than what was there before

    def on_epoch_end(self, model: Trainable, epoch: int, logs: dict[str, Any]) -> None:
        if self._best.improves(logs):
            self._weights = model.state_dict()
            self.best_epoch = epoch + 1
        elif epoch + 1 - self.best_epoch >= self.patience:
            best = "it was never a number"
            if self._best.value is not None:
                best = f"best {self._best.value:.6g} in epoch {self.best_epoch}"
            waited = f"{self.patience} epoch{'s' * (self.patience > 1)}"
            model.stop(f"{self.monitor} has not improved for {waited}: {best}")

    def state_dict(self) -> dict[str, Any]:
        return {"best": self._best.value, "best_epoch": self.best_epoch, **self._weights}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._best.value, self.best_epoch = state.pop("best"), state.pop("best_epoch")
        self._weights = state

    def on_fit_end(self, model: Trainable) -> None:
        if getattr(self, "_weights", None):
            model.load_state_dict(self._weights)


class TerminateOnNaN(Callback):
    """Ends training at the first loss that is not finite, and says where that began.

    The message names epoch and batch, and the first layer whose parameters or outputs are not
    finite. It reads the loss after every batch, which on a GPU costs a wait each time.
    """

    def on_batch_end(self, model: Trainable, batch: int, log: EpochLog) -> None:
        if math.isfinite(float(log.last())):
            return
        reason = (
            f"the loss is not finite in epoch {model.epochs_done + 1}, batch {batch + 1} (step "
            f"{model.optimizer.t}): {_first_trouble(model)}. "
            "Try a smaller learning rate, or clip_norm"
        )
        model.stop(reason)
        warnings.warn(reason, DivergenceWarning, stacklevel=2)


def _first_trouble(model: Trainable) -> str:
    """Name the first array, in the order of computation, that is not finite."""
    xp = model.backend.xp
    for i, (layer, output) in enumerate(zip(model.layers, model.outputs, strict=True)):
        if not bool(xp.isfinite(output).all()):
            return f"it began in the output of layer {i} {layer!r}"
    return "all outputs of layers were finite, so it began in the loss"
