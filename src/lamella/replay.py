"""What is done with the same arrays over and over, without Python between its parts.

The arrays of a training step are the same each time: where a batch is gathered, scratch memory,
parameters. What was done with them once can therefore be noted, and then done again as a whole,
with the same bits. Only the backend knows how, and only of what it does itself: so all methods that
take part must be marked as `lamella.workspace.replayable`.
"""

import os
from collections.abc import Callable, Sequence
from operator import is_
from typing import TYPE_CHECKING, Any

from lamella.arrays import Array
from lamella.configured import Configured

if TYPE_CHECKING:
    from lamella.model import Sequential
    from lamella.network import Network


class Replay:
    """Work on a network that is noted when it comes twice in a row, and replayed from then on.

    It is done anew where it was given other arrays, another pass through the network came between,
    or something that it depends on was replaced: layers, loss, hyper-parameters, methods.

    Parameters
    ----------
    network : Network
    work : function (*arrays) -> array
        Sets the network's ``outputs``.
    calls : sequence of (object, names)
        The methods that ``work`` calls, by name, of the network and its parts.
    """

    def __init__(
        self,
        network: "Network",
        work: Callable[..., Array],
        calls: Sequence[tuple[Configured, Sequence[str]]],
    ) -> None:
        self._network, self._work = network, work
        self._calls = calls
        self._is_possible = self._is_marked()
        self._watched = [
            (vars(part), (*part.config(), *names)) for part, names in calls if self._is_possible
        ]
        self._arrays: tuple[Array, ...] = ()
        self._process = 0
        self._state: list[Any] = []
        self._result: Array = None
        self._replay: Callable[[], None] | None = None

    def __call__(self, *arrays: Array) -> Array:
        """Do the work, or replay it, and return its result."""
        if not self._is_possible:
            return self._work(*arrays)
        is_known = _are(arrays, self._arrays) and _are(self._now(), self._state)
        if not is_known or self._process != os.getpid():  # a child does not have our threads
            self._replay = None
            self._result = self._work(*arrays)
        elif self._replay is None:
            record = self._network.backend.record
            self._result, replay = record(lambda: self._work(*arrays))
            self._is_possible = replay is not None and self._is_marked()
            self._replay = replay
        else:
            self._replay()
            return self._result
        self._arrays, self._state, self._process = arrays, self._now(), os.getpid()
        return self._result

    def _is_marked(self) -> bool:
        """Whether all methods are marked: one that was replaced by hand, to look on, is not."""
        return all(
            getattr(getattr(part, name), "is_replayable", False)
            for part, names in self._calls
            for name in names
        )

    def _now(self) -> list[Any]:
        """Return all that the work depends on but the numbers in arrays."""
        network = self._network
        watched = [attributes.get(name) for attributes, names in self._watched for name in names]
        return [network.passes, *network.layers, *watched]


def replay_forward(network: "Network") -> Replay:
    """Return `Network.forward` for evaluation."""
    calls = [(part, ("forward",)) for part in (network, *network.layers)]
    return Replay(network, lambda x: network.forward(x, training=False), calls)


def replay_gradients(model: "Sequential") -> Replay:
    """Return `Sequential.differentiate`, for samples without weights."""
    both = ("forward", "backward")
    loss = ("__call__", "forward", "mean", "gradient", "backward", "share")
    calls: list[tuple[Configured, Sequence[str]]] = [(layer, both) for layer in model.layers]
    calls += [(model, (*both, "differentiate")), (model.loss, loss)]
    return Replay(model, model.differentiate, calls)


def _are(some: Sequence[Any], others: Sequence[Any]) -> bool:
    return len(some) == len(others) and all(map(is_, some, others))
