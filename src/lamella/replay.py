"""Steps of training without Python between their parts: noted once, then played again.

The arrays of a step are the same each time: what is gathered, scratch memory, parameters. So what
was done with them once can be done again as a whole, where all of it is known to the backend.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from lamella.arrays import Array
from lamella.callbacks.base import Callback

if TYPE_CHECKING:
    from lamella.model import Sequential

LAYER = "forward", "backward"
LOSS = "__call__", "forward", "mean", "gradient", "backward", "share"
MODEL = "step", "differentiate", "forward", "backward"


class Replay:
    """The steps of one epoch, of which all but the first with the same arrays are replayed.

    Hyper-parameters of layers are looked at once, so there is no replay where a callback might
    change them between batches.

    Parameters
    ----------
    model : Sequential
    watchers : sequence of Callback
        Those that are told of batches.
    """

    def __init__(self, model: "Sequential", watchers: Sequence[Callback]) -> None:
        self._model = model
        self._is_possible = is_replayable(model) and all(
            getattr(type(watcher).on_batch_end, "only_watches", False) for watcher in watchers
        )
        self._arrays: tuple[Array, ...] = ()
        self._results: tuple[Array, Array]
        self._replay: Callable[[], None] | None = None

    def step(self, x: Array, y: Array, weight: Array | None) -> Array:
        """Do a step of training, as `Sequential.step` does."""
        model = self._model
        if not self._is_possible or weight is not None:
            return model.step(x, y, weight)
        if self._replay is None or x is not self._arrays[0] or y is not self._arrays[1]:
            loss, self._replay = model.backend.record(lambda: model.differentiate(x, y))
            self._arrays, self._results = (x, y), (loss, model.pred)
            self._is_possible = self._replay is not None
        else:
            self._replay()
        loss, model.pred = self._results
        model.optimizer.step()
        return loss


def is_replayable(model: "Sequential") -> bool:
    """Whether all that a step of training calls is marked as `lamella.workspace.replayable`."""
    parts = [(model, MODEL), (model.loss, LOSS), *((layer, LAYER) for layer in model.layers)]
    return all(
        getattr(getattr(type(part), name), "is_replayable", False)
        for part, names in parts
        for name in names
    )
