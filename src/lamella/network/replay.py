"""Capture a step once, and replay it without Python between its parts.

The arrays of a training step are the same in each step: batches, scratch memory, parameters. So a
step that was captured can be replayed as a whole, with the same bits. The backend knows how; all
methods that take part are marked as `lamella.backend.workspace.replayable`.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from operator import is_
from typing import Any

from lamella.core.typing import Array
from lamella.network.fingerprint import Calls, Fingerprint, is_array

CALLS = 2  # remembered for each kind of work: whole batches, and the rest of an epoch


class Call:
    """Work on certain arrays, and its replay once it is captured.

    ``objects`` are the arrays, the loss and the layers: another call has others. ``passes`` counts
    the passes through the network before the next one of any kind.
    """

    def __init__(self, objects: Sequence[Any]) -> None:
        self.objects, self._process = objects, os.getpid()
        self.result: Array = None
        self.passes = -1
        self._replay: Callable[..., bool | None] | None = None
        self._fingerprint: Fingerprint
        self._attributes: list[tuple[dict[str, Any], dict[str, Any]]] = []
        self._outputs: list[Array] = []
        self._results: list[tuple[dict[str, Any], dict[str, Any]]] = []

    def run(self, network: Any, work: Callable[..., Array], arrays: Sequence[Array]) -> None:
        """Do the work as usual."""
        if network.backend.on_host:
            self.result = work(*arrays)
            return
        with self._seen(network):
            self.result = work(*arrays)

    @contextmanager
    def _seen(self, network: Any) -> Iterator[None]:
        """See which attributes the work in this block sets to arrays, truth values or None.

        So it can be captured and replayed in turns with other work; on a device alone.
        """
        if network.backend.on_host:
            yield
            return
        tables = [vars(part) for part in self.objects if hasattr(part, "__dict__")]
        before = [dict(table) for table in tables]
        yield
        known = [changed for _, changed in self._results] or [{} for _ in tables]
        for table, old, names in zip(tables, before, known, strict=True):
            changed = {n: x for n, x in table.items() if n in names or old.get(n) is not x}
            names |= {n: x for n, x in changed.items() if _is_state(x)}
        self._results = list(zip(tables, known, strict=True))

    def put_back(self) -> None:
        """Set these attributes as the work left them: other work has set them since."""
        for table, changed in self._results:
            table.update(changed)

    def is_of(self, objects: Sequence[Any]) -> bool:
        """Whether it is work on the same objects. A forked child does not have our threads."""
        same = len(objects) == len(self.objects) and all(map(is_, objects, self.objects))
        return same and self._process == os.getpid()

    def is_current(self) -> bool:
        """Whether it can be replayed: it is captured, and all that it depends on is unchanged."""
        return self._replay is not None and self._fingerprint.is_current()

    def capture(self, network: Any, work: Callable[..., Array], arrays: Any, calls: Calls) -> bool:
        """Do the work and capture it; return whether that was possible."""
        self._replay = None
        found = self._fingerprint = Fingerprint(network, calls)
        before = None if found.obstacle else found.values()
        if before is None:  # changes of a value could not be seen
            network.backend.obstacle = found.obstacle
            self.result = work(*arrays)
            return False
        memory = [*network.store, *network.states, network.batches]
        memory += [part._scratch for part in found.parts if hasattr(type(part), "scratch")]
        objects = [network, *found.parts]
        with self._seen(network):
            self.result, replay = network.backend.capture(work, arrays, memory, objects)
        if replay is not None and found.values() != before:  # such as a counter
            network.backend.obstacle = "it changes a value that it depends on"
            return False
        if replay is None:
            return False
        found.hold()
        self._outputs = [*network.layer_outputs]
        self._attributes = [(vars(each), _arrays_among(vars(each))) for each in objects]
        self._replay = replay  # last: Ctrl-C before it leaves nothing to replay
        return True

    def replay(self, network: Any, in_a_row: bool, times: int) -> None:
        """Do the captured work again, and up to ``times`` times where the backend can."""
        assert self._replay is not None
        if not in_a_row:
            # A replay writes into arrays only; these attributes are now those of another call.
            network.last_call = None  # in case that Ctrl-C ends this
            network.layer_outputs[:] = self._outputs
            for table, arrays in self._attributes:
                table.update(arrays)
        done = self._replay() if times == 1 else self._replay(times)
        if done is False:
            self._replay = None


def _is_state(value: Any) -> bool:
    return value is None or isinstance(value, bool) or is_array(value)


def _arrays_among(table: dict[str, Any]) -> dict[str, Any]:
    return {name: x for name, x in table.items() if isinstance(x, tuple) or is_array(x)}


class Replay:
    """Work on a network that is captured when it comes for the second time, and replayed then.

    It runs as usual for other arrays, and where a part that it depends on has changed: layers,
    loss, any of their attributes or methods.

    ``list_calls()`` returns the methods that ``work(*arrays)`` calls, by name, of the network and
    its parts; ``name`` is that of the work for `Backend.report`; ``obstacle`` says why it is never
    replayed, and is empty if it is.
    """

    def __init__(
        self, network: Any, work: Callable[..., Array], list_calls: Callable[[], Calls], name: str
    ) -> None:
        self._network, self._work, self._list_calls = network, work, list_calls
        self._name = name
        self._calls: list[Call] = []  # the last one first
        self.obstacle = Fingerprint(network, list_calls()).obstacle
        network.backend.report(name, self.obstacle)

    def __call__(self, *arrays: Array, times: int = 1) -> Array:
        """Do the work, or replay it, and return its result.

        A device may replay it up to ``times`` times.
        """
        network = self._network
        if self.obstacle:
            return self._work(*arrays)
        objects = [*arrays, vars(network).get("_loss"), *network.layers]
        for call in self._calls:
            if call.is_of(objects):
                break
        else:
            call = Call(objects)
            self._remember(call)
            call.run(network, self._work, arrays)
            network.last_call, call.passes = call, network.passes
            return call.result
        if call is not self._calls[0]:
            self._remember(call)
        in_a_row = network.last_call is call and network.passes == call.passes
        if not in_a_row:
            call.put_back()
        if call.is_current():
            call.replay(network, in_a_row, times)
        else:
            done = call.capture(network, self._work, arrays, self._list_calls())
            if done or in_a_row:  # otherwise the attributes may be those of another call
                self.obstacle = "" if done else network.backend.obstacle or "it is not captured"
                network.backend.report(self._name, self.obstacle)
        network.last_call, call.passes = call, network.passes
        return call.result

    def _remember(self, call: Call) -> None:
        others = [each for each in self._calls if each is not call]
        self._calls = [call, *others][:CALLS]


def replay_forward(network: Any) -> Replay:
    """Return `Network.forward` of inputs in evaluation; bytes are scaled first."""

    def calls() -> Calls:
        return [(part, ("forward",)) for part in (network, *network.layers)]

    def forward(x: Array) -> Array:
        return network.forward(network.batches.scale(x), training=False)

    return Replay(network, forward, calls, "prediction")
