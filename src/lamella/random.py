"""One seed, many independent streams: a stream's numbers depend on the seed and its name."""

from __future__ import annotations  # numpy.random is imported only when it is used

import zlib
from abc import ABC, abstractmethod

import numpy as np

from lamella.arrays import Array
from lamella.compiled import noted
from lamella.errors import ArgumentError


class Streams:
    """Derives independent random streams from one seed.

    A stream's numbers depend on the seed and the stream's name only: not on which other streams
    there are, how much was drawn from them, or in which order. So a layer that is added does not
    change how the others start, and arms of a comparison can share what they have in common.

    Parameters
    ----------
    seed : int or None
        At least 0. None draws one from the operating system; it is kept in ``seed``, so that
        such a run can be repeated too.
    """

    def __init__(self, seed: int | None = None) -> None:
        if seed is None:
            seed = int(np.random.SeedSequence().generate_state(1)[0])
        if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
            raise ArgumentError(f"seed must be a whole number of at least 0, or None; got {seed!r}")
        self.seed = int(seed)

    def key(self, *name: str | int) -> int:
        """Return the 128-bit key of the stream called ``name``."""
        words = tuple(zlib.crc32(str(part).encode()) for part in name)
        low, high = np.random.SeedSequence(self.seed, spawn_key=words).generate_state(2, np.uint64)
        return int(low) | int(high) << 64

    def generator(self, *name: str | int) -> np.random.Generator:
        """Return a host generator at the start of the stream called ``name``."""
        return np.random.Generator(np.random.Philox(key=self.key(*name)))


class Noise(ABC):
    """Random arrays for a layer, on the device of its model.

    The n-th draw depends on the key and on n only, so ``draws`` is all that has to be kept to
    go on later with the same numbers.

    Parameters
    ----------
    key : int
        128 bits, from `Streams.key`.
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
    def keep_mask(self, keep: float, out: Array) -> Array:
        """Fill ``out`` with 1 / keep (with probability ``keep``) or 0, and return it.

        The mean of the mask is 1. ``keep`` is in (0, 1]; it is rounded to a multiple of 2^-16.
        """


class HostNoise(Noise):
    """Noise drawn with numpy's Philox generator, put to counter n for the n-th draw."""

    BLOCK = 16384  # 16-bit numbers at a time: memory does not grow with what is asked for

    def __init__(self, key: int) -> None:
        super().__init__(key)
        self._bits = np.random.Philox(key=key)
        self._generator = np.random.Generator(self._bits)
        self._start = self._bits.state

    def _next(self) -> None:
        self._start["state"]["counter"][3] = self.draws
        self._bits.state = self._start
        self.draws += 1

    @noted
    def uniform(self, out: Array) -> Array:
        self._next()
        return self._generator.random(out=out, dtype=out.dtype)

    @noted
    def normal(self, out: Array) -> Array:
        self._next()
        return self._generator.standard_normal(out=out, dtype=out.dtype)

    @noted
    def keep_mask(self, keep: float, out: Array) -> Array:
        self._next()
        threshold = max(1, round(keep * 65536))
        flat = out.reshape(-1)
        for start in range(0, flat.size, self.BLOCK):
            part = flat[start : start + self.BLOCK]
            draws = self._bits.random_raw((part.size + 3) // 4).view(np.uint16)[: part.size]
            # Not draws < threshold: 65536 is no uint16, and numpy before 2.3 can crash on it.
            np.less_equal(draws, threshold - 1, out=part)
        flat *= 65536 / threshold
        return out
