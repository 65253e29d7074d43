"""Random arrays whose draws a capture follows: a replay draws the next numbers."""

import functools
from collections.abc import Callable
from typing import Any

from lamella.backend.cupy.noted_array import expect_noted, plain
from lamella.backend.cupy.random import DeviceNoise
from lamella.backend.cupy.tape import Task, do_other, follow
from lamella.backend.cupy.tasks import THREADS, Function, Tasks
from lamella.core.typing import Array

DRAW_AT = 6  # word with the number of the draw


class FollowedNoise(DeviceNoise):
    """Noise with the numbers of `DeviceNoise`.

    Parameters
    ----------
    key : int
    tasks : function (dtype) -> Tasks
    do : function (Task)
        Launches a task, and notes it in a capture.
    """

    def __init__(self, key: int, tasks: Callable[[Any], Tasks], do: Callable[..., None]) -> None:
        super().__init__(key, tasks)
        self._do = do

    def normal(self, out: Array) -> Array:
        draw = functools.partial(super().normal, plain(out))
        do_other(draw, "normal numbers are drawn on the host")
        return out

    def _draw(self, task: str, blocks: int, out: Array, *more: float) -> Array:
        expect_noted(out)
        draw = functools.partial(self._draw_now, task, blocks, plain(out), *more)
        follow(draw, self, "draws")
        return out

    def _draw_now(self, task: str, blocks: int, out: Array, *more: float) -> None:
        values = out, None, None, 0, 0, out.size, 0, *self._key, *more
        tiles, draws = -(-blocks // THREADS), [self.draws]
        self._do(Task(Function(task), out.dtype, tiles, values, [out], draws, DRAW_AT))
        self.draws += 1
