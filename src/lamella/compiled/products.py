"""Matrix products as compiled loops: the same bits with any number of threads and any vectors.

A product is cut into tasks, each a block of rows by a panel of columns. A task copies its panel of
the second factor into memory of its worker, where it lies in one piece, and computes tile after
tile. Who does the tasks is told in `lamella.compiled.sharing`. Import this module only where numba
is.
"""

# mypy: disallow-untyped-defs = False
import functools

import numba
import numpy as np
from numba import types

from lamella import threads
from lamella.compiled.pool import get_pool
from lamella.compiled.sharing import MEMORY, compile_task, run, vector_at
from lamella.compiled.tile import (
    IS_FUSED,
    ROWS,
    VECTOR,
    copy_vectors,
    multiply_tile,
    transpose_tile,
)

BLOCK = 64  # rows of a task: so often is a panel used that was copied once
WORTH = 2**18  # multiplications of a product that is worth sharing: some 3 us

PREFETCHED = 24  # rows of a factor that are asked for before they are copied

# The words that describe a product: addresses, strides and sizes, in elements.
A, A_ROW, A_COLUMN, B, B_ROW, B_COLUMN, OUT, M, K, N = range(10)


def dot(a: np.ndarray, b: np.ndarray, out: np.ndarray) -> np.ndarray:
    """Write the matrix product of ``a`` and ``b`` into ``out``, as ``numpy.dot`` does.

    What is not made of whole matrices of one precision, or their transposes, is left to numpy.

    Raises
    ------
    ValueError
        If the shapes do not match.
    """
    if not IS_FUSED:
        return np.dot(a, b, out=out)
    pool = get_pool()
    try:
        product, task = code_for(out.dtype)
        with pool.lock:
            pool.wake()
            missing = product(a, b, out, pool.board, pool.words, task, threads.workers())
            if missing:
                pool.reserve(missing)
                product(a, b, out, pool.board, pool.words, task, threads.workers())
    except TypeError:  # numba's, if the arrays are of other types than what is compiled
        return np.dot(a, b, out=out)
    return out


@functools.cache
def code_for(dtype):
    """Return `multiply` for matrices of this precision, and the address of their tasks' code."""
    if dtype not in ("float32", "float64"):
        raise TypeError(f"no products of {dtype} are compiled")
    task = {"float32": multiply_float32, "float64": multiply_float64}[dtype.name]
    number = numba.from_dtype(dtype)
    kinds = [
        types.int64(
            types.Array(number, 2, a, readonly=True),
            types.Array(number, 2, b, readonly=True),
            types.Array(number, 2, "C"),
            types.int64[::1],
            types.int64[::1],
            types.int64,
            types.int64,
        )
        for a, b in ("CC", "FC", "CF", "FF")
    ]
    product = numba.njit(kinds, cache=True, nogil=True)(multiply)
    return product, compile_task(task)


def multiply(a, b, out, board, words, task, workers):
    """Compute ``out = a b`` and return 0, or how many bytes a worker needs if it has fewer.

    Parameters
    ----------
    a, b, out : 2-D arrays of one type of float
        In one piece; ``a`` or ``b`` may lie in memory column by column.
    board, words, task, workers
        Where, with which words for arguments, by which code and by how many threads at most: see
        `lamella.compiled.sharing.run`.
    """
    rows, depth = a.shape
    columns = b.shape[1]
    if b.shape[0] != depth or out.shape != (rows, columns):
        raise ValueError("the shapes of a matrix product do not match")
    width = 2 * VECTOR // a.itemsize
    need = (depth + width) * 2 * VECTOR  # copy_panel fills it square by square
    if need > board[MEMORY]:
        return need
    words[A], words[B], words[OUT] = a.ctypes.data, b.ctypes.data, out.ctypes.data
    words[A_ROW], words[A_COLUMN] = a.strides[0] // a.itemsize, a.strides[1] // a.itemsize
    words[B_ROW], words[B_COLUMN] = b.strides[0] // b.itemsize, b.strides[1] // b.itemsize
    words[M], words[K], words[N] = rows, depth, columns
    count = -(-rows // BLOCK) * -(-columns // width)
    if rows * depth * columns < WORTH:
        workers = 1
    run(board, task, words.ctypes.data, count, workers)
    return 0


def multiply_float32(words, task, memory):
    """Do a task of a product in single precision."""
    multiply_block(words, task, memory, np.float32)


def multiply_float64(words, task, memory):
    """Do a task of a product in double precision."""
    multiply_block(words, task, memory, np.float64)


@numba.njit
def multiply_block(words, task, memory, kind):
    """Compute a block of rows by a panel of columns."""
    rows, depth, out_row = words[M], words[K], words[N]
    a_row, a_column, b_row, b_column = words[A_ROW], words[A_COLUMN], words[B_ROW], words[B_COLUMN]
    a, b = vector_at(words[A], rows * depth, kind), vector_at(words[B], depth * out_row, kind)
    out = vector_at(words[OUT], rows * out_row, kind)
    lanes = VECTOR // a.itemsize
    width = 2 * lanes
    panels = -(-out_row // width)
    first, column = task // panels * BLOCK, task % panels * width
    columns = min(width, out_row - column)
    b_at = column
    if rows > ROWS or b_column != 1:
        panel = vector_at(memory, (depth + width) * width, kind)
        copy_panel(b, b_row, b_column, column, columns, depth, panel)
        b, b_at, b_row = panel, 0, width
    step = ROWS if rows >= ROWS else 1
    for i in range(first, min(first + BLOCK, rows), step):
        row = min(i, rows - step)  # the last tile may repeat rows of the one before
        a_at, out_at = row * a_row, row * out_row + column
        # fmt: off
        if step == 1:
            multiply_tile(
                1, 2, a, a_at, a_row, a_column, b, b_at, b_row, depth, out, out_at, out_row, columns
            )
        elif columns > lanes:
            multiply_tile(
                ROWS, 2, a, a_at, a_row, a_column, b, b_at, b_row, depth, out, out_at, out_row,
                columns,
            )
        else:
            multiply_tile(
                ROWS, 1, a, a_at, a_row, a_column, b, b_at, b_row, depth, out, out_at, out_row,
                columns,
            )
        # fmt: on


@numba.njit
def copy_panel(b, b_row, b_column, first, columns, depth, panel):
    """Copy some columns of the second factor into ``panel``, row by row."""
    lanes = VECTOR // panel.itemsize
    width = 2 * lanes
    if b_column == 1:
        for k in range(depth):
            copy_vectors(
                2, b, k * b_row + first, panel, k * width, columns, PREFETCHED * b_row
            )
        return
    for k in range(0, depth, lanes):
        for c in range(0, columns, lanes):
            transpose_tile(
                b, (first + c) * b_column + k, b_column, columns - c, depth - k, panel, k * width + c,
                width,
            )
