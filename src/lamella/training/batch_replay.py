"""The batches of a data set: a device does each in one launch, from gathering to the log."""

from collections.abc import Callable, Iterator

import numpy as np

from lamella.core.typing import Array
from lamella.network.batches import Data
from lamella.network.fingerprint import Calls
from lamella.network.replay import Replay
from lamella.network.trainable import Trainable, gradient_calls
from lamella.optimizers import Optimizer
from lamella.optimizers.schedules import Schedule
from lamella.training.epoch_log import EpochLog


class BatchReplay:
    """Gathers batches, works on them and logs them; one batch is captured, the others replay it.

    ``work(x, y, weight)`` returns the loss of a batch, and leaves the outputs in ``model.pred``;
    ``list_calls`` and ``name`` are those of `Replay`; ``find_obstacle()`` returns why batches must
    not be replayed now, empty if they may be. ``log`` is that of the last pass.
    """

    def __init__(
        self,
        model: Trainable,
        data: Data,
        samples: int,
        batch_size: int,
        work: Callable[[Array, Array, Array | None], Array],
        list_calls: Callable[[], Calls],
        name: str,
        find_obstacle: Callable[[], str] = lambda: "",
    ) -> None:
        self._model, self._data, self._work = model, data, work
        self._name, self._find_obstacle = name, find_obstacle
        self._samples, self._size = samples, batch_size
        self._order = model.backend.asarray(np.arange(samples))
        self.log: EpochLog | None = None

        def calls() -> Calls:
            return [*list_calls(), *((metric, ("score",)) for metric in model.metrics)]

        rest = samples % batch_size
        sizes = {min(batch_size, samples), rest} - {0}
        self._replays = {size: Replay(model, self._do, calls, name) for size in sizes}

    @property
    def obstacle(self) -> str:
        """Why a whole batch is not replayed now; empty if it is."""
        found = self._find_obstacle()
        if found:
            self._model.backend.report(self._name, found)
        return found or self._replays[min(self._size, self._samples)].obstacle

    def begin(self, log: EpochLog, order: Array | None = None) -> None:
        """Begin a pass over the samples, in this order (in that of now by default)."""
        self.log = log
        if order is not None:
            self._order[...] = order

    def __call__(self, most: int = 1) -> None:
        """Do the next batch, and further ones where they are replayed, at most so many in all."""
        assert self.log is not None
        left = self._samples - self.log.done * self._size
        arrays = self._data.x, self._data.y, self._order
        weights = () if self._data.weight is None else (self._data.weight,)
        times = max(1, min(most, left // self._size))
        self._replays[min(left, self._size)](*arrays, *weights, times=times)

    def end(self) -> None:
        """Let go of the replays and of the data, which would otherwise stay on the device."""
        self._replays.clear()  # a cycle: they call methods of this object
        self._model.last_call = None

    def _do(self, x: Array, y: Array, order: Array, weights: Array | None = None) -> Array:
        model, log = self._model, self.log
        assert log is not None
        index = model.backend.batch(order, self._number, self._size)
        x, y, weight = model.batches.take(Data(x, y, weights), index)
        loss = self._work(x, y, weight)
        log.write(loss, [metric.score(model.pred, y) for metric in model.metrics], weight)
        model.backend.follow(self._count, self)
        return loss

    def _number(self) -> int:
        assert self.log is not None
        return self.log.done

    def _count(self) -> None:
        assert self.log is not None
        self.log.count()


def whole_steps(
    model: Trainable, data: Data, samples: int, batch_size: int, distorts: bool
) -> BatchReplay | None:
    """Return the steps of a training, from gathering a batch to its log; None if that cannot be.

    Then only the gradients are replayed.
    """
    if model.backend.on_host:
        return None
    obstacle = "images are distorted" if distorts else _obstacle(model)
    if obstacle:
        model.backend.report("training step", obstacle)
        return None

    def work(x: Array, y: Array, weight: Array | None) -> Array:
        loss = model.differentiate(x, y, weight)
        model.backend.follow(model.optimizer.step, model.optimizer, "t")
        return loss

    calls = lambda: gradient_calls(model)  # noqa: E731
    find = lambda: _obstacle(model)  # noqa: E731
    return BatchReplay(model, data, samples, batch_size, work, calls, "training step", find)


def _obstacle(model: Trainable) -> str:
    """Return why steps cannot be replayed as a whole; empty if they may."""
    # Before a replay, and so before the gradients are known, an optimizer computes its scalars.
    for part in _optimizer_and_schedules(model.optimizer):
        if not _is_own(type(part)):
            return f"{type(part).__name__} is not one of lamella's optimizers and schedules"
        if any(callable(getattr(type(part), name, None)) for name in vars(part)):
            return f"a method of {type(part).__name__} was replaced"
    if not model.optimizer.elementwise:
        return f"the rule of {type(model.optimizer).__name__} is not elementwise"
    changed = type(model).step is not Trainable.step or "step" in vars(model)
    if changed or not _is_own(type(model.loss).expect_valid_targets):
        return "a method of the step is the user's own"
    return ""


def _optimizer_and_schedules(optimizer: Optimizer) -> Iterator[Optimizer | Schedule]:
    yield optimizer
    rate: object = optimizer.lr
    while isinstance(rate, Schedule):
        yield rate
        rate = getattr(rate, "schedule", None)  # of a Warmup


def _is_own(part: object) -> bool:
    """Whether a class or function is lamella's."""
    return str(getattr(part, "__module__", "")).startswith("lamella.")


def whole_evaluation(model: Trainable, data: Data, batch_size: int) -> BatchReplay | None:
    """Return the evaluation of batches, from gathering to the log; None if that cannot be."""
    if model.backend.on_host:
        return None

    def work(x: Array, y: Array, weight: Array | None) -> Array:
        return model.loss(model.forward(x, training=False), y, weight)

    def calls() -> Calls:
        layers = [(part, ("forward",)) for part in (model, *model.layers)]
        return [*layers, (model.loss, ("__call__", "forward", "mean"))]

    return BatchReplay(model, data, len(data), batch_size, work, calls, "evaluation")
