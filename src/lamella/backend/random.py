"""Random arrays for layers; each layer has its own stream."""

from __future__ import annotations  # numpy.random loads only when it is used

from abc import ABC, abstractmethod

import numpy as np

from lamella.core.errors import UsageError
from lamella.core.typing import Array


class Noise(ABC):
    """Random arrays for a layer, on the device of its model.

    The n-th draw depends on n and on the key of 128 bits, see `Streams.key`, so that ``draws`` is
    the whole state.
    """

    def __init__(self, key: int) -> None:
        self.key = key
        self.draws = 0

    @abstractmethod
    def uniform(self, out: Array) -> Array:
        """Fill ``out`` with numbers in [0, 1) and return it."""

    @abstractmethod
    def normal(self, out: Array) -> Array:
        """Fill ``out`` with standard normal numbers and return it."""

    @abstractmethod
    def dropout_mask(self, keep: float, out: Array) -> Array:
        """Fill ``out`` with 1 / keep (with probability ``keep``) or 0, and return it.

        The mean of the mask is 1. ``keep`` is in (0, 1]; it is rounded to a multiple of 2^-16.
        """


class HostNoise(Noise):
    """Noise drawn with numpy's Philox generator, whose counter is set to n for the n-th draw."""

    BLOCK = 16384  # 16-bit numbers per block; bounds the temporary memory

    def __init__(self, key: int) -> None:
        super().__init__(key)
        self._bits = np.random.Philox(key=key)
        self._generator = np.random.Generator(self._bits)
        self._start = self._bits.state

    def _next(self) -> None:
        self._start["state"]["counter"][3] = self.draws
        self._bits.state = self._start
        self.draws += 1

    def uniform(self, out: Array) -> Array:
        self._next()
        return self._generator.random(out=out, dtype=out.dtype)

    def normal(self, out: Array) -> Array:
        self._next()
        return self._generator.standard_normal(out=out, dtype=out.dtype)

    def dropout_mask(self, keep: float, out: Array) -> Array:
        if not out.flags.c_contiguous:  # its flat form would be a copy
            expect_whole(out)
        self._next()
        threshold = max(1, round(keep * 65536))
        flat = out.reshape(-1)
        for start in range(0, flat.size, self.BLOCK):
            part = flat[start : start + self.BLOCK]
            draws = self._bits.random_raw((part.size + 3) // 4).view(np.uint16)[: part.size]
            # Not draws < threshold: 65536 exceeds uint16, on which numpy before 2.3 can crash.
            np.less_equal(draws, threshold - 1, out=part)
        flat *= 65536 / threshold
        return out


def expect_whole(out: Array) -> None:
    """Raise a UsageError unless random numbers can be written to an array."""
    if not out.flags.c_contiguous or out.dtype not in (np.float32, np.float64):
        raise UsageError(
            f"random numbers need a whole array of float32 or float64, got a view or another dtype "
            f"({out.dtype}, shape {out.shape}): draw into self.scratch(name, shape), and copy"
        )
