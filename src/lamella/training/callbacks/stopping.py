"""Callbacks that end training early."""

import math
from typing import Any

import numpy as np

from lamella.core.errors import ArgumentError, DivergenceWarning, UsageError, warn_user
from lamella.core.names import did_you_mean
from lamella.core.validation import at_least, not_negative, number, one_of
from lamella.losses.metrics import is_higher_better
from lamella.network.trainable import Trainable
from lamella.training.callbacks.base import Callback
from lamella.training.epoch_log import EpochLog

MODES = ("auto", "min", "max")


class Best:
    """Best value so far of the logged number ``monitor``, in a `fit` of ``model``.

    Mode "auto" asks the metric whether lower or higher is better, see `is_higher_better`.
    Improvements smaller than ``min_delta`` do not count. Raise an ArgumentError if no metric says
    which is better, a UsageError if there is no validation to monitor.
    """

    def __init__(
        self, model: Trainable, monitor: str, mode: str = "auto", min_delta: float = 0.0
    ) -> None:
        scores = {f"val_{name}" for name in ("loss", *(metric.name for metric in model.metrics))}
        if monitor in scores and not model.validates:
            raise UsageError(
                f"there will be no {monitor!r} to monitor: give fit validation_data or "
                "validation_split"
            )
        larger = mode == "max"
        if mode == "auto":
            try:
                larger = is_higher_better(monitor.removeprefix("val_"), model.metrics)
            except ArgumentError as error:
                raise ArgumentError(f'give mode="min" or mode="max": {error}') from None
        self.monitor, self.min_delta = monitor, min_delta
        self.sign = 1.0 if larger else -1.0
        self.value: float | None = None

    def improves(self, logs: dict[str, Any]) -> bool:
        """Store the value in ``logs`` if it is the best so far, and return whether; never NaN."""
        if self.monitor not in logs:
            known = ", ".join(logs)
            hint = did_you_mean(self.monitor, logs)
            raise UsageError(
                f"there is no {self.monitor!r} to monitor; the epoch logged {known}{hint}"
            )
        try:
            value = float(logs[self.monitor])
        except (TypeError, ValueError):
            raise UsageError(
                f"{self.monitor!r} is no number to monitor: the epoch logged {logs[self.monitor]!r}"
            ) from None
        better = self.value is None or self.beats(value, self.value)
        if better and not math.isnan(value):
            self.value = value
            return True
        return False

    def beats(self, value: float, other: float) -> bool:
        """Whether a value is better than another by more than ``min_delta``."""
        return self.sign * (value - other) > self.min_delta


class EarlyStopping(Callback):
    """End training when a score has not improved for some epochs.

    The weights of the best epoch are restored at the end of training, also if it completes.

    Parameters
    ----------
    monitor : str
        Name of a logged number, such as "val_loss" or "val_accuracy".
    patience : int
        Number of epochs without improvement before training ends, at least 1.
    min_delta : float
        Smallest improvement that counts, at least 0.
    mode : {"auto", "min", "max"}
        Whether lower or higher is better. "auto" asks the metric of that name; for other numbers,
        such as one that a callback logs, it is an error.
    baseline : float, optional
        Value to beat, by more than ``min_delta``: improvements that do not beat it store the
        weights, but ``patience`` goes on running out.
    start_from_epoch : int
        Number of epochs of this fit that are not monitored at first, at least 0.

    Attributes
    ----------
    best_epoch : int
        Number (from 1) of the epoch whose weights were restored.

    References
    ----------
    Ends in the same epochs as keras.callbacks.EarlyStopping(restore_best_weights=True).
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        *,
        patience: int = 5,
        min_delta: float = 0.0,
        mode: str = "auto",
        baseline: float | None = None,
        start_from_epoch: int = 0,
    ) -> None:
        self.monitor, self.mode = monitor, one_of("mode", mode, MODES)
        self.min_delta = not_negative("min_delta", min_delta)
        self.patience = at_least("patience", patience, 1)
        self.baseline = None if baseline is None else number("baseline", baseline)
        self.start_from_epoch = at_least("start_from_epoch", start_from_epoch, 0)

    def on_fit_begin(self, model: Trainable, epochs: int, batches: int) -> None:
        self._best = Best(model, self.monitor, self.mode, self.min_delta)
        self._weights: dict[str, np.ndarray] = {}
        self.best_epoch = model.epochs_done  # without an improvement nothing is restored
        self._begun, self._waited = model.epochs_done, 0

    def on_epoch_end(self, model: Trainable, epoch: int, logs: dict[str, Any]) -> None:
        if epoch - self._begun < self.start_from_epoch:
            return
        self._waited += 1
        if self._best.improves(logs):
            self._weights = model.state_dict()
            self.best_epoch = epoch + 1
            if self.baseline is None or self._best.beats(logs[self.monitor], self.baseline):
                self._waited = 0
        elif self._waited >= self.patience:
            self._stop(model)

    def _stop(self, model: Trainable) -> None:
        best = "it was always NaN"
        if self._best.value is not None:
            best = f"best {self._best.value:.6g} in epoch {self.best_epoch}"
        goal = "" if self.baseline is None else f" beyond the baseline {self.baseline:g}"
        waited = f"{self._waited} epoch{'s' * (self._waited > 1)}"
        model.stop(f"{self.monitor} has not improved{goal} for {waited}: {best}")

    def state_dict(self) -> dict[str, Any]:
        numbers = {"best": self._best.value, "best_epoch": self.best_epoch, "waited": self._waited}
        return {**numbers, **self._weights}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._best.value, self.best_epoch = state.pop("best"), state.pop("best_epoch")
        self._waited = state.pop("waited")
        self._weights = state

    def on_fit_end(self, model: Trainable) -> None:
        if getattr(self, "_weights", None):
            model.load_state_dict(self._weights)


class TerminateOnNaN(Callback):
    """End training at the first non-finite loss, and warn of its origin.

    The message names the epoch, the batch, and the first layer with non-finite outputs. Reading
    the loss after every batch makes a GPU wait each time.
    """

    def on_batch_end(self, model: Trainable, batch: int, log: EpochLog) -> None:
        if math.isfinite(float(log.last())):
            return
        reason = (
            f"the loss is not finite in epoch {model.epochs_done + 1}, batch {batch + 1} (step "
            f"{model.optimizer.t}): {_origin(model)}. "
            "Try a smaller learning rate, or clip_norm"
        )
        model.stop(reason)
        warn_user(reason, DivergenceWarning)


def _origin(model: Trainable) -> str:
    """Return the first non-finite array in the order of computation."""
    xp = model.backend.xp
    for i, (layer, output) in enumerate(zip(model.layers, model.layer_outputs, strict=True)):
        if not bool(xp.isfinite(output).all()):
            return f"it began in the output of layer {i} {layer!r}"
    return "all outputs of layers were finite, so it began in the loss"
