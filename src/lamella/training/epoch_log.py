"""EpochLog: losses and scores of one epoch, stored on the device."""

import time
from collections.abc import Sequence

import numpy as np

from lamella.core.typing import Array
from lamella.network.trainable import Trainable


class EpochLog:
    """Losses and scores of one epoch's batches, on the device until they are read.

    Parameters
    ----------
    model : Sequential
    sizes : ndarray
        Number of samples in each batch.
    """

    def __init__(self, model: Trainable, sizes: np.ndarray) -> None:
        self._backend = model.backend
        self._names = ["loss", *(metric.name for metric in model.metrics)]
        self._rows = self._backend.xp.zeros((len(self._names), len(sizes)), model.dtype)
        self._sizes = sizes
        self.weights = sizes.astype(float)
        self.done = 0
        self._began = time.perf_counter()

    def append(self, loss: Array, scores: Sequence[Array]) -> None:
        """Append the mean loss of a batch, and each metric's scores of its samples."""
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
        """Return losses and scores (1 + metrics, batches so far); waits for the device."""
        return np.array(self._backend.to_host(self._rows[:, : self.done]))

    def seconds(self) -> float:
        """Return the duration of the epoch so far."""
        return time.perf_counter() - self._began

    def restore(self, rows: np.ndarray, seconds: float) -> None:
        """Resume an interrupted epoch from its log's `rows` and `seconds`."""
        self.done = rows.shape[1]
        self._rows[:, : self.done] = self._backend.asarray(rows, self._rows.dtype)
        self._began = time.perf_counter() - seconds

    def means(self) -> dict[str, float]:
        """Return the means over all samples so far as plain floats; waits for the device."""
        rows = self._backend.to_host(self._rows[:, : self.done]).astype(float)
        weights, samples = self.weights[: self.done], self._sizes[: self.done].sum()
        # The weights of a truncated epoch can sum to 0: its loss is 0 then, not 0 / 0.
        total = max(float(weights.sum()), np.finfo(float).tiny)
        means = {"loss": float(rows[0] @ weights / total)}
        means.update(
            (name, float(row.sum() / samples))
            for name, row in zip(self._names[1:], rows[1:], strict=True)
        )
        return means
