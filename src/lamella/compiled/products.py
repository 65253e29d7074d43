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
from lamella.compiled.sharing import compile_task, run, vector_at
from lamella.compiled.tile import (
    IS_FUSED,
    ROWS,
    VECTOR,
    copy_vectors,
    multiply_tile,
    transpose_tile,
)

BLOCK = 64  # rows of a task: so often is a panel used that was copied once
DEPTH = 256  # rows of a panel: it stays in the nearest cache
WORTH = 2**20  # multiplications of a product that is worth sharing: some 10 us
PREFETCHED = 24  # rows of a factor that are asked for before they are copied

# The words that describe a product: addresses, strides and sizes, in elements.
A, A_ROW, A_COLUMN, B, B_ROW, B_COLUMN, BIAS, OUT, M, K, N = range(11)


def dot(
    a: np.ndarray, b: np.ndarray, out: np.ndarray, bias: np.ndarray | None = None
) -> np.ndarray:
    """Write the matrix product of ``a`` and ``b`` into ``out`` and add ``bias`` to each row.

    What is not made of whole matrices of one precision, or their transposes, is left to numpy.

    Raises
    ------
    ValueError
        If the shapes do not match.
    """
    pool = get_pool()
    try:
        product, task, nothing = code_for(out.dtype)
        bias_or_nothing = nothing if bias is None else bias
        with pool.lock:
            pool.wake()
            product(
                a, b, bias_or_nothing, out, pool.board, pool.words, task, threads.workers()
            )
    except TypeError:  # numba's, if the arrays are of other types than what is compiled
        np.dot(a, b, out=out)
        if bias is not None:
            out += bias
    return out


@functools.cache
def code_for(dtype):
    """Return `multiply` for this precision, the address of its tasks' code, and no bias."""
    if not IS_FUSED or dtype not in ("float32", "float64"):
        raise TypeError(f"no products of {dtype} are compiled")
    task = {"float32": multiply_float32, "float64": multiply_float64}[dtype.name]
    number = numba.from_dtype(dtype)
    kinds = [
        types.void(
            types.Array(number, 2, a, readonly=True),
            types.Array(number, 2, b, readonly=True),
            types.Array(number, 1, "C", readonly=True),
            types.Array(number, 2, "C"),
            types.int64[::1],
            types.int64[::1],
            types.int64,
            types.int64,
        )
        for a, b in ("CC", "FC", "CF", "FF")
    ]
    product = numba.njit(kinds, cache=True, nogil=True)(multiply)
    return product, compile_task(task), np.zeros(0, dtype)


def multiply(a, b, bias, out, board, words, task, workers):
    """Compute ``out = a b + bias``.

    Parameters
    ----------
    a, b, out : 2-D arrays of one type of float
        In one piece; ``a`` or ``b`` may lie in memory column by column.
    bias : 1-D array
        Empty if there is none.
    board, words, task, workers
        Where, with which words for arguments, by which code and by how many threads at most: see
        `lamella.compiled.sharing.run`.
    """
    rows, depth = a.shape
    columns = b.shape[1]
    fits = b.shape[0] == depth and out.shape == (rows, columns)
    if not fits or len(bias) not in (0, columns):
        raise ValueError("the shapes of a matrix product, or of its bias, do not match")
    width = 2 * VECTOR // a.itemsize
    words[A], words[B], words[OUT] = a.ctypes.data, b.ctypes.data, out.ctypes.data
    words[A_ROW], words[A_COLUMN] = a.strides[0] // a.itemsize, a.strides[1] // a.itemsize
    words[B_ROW], words[B_COLUMN] = b.strides[0] // b.itemsize, b.strides[1] // b.itemsize
    words[M], words[K], words[N] = rows, depth, columns
    words[BIAS] = bias.ctypes.data if len(bias) else 0
    count = -(-rows // BLOCK) * -(-columns // width)
    if rows * depth * columns < WORTH:
        workers = 1
    run(board, task, words.ctypes.data, count, workers)


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
    last = min(first + BLOCK, rows)
    panel = vector_at(memory, DEPTH * width, kind)
    for start in range(0, max(depth, 1), DEPTH):
        terms, old = min(DEPTH, depth - start), int(start > 0)
        part, part_at, part_row = b, start * b_row + column, b_row
        if rows > ROWS or b_column != 1:
            copy_panel(b, b_row, b_column, start, terms, column, columns, panel)
            part, part_at, part_row = panel, 0, width
        for i in range(first, last, ROWS):
            a_at, out_at = i * a_row + start * a_column, i * out_row + column
            height = min(ROWS, last - i)
            # fmt: off
            if height == 1:
                multiply_tile(
                    1, 2, a, a_at, a_row, a_column, part, part_at, part_row, out, out_at, out_row,
                    height, terms, columns, old,
                )
            elif columns > lanes:
                multiply_tile(
                    ROWS, 2, a, a_at, a_row, a_column, part, part_at, part_row, out, out_at,
                    out_row, height, terms, columns, old,
                )
            else:
                multiply_tile(
                    ROWS, 1, a, a_at, a_row, a_column, part, part_at, part_row, out, out_at,
                    out_row, height, terms, columns, old,
                )
            # fmt: on
    if words[BIAS]:
        bias = vector_at(words[BIAS], out_row, kind)[column : column + columns]
        for i in range(first, last):
            row = out[i * out_row + column : i * out_row + column + columns]
            for j in range(columns):
                row[j] += bias[j]


@numba.njit
def copy_panel(b, b_row, b_column, start, depth, first, columns, panel):
    """Copy ``depth`` rows of ``b`` from ``start`` on, of them ``columns`` columns from ``first``."""
    lanes = VECTOR // panel.itemsize
    width = 2 * lanes
    at = start * b_row + first * b_column
    if b_column == 1:
        for k in range(depth):
            copy_vectors(2, b, at + k * b_row, panel, k * width, columns, PREFETCHED * b_row)
        return
    for k in range(0, depth, lanes):
        for c in range(0, columns, lanes):
            transpose_tile(
                b, at + c * b_column + k, b_column, columns - c, depth - k,
                panel, k * width + c, width,
            )
