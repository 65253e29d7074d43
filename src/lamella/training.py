"""The loop behind ``fit``: epochs of batches, and what is told to callbacks on the way."""

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lamella.arrays import Array
from lamella.batches import Data
from lamella.callbacks.base import Callback
from lamella.network import EVALUATION_BATCH

if TYPE_CHECKING:
    from lamella.model import Sequential


class EpochLog:
    """Losses and scores of one epoch's batches; they stay on the device until somebody asks.

    Parameters
    ----------
    model : Sequential
    sizes : ndarray
        Samples of each batch.
    """

    def __init__(self, model: "Sequential", sizes: np.ndarray) -> None:
        self._backend = model.backend
        self._names = ["loss", *(metric.name for metric in model.metrics)]
        self._rows = self._backend.xp.zeros((len(self._names), len(sizes)), model.dtype)
        self._sizes = sizes
        self.weights = sizes.astype(float)
        self.done = 0
        self._began = time.perf_counter()

    def record(self, loss: Array, scores: Sequence[Array]) -> None:
        """Note the mean loss of the next batch, and each metric's score of its samples."""
        self._rows[0, self.done] = loss
        for row, score in enumerate(scores, 1):
            score.sum(out=self._rows[row, self.done, ...])
        self.done += 1

    def last(self, name: str = "loss") -> Array:
        """Return the loss of the last batch, or the sum of a metric's scores, as a 0-d array."""
        return self._rows[self._names.index(name), self.done - 1, ...]

    def losses(self) -> np.ndarray:
        """Return the loss of every batch so far; waits for the device."""
        return np.array(self._backend.to_host(self._rows[0, : self.done]))

    def rows(self) -> np.ndarray:
        """Return the losses and scores of every batch so far, a row each; waits for the device."""
        return np.array(self._backend.to_host(self._rows[:, : self.done]))

    def seconds(self) -> float:
        """Return how long the epoch has taken so far."""
        return time.perf_counter() - self._began

    def restore(self, rows: np.ndarray, seconds: float) -> None:
        """Go on where another log of this epoch had come to, see `rows` and `seconds`."""
        self.done = rows.shape[1]
        self._rows[:, : self.done] = self._backend.asarray(rows, self._rows.dtype)
        self._began = time.perf_counter() - seconds

    def means(self) -> dict[str, float]:
        """Return the means over all samples so far as plain floats; waits for the device."""
        rows = self._backend.to_host(self._rows[:, : self.done]).astype(float)
        weights, samples = self.weights[: self.done], self._sizes[: self.done].sum()
        # An epoch that was ended before any sample with a weight has a loss of 0, not 0 / 0.
        total = max(float(weights.sum()), np.finfo(float).tiny)
        means = {"loss": float(rows[0] @ weights / total)}
        means.update(
            (name, float(row.sum() / samples))
            for name, row in zip(self._names[1:], rows[1:], strict=True)
        )
        return means


def train(
    model: "Sequential",
    data: Data,
    validation: Data | None,
    *,
    rows: np.ndarray,
    weights: np.ndarray | None,
    epochs: int,
    batch_size: int,
    shuffle: bool,
    callbacks: Sequence[Callback],
    step_done: Callable[[], None],
    resumed: tuple[np.ndarray, float] | None = None,
) -> None:
    """Train a compiled model on checked data.

    Parameters
    ----------
    model : Sequential
    data, validation : Data
    rows : ndarray of int
        The samples of ``data`` to train on.
    weights : ndarray or None
        ``data.weight`` on the host.
    epochs, batch_size, shuffle, callbacks
        As in `Sequential.fit`.
    step_done : function ()
        Is told after each step, see `Backend.pace`.
    resumed : (ndarray, float), optional
        What the log of the first epoch held when it was interrupted: `EpochLog.rows` and
        `EpochLog.seconds`.
    """
    starts = range(0, len(rows), batch_size)
    sizes = np.array([min(batch_size, len(rows) - start) for start in starts])
    watchers = [c for c in callbacks if type(c).on_batch_end is not Callback.on_batch_end]
    for epoch in range(model.epochs_done, model.epochs_done + epochs):
        log = EpochLog(model, sizes)
        order = model.streams.generator("shuffle", epoch).permutation(rows) if shuffle else rows
        if weights is not None:
            log.weights = np.add.reduceat(weights[order].astype(float), starts)
        on_device = model.backend.asarray(order)
        if resumed is not None:
            log.restore(*resumed)
        model.optimizer.begin_epoch(epoch - model.compiled_at, len(sizes), log.done)
        for callback in callbacks if resumed is None else ():
            callback.on_epoch_begin(model, epoch)
        resumed = None
        for batch, start in enumerate(starts[log.done :], log.done):
            x, y, weight = model.batches.gather(data, on_device[start : start + batch_size])
            loss = model.step(x, y, weight)
            step_done()
            log.record(loss, [metric.score(model.pred, y) for metric in model.metrics])
            for callback in watchers:
                callback.on_batch_end(model, batch, log)
            if model.stop_reason:
                break
        logs: dict[str, Any] = {"epoch": epoch + 1, **log.means()}
        if model.regularized:
            logs["penalty"] = model.penalty()
        if validation is not None:
            scores = evaluate(model, validation)
            logs.update((f"val_{name}", value) for name, value in scores.items())
        logs["learning_rate"] = model.optimizer.learning_rate
        logs["seconds"] = log.seconds()
        model.epochs_done = epoch + 1
        model.epoch_log = log
        for callback in callbacks:
            callback.on_epoch_end(model, epoch, logs)
        if model.stop_reason:
            break


def evaluate(
    model: "Sequential", data: Data, batch_size: int = EVALUATION_BATCH
) -> dict[str, float]:
    """Return the mean loss and scores of a model on checked data, without training it."""
    starts = range(0, len(data), batch_size)
    log = EpochLog(model, np.array([min(batch_size, len(data) - start) for start in starts]))
    if data.weight is not None:
        host = model.backend.to_host(data.weight).astype(float)
        log.weights = np.add.reduceat(host, starts)
    for start in starts:
        x, y, weight = model.batches.gather(data, slice(start, start + batch_size))
        pred = model.forward(x, training=False)
        loss = model.loss(pred, y, weight)
        log.record(loss, [metric.score(pred, y) for metric in model.metrics])
    return log.means()
