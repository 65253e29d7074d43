"""cupy's arrays, worked on by lamella's own kernels; steps are captured and replayed as graphs."""

import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from types import ModuleType
from typing import Any

from lamella.backend.cupy import graphs
from lamella.backend.cupy.graphs import TapeReplay
from lamella.backend.cupy.noting import note
from lamella.backend.cupy.self_test import first_line
from lamella.backend.cupy.side_by_side import SideBySide
from lamella.backend.cupy.tape import Tape, aside, follow
from lamella.backend.cupy.task_backend import TaskBackend
from lamella.core.typing import Array


class GraphBackend(TaskBackend):
    """cupy's arrays, worked on by tasks, of which a capture makes a CUDA graph.

    Eager steps launch the same tasks, so that their numbers have the same bits. The environment
    variable ``LAMELLA_CAPTURE=0`` switches captures off.
    """

    def __init__(self, xp: ModuleType, reason: str = "asked for") -> None:
        super().__init__(xp, reason)
        self._obstacles: dict[str, str] = {}

    def __repr__(self) -> str:
        reasons = [self.reason]
        obstacles = self._obstacles.items()
        reasons += [f"{work}: several launches, since {why}" for work, why in obstacles]
        return f"{self.name} ({'; '.join(reasons)})"

    def aside(self) -> AbstractContextManager[None]:
        return aside()

    def report(self, work: str, obstacle: str) -> None:
        self._obstacles.pop(work, None)
        if obstacle:
            self._obstacles[work] = obstacle

    def side_by_side(
        self, members: int, stop: threading.Event
    ) -> Callable[[], AbstractContextManager[None]]:
        enter = super().side_by_side(members, stop)
        return SideBySide(self._xp, members, enter).member

    def follow(self, run: Callable[[], Any], owner: Any, counter: str | None = None) -> Any:
        return follow(run, owner, counter)

    def capture(
        self, work: Callable[..., Any], arrays: Sequence[Array], memory: Sequence[Any], objects: Any
    ) -> tuple[Any, Callable[[], bool | None] | None]:
        self.obstacle = self.capture_problem()
        if self.obstacle:
            return super().capture(work, arrays, memory, objects)
        tape = Tape(self._xp.zeros(1, "int32"), next(iter(objects), None))
        result = note(tape, self._xp, work, arrays, memory, objects)
        self.obstacle = tape.obstacle
        if self.obstacle:
            return result, None
        try:
            return result, TapeReplay(self._xp, tape, self.kernels)
        except Exception as error:  # the step is done: training goes on without replays
            self.obstacle = f"it cannot be captured ({first_line(error)})"
            return result, None

    def capture_problem(self) -> str:
        """Return why no work is captured; empty if it can be."""
        if graphs.captures_are_off():
            return "the environment variable LAMELLA_CAPTURE is 0"
        if type(self) is not GraphBackend:  # it may do things in ways that are not noted
            return f"{type(self).__name__} is derived from GraphBackend"
        return ""
