"""Rules in numpy: blocks give the bits of the whole-array formula, in constant memory."""

import tracemalloc
import weakref

import numpy as np
import pytest

import lamella as lm
from lamella.backend.elementwise import trace
from lamella.backend.numpy_elementwise import BLOCK_BYTES, run_whole
from lamella.backend.scratch import MOST_SIZES
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


def test_whole_arrays_of_many_sizes_need_the_memory_of_the_largest() -> None:
    run = run_whole(trace(lm.Sigmoid.rule, 1, 0))
    x = np.random.default_rng(0).standard_normal((1000, 100)).astype("f4")
    out = np.empty_like(x)
    tracemalloc.start()
    try:
        run(out, [x], ())
        largest = tracemalloc.get_traced_memory()[0]
        for rows in np.random.default_rng(1).permutation(1000):
            run(out[:rows], [x[:rows]], ())
        assert tracemalloc.get_traced_memory()[0] < largest + MOST_SIZES * 2**12
    finally:
        tracemalloc.stop()
    assert 4 * x.size <= largest <= 20 * x.size


def test_growing_arrays_need_the_memory_of_the_largest() -> None:
    run = run_whole(trace(lm.Sigmoid.rule, 1, 0))
    x = np.zeros((1000, 100), "f4")
    out = np.empty_like(x)
    tracemalloc.start()
    try:
        for rows in range(0, 1001, 50):
            run(out[:rows], [x[:rows]], ())
        now, peak = tracemalloc.get_traced_memory()
        run_whole(trace(lm.Sigmoid.rule, 1, 0))(out, [x], ())
        alone = tracemalloc.get_traced_memory()[1] - now
    finally:
        tracemalloc.stop()
    assert peak <= 1.1 * alone


def test_arguments_of_a_rule_are_not_kept() -> None:
    run = run_whole(trace(lm.Tanh.rule, 1, 0))
    x = np.zeros((3, 4))
    watched = weakref.ref(x)
    run(np.empty((3, 4)), [x], ())
    del x
    assert watched() is None


@pytest.mark.parametrize("dtype", DTYPES)
def test_sizes_and_precisions_may_alternate(dtype: type, rng: np.random.Generator) -> None:
    run = run_whole(trace(lambda x, y, s: np.maximum(x - y, 0.25) * s, 2, 1))
    for shape in [(5,), (2, 3), (7, 2, 2), (2, 3), (0, 3), (50,), (5,)]:
        for kind in (dtype, np.float32):
            x, y = rng.standard_normal((2, *shape)).astype(kind)
            out = np.full(shape, np.nan, kind)
            run(out, (x, y), (3.0,))
            np.testing.assert_array_equal(out, np.maximum(x - y, kind(0.25)) * kind(3))
