"""EpochLog: losses and scores of one epoch, stored on the device."""

import time
from collections.abc import Sequence

import numpy as np

from lamella.core.typing import Array
from lamella.network.trainable import Trainable


class EpochLog:
    """Losses and scores of one epoch's batches, on the device until they are read.

    ``weights`` are the sum of the samples' weights in each batch, without weights their number. The
    memory of ``before``, the log of an epoch with as many batches, is used again.
    """

    def __init__(
        self, model: Trainable, weights: np.ndarray, before: "EpochLog | None" = None
    ) -> None:
        self._backend, self._metrics = model.backend, model.metrics
        memory = _memory(model, len(weights)) if before is None else before.give_memory()
        self._losses, self._sums = memory
        self.weights = weights.astype(float)
        self.done = 0
        self._began = time.perf_counter()

    def give_memory(self) -> tuple[Array, list[Array]]:
        """Return the memory of losses and sums, zeros now, and move the numbers to other memory."""
        losses, sums = self._losses, self._sums
        self._losses, *self._sums = [part.copy() for part in (losses, *sums)]
        for part in (losses, *sums):
            part.fill(0)
        return losses, sums

    def append(self, loss: Array, scores: Sequence[Array], weight: Array | None = None) -> None:
        """Append the mean loss of a batch, and each metric's scores of its weighted samples."""
        self.write(loss, scores, weight)
        self.done += 1  # no further call: each batch of a CPU comes here

    def write(self, loss: Array, scores: Sequence[Array], weight: Array | None = None) -> None:
        """Write the numbers of a batch, which `count` then counts; see `append`."""
        backend, done = self._backend, self.done
        backend.append(self._losses, done, loss)
        for sums, score in zip(self._sums, scores, strict=True):
            backend.append_sum(sums, done, score, weight)

    def count(self) -> None:
        """Count a batch: the last one written, or one whose samples have no weight."""
        self.done += 1

    def last(self, name: str = "loss") -> Array:
        """Return the loss of the last batch, or the (weighted) sum of a metric's scores."""
        if name == "loss":
            return self._losses[self.done - 1, ...]
        names = [metric.name for metric in self._metrics]
        return self._sums[names.index(name)][self.done - 1, ...]

    def losses(self) -> np.ndarray:
        """Return the loss of every batch so far; waits for the device."""
        return np.array(self._backend.to_host(self._losses[: self.done]))

    def rows(self) -> np.ndarray:
        """Return losses and sums of scores (numbers, batches so far); waits for the device."""
        to_host, batches = self._backend.to_host, len(self.weights)
        columns = [to_host(part).reshape(batches, -1) for part in (self._losses, *self._sums)]
        return np.concatenate(columns, axis=1)[: self.done].T

    def seconds(self) -> float:
        """Return the duration of the epoch so far."""
        return time.perf_counter() - self._began

    def restore(self, rows: np.ndarray, seconds: float) -> None:
        """Resume an interrupted epoch from its log's `rows` and `seconds`."""
        self.done = done = rows.shape[1]
        asarray = self._backend.asarray
        self._losses[:done] = asarray(rows[0], self._losses.dtype)
        first = 1
        for sums in self._sums:
            size = sums[0].size
            numbers = rows[first : first + size].T.reshape(done, *sums.shape[1:])
            sums[:done] = asarray(numbers, sums.dtype)
            first += size
        self._began = time.perf_counter() - seconds

    def means(self) -> dict[str, float]:
        """Return the loss and the scores of all samples so far; waits for the device."""
        to_host, weights = self._backend.to_host, self.weights[: self.done]
        # The weights of a truncated epoch can sum to 0: its loss is 0 then, not 0 / 0.
        total = max(float(weights.sum()), np.finfo(float).tiny)
        losses = to_host(self._losses[: self.done]).astype(float)
        # No dot product, whose last bits depend on the BLAS.
        means = {"loss": float((losses * weights).sum() / total)}
        for metric, sums in zip(self._metrics, self._sums, strict=True):
            means[metric.name] = metric.result(to_host(sums[: self.done]).sum(axis=0) / total)
        return means


def _memory(model: Trainable, batches: int) -> tuple[Array, list[Array]]:
    """Return memory for the losses and for the sums of each metric's scores."""
    zeros, shapes = model.backend.xp.zeros, [m.score_shape(model.shapes[-1]) for m in model.metrics]
    # Sums in float64, so that those of R2 and the like lose no digits.
    return zeros(batches, model.dtype), [zeros((batches, *shape), "float64") for shape in shapes]
