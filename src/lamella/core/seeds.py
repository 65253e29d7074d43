"""Independent random streams derived from one seed."""

from __future__ import annotations  # numpy.random is imported only when it is used

import zlib

import numpy as np

from lamella.core.errors import ArgumentError


class Streams:
    """Factory of independent random streams from one seed.

    The numbers of a stream depend only on the seed and the stream's name, not on other streams or
    on draws from them. Adding a layer therefore leaves the initial weights of the others
    unchanged, and arms of a study can use the same numbers.

    Parameters
    ----------
    seed : int or None
        At least 0. None draws one from the operating system and stores it in ``seed``, so that
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
        """Return a numpy generator at the start of the stream called ``name``."""
        return np.random.Generator(np.random.Philox(key=self.key(*name)))
