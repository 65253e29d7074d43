"""Random arrays on a GPU: the counter-based generator Philox4x32-10, one kernel per draw."""

from typing import Any

import numpy as np

from lamella.backend.random import Noise
from lamella.core.typing import Array

# Number i of draw n comes from counter (i / 4, n) and lane i % 4, under a key of 64 bits.
# Salmon et al., Parallel Random Numbers: As Easy as 1, 2, 3, SC 2011.
PHILOX = """
typedef unsigned long long u64;
__device__ unsigned int philox(u64 key, u64 draw, u64 i) {
    u64 block = i >> 2;
    unsigned int c[4] = {(unsigned int)block, (unsigned int)(block >> 32),
                         (unsigned int)draw, (unsigned int)(draw >> 32)};
    unsigned int k0 = (unsigned int)key, k1 = (unsigned int)(key >> 32);
    for (int round = 0; round < 10; ++round) {
        u64 p0 = 0xD2511F53ull * c[0], p1 = 0xCD9E8D57ull * c[2];
        unsigned int c1 = c[1], c3 = c[3];
        c[0] = (unsigned int)(p1 >> 32) ^ c1 ^ k0;
        c[1] = (unsigned int)p1;
        c[2] = (unsigned int)(p0 >> 32) ^ c3 ^ k1;
        c[3] = (unsigned int)p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    return c[i & 3];
}
"""


class DeviceNoise(Noise):
    """Noise drawn on the device, without transfers and synchronization.

    The numbers differ from those of `HostNoise` for the same key.
    """

    def __init__(self, key: int, xp: Any) -> None:
        super().__init__(key)
        self._key = np.uint64(key & 0xFFFFFFFFFFFFFFFF)
        common = "uint64 key, uint64 draw", "T out"
        self._uniform = xp.ElementwiseKernel(
            *common,
            "out = (philox(key, draw, i) >> 8) * (T)5.9604644775390625e-8;",
            "lamella_uniform",
            preamble=PHILOX,
        )
        # Box and Muller: 1 - u keeps the logarithm away from 0.
        self._normal = xp.ElementwiseKernel(
            *common,
            """
            T u = ((philox(key, draw, 2 * i) >> 8) + 1) * (T)5.9604644775390625e-8;
            T v = (philox(key, draw, 2 * i + 1) >> 8) * (T)5.9604644775390625e-8;
            out = sqrt((T)-2 * log(u)) * cos((T)6.283185307179586 * v);
            """,
            "lamella_normal",
            preamble=PHILOX,
        )
        self._dropout_mask = xp.ElementwiseKernel(
            "uint64 key, uint64 draw, uint32 threshold, T scale",
            "T out",
            "out = (philox(key, draw, i) >> 16) < threshold ? scale : (T)0;",
            "lamella_dropout_mask",
            preamble=PHILOX,
        )

    def _next(self) -> np.uint64:
        self.draws += 1
        return np.uint64(self.draws - 1)

    def uniform(self, out: Array) -> Array:
        return self._uniform(self._key, self._next(), out)

    def normal(self, out: Array) -> Array:
        return self._normal(self._key, self._next(), out)

    def dropout_mask(self, keep: float, out: Array) -> Array:
        threshold = max(1, round(keep * 65536))
        scale = out.dtype.type(65536 / threshold)
        return self._dropout_mask(self._key, self._next(), np.uint32(threshold), scale, out)
