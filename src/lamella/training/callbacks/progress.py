"""Progress: one progress bar per fit."""

from typing import Any

from lamella.core.terminal import error_stream
from lamella.network.trainable import Trainable
from lamella.training.callbacks.base import Callback, logged_text
from lamella.training.epoch_log import EpochLog


class Progress(Callback):
    """Show a progress bar with epoch, loss, scores and remaining time.

    On the host, losses and scores are updated within an epoch. On a GPU, where reading them would
    wait for the device, they are updated after each epoch.
    """

    def on_fit_begin(self, model: Trainable, epochs: int, batches: int) -> None:
        self.first, self.epochs = model.epochs_done, epochs
        from tqdm import tqdm  # slower to import than lamella itself

        self.bar = tqdm(total=epochs * batches, unit="batch", file=error_stream())

    def on_epoch_begin(self, model: Trainable, epoch: int) -> None:
        self.bar.set_description(f"epoch {epoch + 1 - self.first}/{self.epochs}", refresh=False)

    def on_batch_end(self, model: Trainable, batch: int, log: EpochLog) -> None:
        if self.bar.update() and model.backend.on_host:
            self._show(log.means())

    def on_epoch_end(self, model: Trainable, epoch: int, logs: dict[str, Any]) -> None:
        hidden = ("epoch", "penalty", "learning_rate", "seconds")
        self._show({name: value for name, value in logs.items() if name not in hidden})

    def state_dict(self) -> dict[str, Any]:
        return {"batches": self.bar.n}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.bar.initial = self.bar.n = state["batches"]

    def on_fit_end(self, model: Trainable) -> None:
        if hasattr(self, "bar"):
            self.bar.close()

    def _show(self, logs: dict[str, Any]) -> None:
        self.bar.set_postfix({name: logged_text(value, ".4f") for name, value in logs.items()})
