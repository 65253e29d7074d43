"""Rules in numpy: blocks give the bits of the whole-array formula, in constant memory."""

import tracemalloc

import numpy as np
import pytest

from lamella.backend.elementwise import trace
from lamella.backend.numpy_elementwise import BLOCK_BYTES
from lamella.backend.selection import host_backend
from tests.backend.rule_cases import ADAM_SCALARS, DTYPES, adam, adam_in_numpy, apply, vectors


def sizes(dtype: type) -> list[int]:
    block = BLOCK_BYTES // np.dtype(dtype).itemsize
    return [0, 1, block - 1, block, block + 1, 3 * block + 5]


@pytest.mark.parametrize(
    ("dtype", "size"), [(dtype, size) for dtype in DTYPES for size in sizes(dtype)]
)
def test_blocks_give_the_bits_of_the_plain_formula(
    dtype: type, size: int, rng: np.random.Generator
) -> None:
    w, g, m, v = vectors(rng, 4, size, dtype)
    expected = adam_in_numpy(w, g, m, v, dtype)
    after = apply(host_backend(), adam, [w, g, m, v], ADAM_SCALARS, outputs=(0, 2, 3))
    np.testing.assert_array_equal(after[1], g)
    for i, array in zip((0, 2, 3), expected, strict=True):
        assert after[i].dtype == dtype
        np.testing.assert_array_equal(after[i], array)


@pytest.mark.parametrize("blocks", [1, 40])
def test_running_allocates_nothing_that_grows(blocks: int) -> None:
    size = blocks * BLOCK_BYTES // 4
    w, g, m, v = (np.ones(size, np.float32) for _ in range(4))
    run = host_backend().compile_rule(trace(adam, 4, 4), (w, g, m, v), (w, m, v))
    run(*ADAM_SCALARS)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        run(*ADAM_SCALARS)
        assert tracemalloc.get_traced_memory()[1] - before < 64 * 1024
    finally:
        tracemalloc.stop()
