"""Random arrays on a GPU, with the bits of the CPU's."""

import functools
from collections.abc import Callable

import numpy as np

from lamella.backend.cupy.noted_array import expect_noted, plain
from lamella.backend.cupy.tape import do_other, follow
from lamella.backend.cupy.task import THREADS, Function, Task
from lamella.backend.random import HostNoise, expect_whole
from lamella.core.typing import Array

MASK_NUMBERS = 16  # of a mask, made of one block of random bits
BLOCK_BYTES = 32
DRAW_AT = 6  # word with the number of the draw


class SentNoise(HostNoise):
    """Noise that is drawn on the host and copied to the device."""

    def uniform(self, out: Array) -> Array:
        out.set(super().uniform(np.empty(out.shape, out.dtype)))
        return out

    def normal(self, out: Array) -> Array:
        out.set(super().normal(np.empty(out.shape, out.dtype)))
        return out

    def dropout_mask(self, keep: float, out: Array) -> Array:
        expect_whole(out)
        out.set(super().dropout_mask(keep, np.empty(out.shape, out.dtype)))
        return out


class DeviceNoise(SentNoise):
    """Noise with the numbers of `HostNoise` for the same key, drawn on the device.

    Uniform numbers and masks take one launch, without transfer or wait, and a capture follows
    their draws: a replay draws the next numbers. Normal numbers, which training does not need, are
    sent.

    Parameters
    ----------
    key : int
    do : function (Task)
        Launches a task, and notes it in a capture.
    """

    def __init__(self, key: int, do: Callable[[Task], None]) -> None:
        super().__init__(key)
        self._do = do

    def uniform(self, out: Array) -> Array:
        return self._draw("uniform", -(-out.nbytes // BLOCK_BYTES), out)

    def normal(self, out: Array) -> Array:
        draw = functools.partial(super().normal, plain(out))
        do_other(draw, "normal numbers are drawn on the host")
        return out

    def dropout_mask(self, keep: float, out: Array) -> Array:
        threshold = max(1, round(keep * 65536))
        blocks = -(-out.size // MASK_NUMBERS)
        return self._draw("keep_mask", blocks, out, threshold, 65536 / threshold)

    def _draw(self, task: str, blocks: int, out: Array, *more: float) -> Array:
        expect_whole(out)
        expect_noted(out)
        follow(functools.partial(self._draw_now, task, blocks, plain(out), *more), self, "draws")
        return out

    def _draw_now(self, task: str, blocks: int, out: Array, *more: float) -> None:
        key = self.key & (2**64 - 1), self.key >> 64
        values = out, None, None, 0, 0, out.size, 0, *key, *more
        tiles, draws = -(-blocks // THREADS), [self.draws]
        self._do(Task(Function(task), out.dtype, tiles, values, [out], draws, DRAW_AT))
        self.draws += 1
