"""WeightAverage: evaluate and keep the exponential average of the weights."""

from collections.abc import Iterable
from typing import Any

from lamella.backend.elementwise import trace
from lamella.core.descriptors import checked
from lamella.core.errors import ArgumentError, UsageError
from lamella.core.validation import in_range
from lamella.network.trainable import Trainable
from lamella.training.callbacks.base import Callback
from lamella.training.epoch_log import EpochLog


class WeightAverage(Callback):
    """Train as usual, but evaluate and keep the exponential average of the weights.

        average <- decay average + (1 - decay) weights       after each step; first, a copy

    After the last step of an epoch the model has the average: validation scores it, other callbacks
    save it, and `fit` ends with it. The next epoch continues from the trained weights, a later
    `fit` from the average, and an exception within an epoch leaves the trained weights.
    `BatchNorm`'s running averages stay those of the trained weights. ``decay`` is in [0, 1).

    References
    ----------
    Polyak and Juditsky, 1992. Equal to torch.optim.swa_utils.AveragedModel with
    get_ema_multi_avg_fn(decay).
    """

    decay: float = checked(in_range, 0, 1, right_open=True)

    def __init__(self, decay: float = 0.999) -> None:
        self.decay = decay

    def on_fit_begin(self, model: Trainable, epochs: int, batches: int) -> None:
        if "_store" in vars(self):
            raise UsageError("this WeightAverage averages another fit: give each fit its own")
        store = model.built()
        self._batches, self._begun, self._is_average = batches, False, False
        self._other = store.backend.zeros(store.values.size, store.values.dtype)
        self._other[...] = store.values  # for an epoch that is stopped before its first step
        program = trace(lambda old, new, c: old + c * (new - old), 2, 1)
        vectors = self._other, store.values
        self._add = store.backend.compile_rule(program, vectors, vectors[:1])
        self._store = store

    def on_epoch_begin(self, model: Trainable, epoch: int) -> None:
        if self._is_average:
            self._swap(model)

    def on_batch_end(self, model: Trainable, batch: int, log: EpochLog) -> None:
        if log.weights[batch]:  # else the batch was skipped
            self._add(1 - self.decay if self._begun else 1.0)
            self._begun = True
        if batch + 1 == self._batches or model.stop_reason:
            self._swap(model)

    def on_epoch_end(self, model: Trainable, epoch: int, logs: dict[str, Any]) -> None:
        if not self._is_average:  # a later callback stopped the epoch
            self._swap(model)

    def on_fit_end(self, model: Trainable) -> None:
        del self._store, self._other, self._add  # of a model, which a pickle would hold

    def _swap(self, model: Trainable) -> None:
        """Exchange the model's weights and the other ones: the average, or those trained."""
        with model.turns.lock:
            values = self._store.values
            before = values.copy()
            values[...], self._other[...] = self._other, before
        self._is_average = not self._is_average

    def state_dict(self) -> dict[str, Any]:
        other = self._store.backend.to_host(self._other)
        return {"other": other.copy(), "begun": self._begun, "is_average": self._is_average}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._other[...] = self._store.backend.asarray(state["other"])
        self._begun, self._is_average = state["begun"], state["is_average"]


def expect_one_average(callbacks: Iterable[Any]) -> None:
    """Raise an ArgumentError if there are two: the second would average the first's averages."""
    if sum(isinstance(callback, WeightAverage) for callback in callbacks) > 1:
        raise ArgumentError("give one WeightAverage: a second would average the first's averages")
