"""Matrix products as compiled loops: the same bits with any number of threads and any vectors.

A product is cut into tasks (`lamella.backend.numba.gemm_blocks`), which threads share
(`lamella.backend.numba.parallel_for`); before, the terms that matter are listed (`lamella.backend.numba.sparsity`).

Import this module only where numba is.
"""

import functools

import numba
import numpy as np
from numba import types
from numba.core.errors import TypingError

from lamella.backend import threads
from lamella.backend.numba.call_recorder import CallRecorder, current_recorder, end_capture
from lamella.backend.numba.code_cache import kept
from lamella.backend.numba.gemm_blocks import (
    B_COLUMN,
    B_ROW,
    BIAS,
    OUT,
    B,
    N,
    list_float32,
    list_float64,
    multiply_float32,
    multiply_float64,
    tasks_of,
)
from lamella.backend.numba.gemm_kernel import IS_FUSED, ROWS
from lamella.backend.numba.parallel_for import SCRATCH, call_at, compile_task, run, vector_at
from lamella.backend.numba.parallel_for import WORDS as BOARD_WORDS
from lamella.backend.numba.sparsity import (
    A_COLUMN,
    A_ROW,
    DEPTH,
    LIST,
    LISTED,
    ROOM,
    TERMS,
    TILES,
    A,
    K,
    M,
    bytes_of_lists,
    is_probably_dense,
    write_list,
)
from lamella.backend.numba.thread_pool import get_pool

# From how many multiplications on a product is shared, and zeros are looked for; and how many
# columns there must be for that look to pay.
SHARED, SEARCHED, NARROW = 2**18, 2**16, 32

# The last words that describe a product: where they and the board are, whose code does the tasks,
# by how many threads, and bytes of a number.
SELF, BOARD, LIST_TASK, TASK, WORKERS, SIZE = range(14, 20)


def dot(
    a: np.ndarray, b: np.ndarray, out: np.ndarray, bias: np.ndarray | None = None
) -> np.ndarray:
    """Write the matrix product of ``a`` and ``b`` into ``out`` and add ``bias`` to each row.

    A term whose factor in ``a`` is 0 may be left out: 0 times infinity then counts as 0, and a sum
    that underflowed may be -0 where it would be 0. ``out`` must not overlap with the rest. What is
    not made of whole matrices of one precision, or their transposes, is left to numpy.

    Raises
    ------
    ValueError
        If the shapes do not match.
    """
    pool, answer = get_pool(), MISSING
    try:
        product, tasks, no_bias = code_for(out.dtype)
        row = no_bias if bias is None else bias
        if not a.dtype == b.dtype == row.dtype == out.dtype:
            raise TypeError("numba takes another byte order for the processor's own")
        with pool.lock:
            while answer == MISSING:
                words, workers = job.words, threads.workers()
                answer = product(a, b, row, out, words, pool.address, *tasks, workers)
                if answer == MISSING:
                    job.reserve(int(words[LISTED]))
            recorder = current_recorder()
            if recorder is not None and answer == DONE:
                job.note(recorder, tasks[0], a, b, row, out)
        pool.wake()
    except (TypeError, TypingError):  # if the arrays are of other types than what is compiled
        answer = REFUSED
    if answer == REFUSED:
        end_capture()
        np.dot(a, b, out=out)
        if bias is not None:
            out += bias
    return out


DONE, MISSING, REFUSED = range(3)  # what `multiply` answers


class Job:
    """The words that describe a product, and room for its lists of terms."""

    def __init__(self) -> None:
        self.words = np.zeros(20, np.int64)
        self.words[SELF] = self.words.ctypes.data
        self.reserve(2**16)

    def reserve(self, size: int) -> None:
        """Have room for lists of so many bytes."""
        self._lists = np.zeros(size, np.uint8)
        self.words[TERMS], self.words[ROOM] = self._lists.ctypes.data, size

    def note(self, recorder: CallRecorder, task: int, *arrays: np.ndarray) -> None:
        """Have the product that was just done on a recorder."""
        words = self.words.copy()
        words[SELF] = words.ctypes.data
        recorder.add(task, words, self._lists, *arrays)


job = Job()  # belongs to who holds the pool


