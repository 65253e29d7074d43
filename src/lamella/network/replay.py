"""What is done with the same arrays over and over, without Python between its parts.

The arrays of a training step are the same each time: where a batch is gathered, scratch memory,
parameters. What was done with them once can therefore be captured, and then done again as a whole,
with the same bits. Only the backend knows how, and only of what it does itself: so all methods that
take part must be marked as `lamella.backend.workspace.replayable`.
"""

import os
from collections.abc import Callable, Sequence
from operator import attrgetter, is_, itemgetter
from typing import Any

from lamella.backend.workspace import is_marked
from lamella.core.config import arguments_of
from lamella.core.typing import Array

Calls = Sequence[tuple[Any, Sequence[str]]]  # objects, and names of methods of each


class Replay:
    """Work on a network that is noted when it comes twice in a row, and replayed from then on.

    It is done anew where it was given other arrays, another pass through the network came between,
    or something that it depends on was replaced: layers, loss, hyper-parameters, methods.

    Parameters
    ----------
    network : Network
    work : function (*arrays) -> array
        Sets the network's ``outputs``.
    list_calls : function () -> sequence of (object, names)
        Says which methods ``work`` calls, by name, of the network and its parts.
    """

    def __init__(
        self, network: Any, work: Callable[..., Array], list_calls: Callable[[], Calls]
    ) -> None:
        self._network, self._work, self._list_calls = network, work, list_calls
        self._process = 0
        self._state: list[Any] = []
        self._result: Array = None
        self._replay: Callable[[], None] | None = None
        self._is_possible = True
        self._look()

    def __call__(self, *arrays: Array) -> Array:
        """Do the work, or replay it, and return its result."""
        if not self._is_possible:
            return self._work(*arrays)
        is_known = _are(self._now(arrays), self._state)
        if not is_known or self._process != os.getpid():  # a child does not have our threads
            self._replay = None
            self._result = self._work(*arrays)
        elif self._replay is None:
            self._look()
            record = self._network.backend.capture
            self._result, replay = record(lambda: self._work(*arrays))
            self._is_possible = self._is_possible and replay is not None
            self._replay = replay
        else:
            self._replay()
            return self._result
        self._state, self._process = self._now(arrays), os.getpid()
        return self._result

    def _look(self) -> None:
        """See what takes part now, and whether it can be replayed."""
        calls = self._list_calls()
        self._is_possible = all(_does_what_is_marked(part, names) for part, names in calls)
        self._tables = [vars(part) for part, _ in calls if part is not self._network]
        self._own = [name for part, names in calls if part is self._network for name in names]
        self._properties = [(part, name) for part, _ in calls for name in _properties(part)]
        methods = dict.fromkeys((type(part), tuple(names)) for part, names in calls)  # each once
        sources: list[tuple[Any, Any, Sequence[str]]] = [
            *((itemgetter, vars(part), _attributes(part)) for part, _ in calls),
            *((attrgetter, kind, names) for kind, names in methods),
        ]
        # The first name twice, since of a single one such a function would give no tuple.
        self._readers = [(get(*names, names[0]), owner) for get, owner, names in sources if names]

    def _now(self, arrays: Sequence[Array]) -> list[Any]:
        """Return all that the work depends on but the numbers in arrays."""
        network = self._network
        state = [*arrays, network.passes, *network.layers]
        state += map(vars(network).get, self._own)
        state += map(len, self._tables)  # what is put before a method of a class is one more
        try:
            for read, owner in self._readers:
                state += read(owner)
            state += [getattr(part, name) for part, name in self._properties]
        except (KeyError, AttributeError):  # something is gone: like nothing that was
            state.append(object())
        return state


def _does_what_is_marked(part: Any, names: Sequence[str]) -> bool:
    """Whether methods, and all that are marked in a class above, are not replaced by others."""
    kind = type(part)
    above = [name for base in kind.__mro__ for name, it in vars(base).items() if is_marked(it)]
    by_hand = [
        name for name, it in vars(part).items() if callable(it) and callable(_of(kind, name))
    ]
    return not by_hand and all(is_marked(_of(kind, name)) for name in (*names, *above))


def _attributes(part: Any) -> Sequence[str]:
    """Return the names of attributes that may be replaced: hyper-parameters and the like."""
    return [name for name in _names(part) if name in vars(part)]


def _properties(part: Any) -> list[str]:
    """Return the names of what is no attribute but is computed by code of a user's class."""
    return [name for name in _names(part) if isinstance(_of(type(part), name), property)]


def _names(part: Any) -> list[str]:
    return [*arguments_of(type(part)), *getattr(part, "scalars", ()), "rng", "loss"]


def _of(kind: type, name: str) -> Any:
    return getattr(kind, name, None)


def _are(some: Sequence[Any], others: Sequence[Any]) -> bool:
    return len(some) == len(others) and all(map(is_, some, others))
