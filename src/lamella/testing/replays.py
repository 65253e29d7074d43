"""Methods marked as replayable must give the same when they are replayed over other numbers."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from lamella.backend.selection import host_backend
from lamella.core.typing import Array
from lamella.testing.comparing import expect_same

CAUSE = (
    "replayed over other numbers it is another: work on arrays with self.dot, self.map and "
    "self.sum_rows alone, without branching on numbers, or leave out @replayable"
)


def expect_replay(
    methods: Sequence[Callable[..., Any]],
    work: Callable[..., dict[str, Array]],
    arrays: Sequence[np.ndarray],
    memory: Sequence[Any],
    part: Any,
    restart: Callable[[], None] = lambda: None,
) -> None:
    """Raise a CheckError if the results of ``work`` change when it is replayed.

    Nothing is checked if a method is not marked, or the backend replays nothing.

    ``work(*arrays)`` calls the ``methods`` of the ``part`` under test, uses ``memory`` besides, and
    returns arrays by name; the check reverses the order of the samples in ``arrays``.
    ``restart()`` puts random streams back to where they were.
    """
    if not all(getattr(method, "is_replayable", False) for method in methods):
        return
    restart()
    results, replay = host_backend().capture(work, arrays, memory, [part])
    if replay is None:
        return
    for array in arrays:
        array[...] = array[::-1].copy()
    restart()
    replay()
    replayed = {name: result.copy() for name, result in results.items()}
    restart()
    for name, expected in work(*arrays).items():
        expect_same(name, replayed[name], expected, CAUSE)
