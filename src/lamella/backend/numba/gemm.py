"""Matrix products as compiled loops: the same bits for any number of threads and vector width.

`sparsity` lists the nonzero terms, `gemm_blocks` splits the product into tasks and `parallel_for`
runs them. Requires numba.
"""

import functools

import numba
import numpy as np
from numba import types
from numba.core.errors import TypingError

from lamella.backend import threads
from lamella.backend.numba.call_recorder import current_recorder, end_capture
from lamella.backend.numba.code_cache import compile_now, with_code_cache
from lamella.backend.numba.gemm_blocks import (
    B_COLUMN,
    B_ROW,
    BIAS,
    OUT,
    B,
    N,
    count_tasks,
    list_float32,
    list_float64,
    multiply_float32,
    multiply_float64,
)
from lamella.backend.numba.gemm_kernel import ROWS
from lamella.backend.numba.parallel_for import SCRATCH, call_at, compile_task, run, vector_at
from lamella.backend.numba.parallel_for import WORDS as BOARD_WORDS
from lamella.backend.numba.sparsity import (
    A_COLUMN,
    A_ROW,
    CAPACITY,
    DEPTH,
    LIST,
    LIST_BYTES,
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

# Least number of multiplications for several threads, and for a search for zeros, which also needs
# a least number of columns to pay.
PARALLEL_FROM, SPARSE_FROM, SPARSE_COLUMNS = 2**18, 2**16, 32

# The last words of a product descriptor: addresses of the descriptor, the board and the code of
# both tasks, number of threads, and bytes per number.
SELF, BOARD, LIST_TASK, TASK, WORKERS, SIZE = range(14, 20)


def dot(
    a: np.ndarray, b: np.ndarray, out: np.ndarray, bias: np.ndarray | None = None
) -> np.ndarray:
    """Write the matrix product of ``a`` and ``b`` into ``out`` and add ``bias`` to each row.

    Terms whose factor in ``a`` is 0 may be skipped: 0 times infinity then counts as 0, and a sum
    that underflowed may be -0 instead of 0. ``out`` must not overlap the other arrays. numpy
    computes the product unless all arrays are whole matrices of one precision or their transposes.
    Raise a ValueError if the shapes do not match.
    """
    global job
    pool, status, recorder = get_pool(), NEEDS_MEMORY, current_recorder()
    try:
        product, tasks, no_bias = compile_product(out.dtype)
        row = no_bias if bias is None else bias
        if not a.dtype == b.dtype == row.dtype == out.dtype:
            raise TypeError("numba ignores the byte order of an array")
        with pool.lock:
            while status == NEEDS_MEMORY:
                current = job if recorder is None else Job(job.lists)
                words, workers = current.words, threads.workers()
                status = product(a, b, row, out, words, pool.address, *tasks, workers)
                if status == NEEDS_MEMORY:
                    job = Job(np.zeros(int(words[LIST_BYTES]), np.uint8))
        if recorder is not None and status == DONE:
            recorder.add(tasks[0], words, current.lists, a, b, row, out)
        pool.wake()
    except (TypeError, TypingError):  # no code is compiled for these types
        status = UNSUPPORTED
    if status == UNSUPPORTED:
        end_capture()
        np.dot(a, b, out=out)
        if bias is not None:
            out += bias
    return out


DONE, NEEDS_MEMORY, UNSUPPORTED = range(3)  # results of `multiply`


class Job:
    """Descriptor of a product: its 64-bit words, and memory for its lists of terms.

    Each product writes the words in the call that computes it. All else is fixed: a signal handler
    may multiply between any two lines of Python.
    """

    def __init__(self, lists: np.ndarray) -> None:
        self.words, self.lists = np.zeros(20, np.int64), lists
        self.words[SELF] = self.words.ctypes.data
        self.words[TERMS], self.words[CAPACITY] = lists.ctypes.data, len(lists)


# Global: one product runs at a time, under pool.lock, and allocating per product is slow.
job = Job(np.zeros(2**16, np.uint8))


@functools.cache
def compile_product(dtype):
    """Return `multiply` for float32 or float64, the addresses of its tasks, and an empty bias."""
    tasks = {
        "float32": (perform_float32, list_float32, multiply_float32),
        "float64": (perform_float64, list_float64, multiply_float64),
    }.get(dtype.name)
    if tasks is None:
        raise TypeError(f"products of {dtype} are not compiled")
    number, word = numba.from_dtype(dtype), types.int64
    factor = types.Array(number, 2, "A", readonly=True)
    bias, out = types.Array(number, 1, "C", readonly=True), types.Array(number, 2, "C")
    signature = word(factor, factor, bias, out, types.Array(word, 1, "C"), *[word] * 5)
    product = with_code_cache(numba.njit(nogil=True)(multiply))
    compile_now(product.compile, signature)
    product.disable_compile()
    return product, [compile_task(task) for task in tasks], np.zeros(0, dtype)


def multiply(a, b, bias, out, words, board, product_task, list_task, task, workers):
    """Compute ``out = a b + bias`` and return DONE, on at most ``workers`` threads.

    Return UNSUPPORTED or NEEDS_MEMORY (for the lists) without computing anything. Supported are
    whole matrices of one dtype and their transposes; an empty ``bias`` means none. ``words`` are
    those of a `Job`; ``board`` and the tasks are addresses of the pool's board and of code.
    """
    rows, depth = a.shape
    columns = b.shape[1]
    fits = b.shape[0] == depth and out.shape == (rows, columns)
    if not fits or len(bias) not in (0, columns):
        raise ValueError("the shapes of a matrix product, or of its bias, do not match")
    words[A], words[B], words[OUT] = a.ctypes.data, b.ctypes.data, out.ctypes.data
    words[BOARD], words[LIST_TASK], words[TASK] = board, list_task, task
    words[WORKERS], words[SIZE] = workers, a.itemsize
    words[A_ROW], words[A_COLUMN] = strides_of(a)
    words[B_ROW], words[B_COLUMN] = strides_of(b)
    if words[A_ROW] == 0 or words[B_ROW] == 0:
        return UNSUPPORTED
    words[M], words[K], words[N] = rows, depth, columns
    words[BIAS] = bias.ctypes.data if len(bias) else 0
    is_sparse = columns >= SPARSE_COLUMNS and rows * depth * columns >= SPARSE_FROM
    words[LIST_BYTES] = bytes_of_lists(rows, depth) if is_sparse else 0
    if words[LIST_BYTES] > words[CAPACITY]:
        return NEEDS_MEMORY
    call_at(product_task, words[SELF], 0, 0)
    return DONE


def perform_float32(words, task, memory):
    """Compute a whole product in single precision."""
    perform(words, np.uint32)


def perform_float64(words, task, memory):
    """Compute a whole product in double precision."""
    perform(words, np.uint64)


@numba.njit
def perform(words, bits):
    """Compute a product from its words; ``bits`` is the unsigned integer as wide as the numbers."""
    rows, depth, columns = words[M], words[K], words[N]
    board = vector_at(words[BOARD], BOARD_WORDS, np.int64)
    workers = words[WORKERS] if rows * depth * columns >= PARALLEL_FROM else 1
    is_sparse = columns >= SPARSE_COLUMNS and rows * depth * columns >= SPARSE_FROM
    if is_sparse and not is_probably_dense(words, board[SCRATCH], bits):
        words[LIST_BYTES] = bytes_of_lists(rows, depth)
        count = -(-rows // (ROWS * TILES))
        run(board, words[LIST_TASK], words[SELF], count, workers)
    else:  # two lists of all terms: for full pieces of the sum and for the last piece
        words[LIST_BYTES] = 0
        for place, length in enumerate((min(DEPTH, depth), depth % DEPTH)):
            terms = vector_at(words[TERMS] + place * LIST, LIST, np.uint8)
            write_list(ONES, length, terms)
    run(board, words[TASK], words[SELF], count_tasks(words, words[SIZE]), workers)


ONES = np.ones(DEPTH, np.uint8)


@numba.njit
def strides_of(matrix):
    """Return both strides in numbers; (0, 0) unless it is a whole matrix or a transpose of one."""
    rows, columns = matrix.shape
    # In bytes: fields of packed records are apart by no whole number of items.
    (row, column), item = matrix.strides, matrix.itemsize
    if (column == item or columns == 1) and (row == columns * item or rows == 1):
        return columns, 1
    if (row == item or rows == 1) and (column == rows * item or columns == 1):
        return 1, rows
    return 0, 0
