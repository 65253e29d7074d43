"""What a callback is: something that `fit` tells how it is getting on."""

from typing import Any

from lamella.network.trainable import Trainable
from lamella.training.epoch_log import EpochLog


class Callback:
    """Base of all callbacks: override what you want to be told.

    To end training call ``model.stop("why")``. What a hook raises ends `fit`; `on_fit_end` is
    called even then.
    """

    def on_fit_begin(self, model: Trainable, epochs: int, batches: int) -> None:
        """Training begins: ``epochs`` epochs of ``batches`` batches each."""

    def on_epoch_begin(self, model: Trainable, epoch: int) -> None:
        """Epoch ``epoch`` (from 0, counted over all calls of fit) begins."""

    def on_batch_end(self, model: Trainable, batch: int, log: EpochLog) -> None:
        """Batch ``batch`` (from 0) is done. ``log.last()`` is its loss, still on the device."""

    def on_epoch_end(self, model: Trainable, epoch: int, logs: dict[str, Any]) -> None:
        """An epoch is done; ``logs`` holds plain numbers: loss, accuracy, val_loss, ..."""

    def state_dict(self) -> dict[str, Any]:
        """Return what it must keep where training is interrupted: plain values and arrays.

        A callback whose hooks depend on what they were told before overrides this and
        `load_state_dict`; `fit` uses both if it has a ``checkpoint``.
        """
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take on what `state_dict` gave, after `on_fit_begin`; the next thing told is a batch."""

    def on_fit_end(self, model: Trainable) -> None:
        """Training is over, in whatever way."""
