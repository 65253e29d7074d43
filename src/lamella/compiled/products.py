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
from lamella.compiled.sharing import SCRATCH, compile_task, run, vector_at
from lamella.compiled.terms import (
    A_COLUMN,
    A_ROW,
    DEPTH,
    LISTED,
    PIECE,
    ROOM,
    TERMS,
    TILES,
    A,
    K,
    M,
    bytes_for_lists,
    list_all,
    list_terms,
    looks_dense,
)
from lamella.compiled.tile import (
    IS_FUSED,
    ROWS,
    VECTOR,
    copy_vectors,
    multiply_tile,
    transpose_tile,
)

BLOCK = 64  # rows of a task: so often is a panel used that was copied once
SEARCHED = 2**16  # multiplications of a product in which zeros are looked for
WORTH = 2**20  # multiplications of a product that is worth sharing: some 10 us
PREFETCHED = 24  # rows of a factor that are asked for before they are copied

# More words that describe a product: addresses, strides and sizes, in elements.
B, B_ROW, B_COLUMN, N, BIAS, OUT = range(8, 14)
NARROW = 32


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
        product, tasks, nothing = code_for(out.dtype)
        bias_or_nothing = nothing if bias is None else bias
        with pool.lock:
            pool.wake()
            missing = True
            while missing:
                missing = product(
                    a, b, bias_or_nothing, out, pool.board, memory.words, *tasks, threads.workers()
                )
                if missing:
                    memory.reserve(missing)
    except TypeError:  # numba's, if the arrays are of other types than what is compiled
        np.dot(a, b, out=out)
        if bias is not None:
            out += bias
    return out


class Memory:
    """The words that describe a product, and room for its lists of terms; guarded by the pool."""

    def __init__(self) -> None:
        self.words = np.zeros(14, np.int64)
        self.reserve(2**16)

    def reserve(self, size: int) -> None:
        """Have room for lists of so many bytes."""
        self._lists = np.zeros(size, np.uint8)
        self.words[TERMS], self.words[ROOM] = self._lists.ctypes.data, size


memory = Memory()


@functools.cache
def code_for(dtype):
    """Return `multiply` for this precision, the addresses of its tasks' code, and no bias."""
    if not IS_FUSED or dtype not in ("float32", "float64"):
        raise TypeError(f"no products of {dtype} are compiled")
    tasks = {
        "float32": (list_float32, multiply_float32),
        "float64": (list_float64, multiply_float64),
    }[dtype.name]
    number = numba.from_dtype(dtype)
    kinds = [
        types.int64(
            types.Array(number, 2, a, readonly=True),
            types.Array(number, 2, b, readonly=True),
            types.Array(number, 1, "C", readonly=True),
            types.Array(number, 2, "C"),
            types.int64[::1],
            types.int64[::1],
            types.int64,
            types.int64,
            types.int64,
        )
        for a, b in ("CC", "FC", "CF", "FF")
    ]
    product = numba.njit(kinds, cache=True, nogil=True)(multiply)
    return product, [compile_task(task) for task in tasks], np.zeros(0, dtype)


def multiply(a, b, bias, out, board, words, list_task, task, workers):
    """Compute ``out = a b + bias``; return 0, or how many bytes for lists are missing.

    Parameters
    ----------
    a, b, out : 2-D arrays of one type of float
        In one piece; ``a`` or ``b`` may lie in memory column by column.
    bias : 1-D array
        Empty if there is none.
    board, words, list_task, task, workers
        Where, with which words for arguments, by which code and by how many threads at most: see
        `lamella.compiled.sharing.run`.
    """
    rows, depth = a.shape
    columns = b.shape[1]
    fits = b.shape[0] == depth and out.shape == (rows, columns)
    if not fits or len(bias) not in (0, columns):
        raise ValueError("the shapes of a matrix product, or of its bias, do not match")
    words[A], words[B], words[OUT] = a.ctypes.data, b.ctypes.data, out.ctypes.data
    words[A_ROW], words[A_COLUMN] = a.strides[0] // a.itemsize, a.strides[1] // a.itemsize
    words[B_ROW], words[B_COLUMN] = b.strides[0] // b.itemsize, b.strides[1] // b.itemsize
    words[M], words[K], words[N] = rows, depth, columns
    words[BIAS] = bias.ctypes.data if len(bias) else 0
    work = rows * depth * columns
    words[LISTED] = 0
    if columns >= NARROW and work >= SEARCHED and not looks_dense(words, board[SCRATCH], a.itemsize):
        words[LISTED] = bytes_for_lists(rows, depth)
        if words[LISTED] > words[ROOM]:
            return words[LISTED]
        tasks = -(-rows // (ROWS * TILES))
        run(board, list_task, words.ctypes.data, tasks, workers if rows * depth >= 2**15 else 1)
    else:
        list_all(vector_at(words[TERMS], PIECE, np.uint8), min(DEPTH, depth))
        list_all(vector_at(words[TERMS] + PIECE, PIECE, np.uint8), depth % DEPTH)
    width = 2 * VECTOR // a.itemsize
    count = -(-rows // BLOCK) * -(-columns // width)
    run(board, task, words.ctypes.data, count, workers if work >= WORTH else 1)
    return 0


def list_float32(words, task, memory):
    """List the terms of a product in single precision."""
    list_terms(words, task, memory, np.uint32)


def list_float64(words, task, memory):
    """List the terms of a product in double precision."""
    list_terms(words, task, memory, np.uint64)


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
    terms = vector_at(words[TERMS], max(words[LISTED], 2 * PIECE), np.uint8)
    lanes = VECTOR // a.itemsize
    width = 2 * lanes
    panels = -(-out_row // width)
    first, column = task // panels * BLOCK, task % panels * width
    columns = min(width, out_row - column)
    last = min(first + BLOCK, rows)
    panel = vector_at(memory, DEPTH * width, kind)
    pieces = max(-(-depth // DEPTH), 1)
    for piece in range(pieces):
        start = piece * DEPTH
        length, old = min(DEPTH, depth - start), int(start > 0)
        part, part_at, part_row = b, start * b_row + column, b_row
        if rows > ROWS or b_column != 1:
            copy_panel(b, b_row, b_column, start, length, column, columns, panel)
            part, part_at, part_row = panel, 0, width
        for i in range(first, last, ROWS):
            a_at, out_at = i * a_row + start * a_column, i * out_row + column
            height = min(ROWS, last - i)
            if words[LISTED]:
                terms_at = (i // ROWS * pieces + piece) * PIECE
            else:
                terms_at = 0 if length == DEPTH else PIECE
            # fmt: off
            if height == 1:
                multiply_tile(
                    1, 2, a, a_at, a_row, a_column, part, part_at, part_row, out, out_at, out_row,
                    terms, terms_at, height, columns, old,
                )
            elif columns > lanes:
                multiply_tile(
                    ROWS, 2, a, a_at, a_row, a_column, part, part_at, part_row, out, out_at,
                    out_row, terms, terms_at, height, columns, old,
                )
            else:
                multiply_tile(
                    ROWS, 1, a, a_at, a_row, a_column, part, part_at, part_row, out, out_at,
                    out_row, terms, terms_at, height, columns, old,
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