@functools.cache
def code_for(dtype):
    """Return `multiply` for this precision, its tasks, that for all of it first, and no bias.

    Raises
    ------
    TypeError
        If there is none for this type or processor.
    """
    tasks = {
        "float32": (perform_float32, list_float32, multiply_float32),
        "float64": (perform_float64, list_float64, multiply_float64),
    }.get(dtype.name)
    if tasks is None or not IS_FUSED:
        raise TypeError(f"products of {dtype} are not compiled")
    number, word = numba.from_dtype(dtype), types.int64
    factor = types.Array(number, 2, "A", readonly=True)
    bias, out = types.Array(number, 1, "C", readonly=True), types.Array(number, 2, "C")
    kind = word(factor, factor, bias, out, types.Array(word, 1, "C"), *[word] * 5)
    product = kept(numba.njit(kind, cache=True, nogil=True))(multiply)
    return product, [compile_task(task) for task in tasks], np.zeros(0, dtype)


def multiply(a, b, bias, out, words, board, own_task, list_task, task, workers):
    """Compute ``out = a b + bias`` and answer DONE.

    If it answers REFUSED, or MISSING room for lists, nothing was done.

    Parameters
    ----------
    a, b : 2-D arrays of one type of float
        Whole matrices, or their transposes, or else refused.
    bias : 1-D array
        Empty if there is none.
    out : 2-D array
    words : 1-D array
        Of a `Job`.
    board, own_task, list_task, task, workers
        Where, by which code and by how many threads at most: see `lamella.backend.numba.parallel_for.run`.
    """
    rows, depth = a.shape
    columns = b.shape[1]
    fits = b.shape[0] == depth and out.shape == (rows, columns)
    if not fits or len(bias) not in (0, columns):
        raise ValueError("the shapes of a matrix product, or of its bias, do not match")
    words[A], words[B], words[OUT] = a.ctypes.data, b.ctypes.data, out.ctypes.data
    words[BOARD], words[LIST_TASK], words[TASK] = board, list_task, task
    words[WORKERS], words[SIZE] = workers, a.itemsize
    words[A_ROW], words[A_COLUMN] = steps_of(a)
    words[B_ROW], words[B_COLUMN] = steps_of(b)
    if words[A_ROW] == 0 or words[B_ROW] == 0:
        return REFUSED
    words[M], words[K], words[N] = rows, depth, columns
    words[BIAS] = bias.ctypes.data if len(bias) else 0
    is_searched = columns >= NARROW and rows * depth * columns >= SEARCHED
    words[LISTED] = bytes_of_lists(rows, depth) if is_searched else 0
    if words[LISTED] > words[ROOM]:
        return MISSING
    call_at(own_task, words[SELF], 0, 0)
    return DONE


def perform_float32(words, task, memory):
    """Do a whole product in single precision."""
    perform(words, np.uint32)


def perform_float64(words, task, memory):
    """Do a whole product in double precision."""
    perform(words, np.uint64)


@numba.njit
def perform(words, bits):
    """Compute a product from its words; ``bits`` is as wide as the numbers."""
    rows, depth, columns = words[M], words[K], words[N]
    board = vector_at(words[BOARD], BOARD_WORDS, np.int64)
    workers = words[WORKERS] if rows * depth * columns >= SHARED else 1
    is_searched = columns >= NARROW and rows * depth * columns >= SEARCHED
    if is_searched and not is_probably_dense(words, board[SCRATCH], bits):
        words[LISTED] = bytes_of_lists(rows, depth)
        count = -(-rows // (ROWS * TILES))
        run(board, words[LIST_TASK], words[SELF], count, workers)
    else:  # two lists of all terms, for whole pieces of the sum and for the last
        words[LISTED] = 0
        for place, length in enumerate((min(DEPTH, depth), depth % DEPTH)):
            terms = vector_at(words[TERMS] + place * LIST, LIST, np.uint8)
            write_list(ONES, length, terms)
    run(board, words[TASK], words[SELF], tasks_of(words, words[SIZE]), workers)


ONES = np.ones(DEPTH, np.uint8)


@numba.njit
def steps_of(matrix):
    """Return how far apart rows, and columns, lie: 0 if it is no whole matrix or transpose."""
    rows, columns = matrix.shape
    row, column = matrix.strides[0] // matrix.itemsize, matrix.strides[1] // matrix.itemsize
    if (column == 1 or columns == 1) and (row == columns or rows == 1):
        return columns, 1
    if (row == 1 or rows == 1) and (column == rows or columns == 1):
        return 1, rows
    return 0, 0
