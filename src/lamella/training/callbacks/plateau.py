"""ReduceLROnPlateau: lower the learning rate when a score no longer improves."""

from typing import Any

from lamella.core.errors import ArgumentError, UsageError
from lamella.core.validation import at_least, in_range, not_negative, one_of
from lamella.network.trainable import Trainable
from lamella.optimizers.schedules import Schedule
from lamella.training.callbacks.base import Callback
from lamella.training.callbacks.stopping import MODES, Best


class ReduceLROnPlateau(Callback):
    """Multiply the learning rate by ``factor`` when a score has not improved for some epochs.

    Parameters
    ----------
    monitor : str
        Name of a logged number, such as "val_loss" or "val_accuracy".
    factor : float
        In (0, 1).
    patience : int
        Number of epochs without improvement before the rate falls, at least 1.
    min_delta : float
        Smallest improvement that counts, at least 0.
    cooldown : int
        Number of epochs after a fall in which none is counted, at least 0; the last one counts.
    min_lr : float
        Lower limit of the rate, at least 0.
    mode : {"auto", "min", "max"}
        As in `EarlyStopping`.

    References
    ----------
    Equal to keras.callbacks.ReduceLROnPlateau. Without a cooldown, equal to
    torch.optim.lr_scheduler.ReduceLROnPlateau(patience=patience - 1, threshold=min_delta,
    threshold_mode="abs"), whose patience is the number of epochs that are tolerated.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        *,
        factor: float = 0.1,
        patience: int = 10,
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
        mode: str = "auto",
    ) -> None:
        self.monitor, self.mode = monitor, one_of("mode", mode, MODES)
        self.min_delta = not_negative("min_delta", min_delta)
        self.factor = in_range("factor", factor, 0, 1, right_open=True)
        if self.factor == 0:
            raise ArgumentError("factor must be greater than 0: a rate of 0 trains nothing")
        self.patience = at_least("patience", patience, 1)
        self.cooldown = at_least("cooldown", cooldown, 0)
        self.min_lr = not_negative("min_lr", min_lr)

    def on_fit_begin(self, model: Trainable, epochs: int, batches: int) -> None:
        if isinstance(model.optimizer.lr, Schedule):
            raise UsageError(
                "ReduceLROnPlateau sets the learning rate, which a schedule sets too: give the "
                f"optimizer a number in place of {model.optimizer.lr!r}"
            )
        self._best = Best(model, self.monitor, self.mode, self.min_delta)
        self._waited = self._cooling = 0

    def on_epoch_end(self, model: Trainable, epoch: int, logs: dict[str, Any]) -> None:
        if self._cooling:
            self._cooling -= 1
            self._waited = 0
        if self._best.improves(logs):
            self._waited = 0
        elif not self._cooling:
            self._waited += 1
            if self._waited >= self.patience:
                self._reduce(model)

    def _reduce(self, model: Trainable) -> None:
        rate = model.optimizer.learning_rate
        if rate > self.min_lr:
            model.optimizer.lr = max(rate * self.factor, self.min_lr)
            self._waited, self._cooling = 0, self.cooldown

    def state_dict(self) -> dict[str, Any]:
        return {"best": self._best.value, "waited": self._waited, "cooling": self._cooling}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._best.value = state["best"]
        self._waited, self._cooling = state["waited"], state["cooling"]
