"""Capture a step once, and replay it without Python between its parts.

The arrays of a training step are the same in each step: batches, scratch memory, parameters. So a
step that was captured can be replayed as a whole, with the same bits. The backend knows how; all
methods that take part are marked as `lamella.backend.workspace.replayable`.
"""

import os
from collections.abc import Callable, Sequence
from operator import is_
from typing import Any

from lamella.core.typing import Array
from lamella.network.fingerprint import Calls, Fingerprint


class Replay:
    """Work on a network that is captured when it comes twice in a row, and replayed from then on.

    It runs as usual where it was given other arrays, another pass through the network came
    between, or a part that it depends on has changed: layers, loss, any of their attributes or
    methods.

    Parameters
    ----------
    network : Network
    work : function (*arrays) -> array
        Sets the network's ``outputs``.
    list_calls : function () -> sequence of (object, names)
        The methods that ``work`` calls, by name, of the network and its parts.
    """

    def __init__(
        self, network: Any, work: Callable[..., Array], list_calls: Callable[[], Calls]
    ) -> None:
        self._network, self._work, self._list_calls = network, work, list_calls
        self._process = 0
        self._last: list[Any] = []
        self._result: Array = None
        self._replay: Callable[[], None] | None = None
        self._fingerprint = Fingerprint(network, list_calls())
        self._is_possible = self._fingerprint.is_marked

    def __call__(self, *arrays: Array) -> Array:
        """Do the work, or replay it, and return its result."""
        if not self._is_possible:
            return self._work(*arrays)
        # A forked child does not have our threads.
        came_last = self._same_call(arrays) and self._process == os.getpid()
        if came_last and self._replay is not None and self._fingerprint.is_current():
            self._replay()
            return self._result
        self._replay = None
        if came_last:
            self._capture(arrays)
        else:
            self._result = self._work(*arrays)
        self._last, self._process = self._call(arrays), os.getpid()
        return self._result

    def _call(self, arrays: Sequence[Array]) -> list[Any]:
        network = self._network
        return [*arrays, network.passes, vars(network).get("_loss"), *network.layers]

    def _same_call(self, arrays: Sequence[Array]) -> bool:
        now, last = self._call(arrays), self._last
        return len(now) == len(last) and all(map(is_, now, last))

    def _capture(self, arrays: Sequence[Array]) -> None:
        network = self._network
        found = self._fingerprint = Fingerprint(network, self._list_calls())
        before = found.values() if found.is_marked else None
        if before is None:  # changes of a value could not be seen
            self._is_possible = False
            self._result = self._work(*arrays)
            return
        memory = [*network.store, *network.states, network.batches]
        memory += [part._scratch for part in found.parts if hasattr(type(part), "scratch")]
        objects = [network, *found.parts]
        self._result, replay = network.backend.capture(self._work, arrays, memory, objects)
        # Work that changes what it depends on, such as a counter, is not the same twice.
        self._is_possible = replay is not None and found.values() == before
        self._replay = replay if self._is_possible else None
        found.hold()
