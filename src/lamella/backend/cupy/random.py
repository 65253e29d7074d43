"""Random arrays on a GPU, with the bits of the CPU's."""

from collections.abc import Callable
from typing import Any

import numpy as np

from lamella.backend.cupy.tasks import Tasks
from lamella.backend.random import HostNoise, Noise, expect_whole
from lamella.core.typing import Array

MASK_NUMBERS = 16  # of a mask, made of one block of random bits
BLOCK_BYTES = 32


class SentNoise(HostNoise):
    """Noise that is drawn on the host and copied to the device."""

    def uniform(self, out: Array) -> Array:
        out.set(super().uniform(np.empty(out.shape, out.dtype)))
        return out

    def normal(self, out: Array) -> Array:
        out.set(super().normal(np.empty(out.shape, out.dtype)))
        return out

    def dropout_mask(self, keep: float, out: Array) -> Array:
        out.set(super().dropout_mask(keep, np.empty(out.shape, out.dtype)))
        return out


class DeviceNoise(Noise):
    """Noise with the numbers of `HostNoise` for the same key, drawn on the device.

    Uniform numbers and masks take one launch, without transfer or wait. Normal numbers, which
    training does not need, are drawn on the host and copied.

    Parameters
    ----------
    key : int
    tasks : function
        Returns the `Tasks` of a dtype.
    """

    def __init__(self, key: int, tasks: Callable[[Any], Tasks]) -> None:
        super().__init__(key)
        self._tasks = tasks
        self._sent = SentNoise(key)
        self._key = key & (2**64 - 1), key >> 64

    def uniform(self, out: Array) -> Array:
        expect_whole(out)
        blocks = -(-out.nbytes // BLOCK_BYTES)
        return self._draw("uniform", blocks, out)

    def normal(self, out: Array) -> Array:
        self._sent.draws = self.draws
        self.draws += 1
        return self._sent.normal(out)

    def dropout_mask(self, keep: float, out: Array) -> Array:
        expect_whole(out)
        threshold = max(1, round(keep * 65536))
        blocks = -(-out.size // MASK_NUMBERS)
        return self._draw("keep_mask", blocks, out, threshold, 65536 / threshold)

    def _draw(self, task: str, blocks: int, out: Array, *more: float) -> Array:
        words = out, None, None, 0, 0, out.size, self.draws, *self._key, *more
        self._tasks(out.dtype).launch(task, blocks, *words)
        self.draws += 1
        return out
