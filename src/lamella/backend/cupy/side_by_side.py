"""Threads that train networks side by side meet here, and one of them launches the steps of all."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

from lamella.backend.cupy.graphs import TapeReplay, companions
from lamella.backend.cupy.stacks import Stack

PATIENCE = 0.1  # seconds to wait for a thread that took part in the last launch


@dataclass
class _Request:
    replay: TapeReplay
    left: int  # steps still to do
    error: BaseException | None = None


class SideBySide:
    """Training of several networks, each by a thread of its own.

    A thread that has steps to launch waits until all threads of the last launch have come again, or
    is out of patience. Then the steps of all threads that wait are launched: networks with the same
    nodes as one `Stack`, others alone. All work is in one stream, so that nothing else need wait.

    Parameters
    ----------
    xp : module
    members : int
        Threads, at most.
    enter : function () -> context manager
        For each thread; all must work in the same stream.
    """

    def __init__(
        self, xp: Any, members: int, enter: Callable[[], AbstractContextManager[None]]
    ) -> None:
        self._xp, self._members, self._enter = xp, members, enter
        self._changed = threading.Condition()
        self._free = list(range(members))[::-1]
        self._waiting: dict[int, _Request] = {}
        self._expected: set[int] = set()
        self._stacks: dict[Any, Stack | None] = {}

    @contextmanager
    def member(self) -> Iterator[None]:
        """Let this thread take part within this block."""
        with self._changed:
            number = self._free.pop()
        try:
            with self._enter(), companions(lambda *work: self._launch(number, *work)):
                yield
        finally:
            with self._changed:
                self._free.append(number)
                self._expected.discard(number)
                self._waiting.pop(number, None)
                self._changed.notify_all()

    def _launch(self, number: int, replay: TapeReplay, times: int) -> None:
        """Launch so many steps of a replay, together with those of other threads."""
        request = _Request(replay, times)
        end = time.monotonic() + PATIENCE
        with self._changed:
            self._waiting[number] = request
            while request.left:
                rest = end - time.monotonic()
                if rest <= 0 or self._expected <= self._waiting.keys():
                    self._launch_all()
                    self._changed.notify_all()
                    end = time.monotonic() + PATIENCE
                else:
                    self._changed.wait(rest)
        if request.error is not None:
            raise request.error

    def _launch_all(self) -> None:
        self._expected = set(self._waiting)
        kinds: dict[Any, list[int]] = {}
        for number, request in self._waiting.items():
            kinds.setdefault(request.replay.kind, []).append(number)
        for kind, numbers in kinds.items():
            requests = [self._waiting[number] for number in numbers]
            times = min(request.left for request in requests)
            try:
                self._launch_alike(kind, numbers, times)
            except BaseException as error:
                for request in requests:
                    request.left, request.error = 0, error
            else:
                for request in requests:
                    request.left -= times
        self._waiting = {n: request for n, request in self._waiting.items() if request.left}

    def _launch_alike(self, kind: Any, numbers: Sequence[int], times: int) -> None:
        replays = {number: self._waiting[number].replay for number in numbers}
        if len(replays) > 1 and (stack := self._stack(kind, replays[numbers[0]])) is not None:
            stack.launch(replays, times)
            return
        for replay in replays.values():
            replay.launch(times)

    def _stack(self, kind: Any, replay: TapeReplay) -> Stack | None:
        """Return the stack of a kind; None if it cannot be made."""
        if kind not in self._stacks:
            try:
                stack = Stack(self._xp, replay.nodes, replay.kernels_of, self._members)
            except Exception:  # each network has a graph of its own
                self._stacks[kind] = None
            else:
                self._stacks[kind] = stack
        return self._stacks[kind]
