"""Images on their way in: bytes, picked and divided by 255 in one pass, by all threads.

Import this module only where numba is.
"""

import numba
import numpy as np

from lamella.backend import threads
from lamella.backend.numba.call_recorder import call
from lamella.backend.numba.code_cache import kept
from lamella.backend.numba.parallel_for import compile_task, run, vector_at
from lamella.backend.numba.thread_pool import get_pool

LINE = 64  # bytes that come from memory together
ROWS = 8  # images of a task
WORTH = 2**14  # bytes that are worth sharing: some 5 us

# The words of a job: addresses and sizes.
IMAGES, TOTAL, INDEX, OUT, COUNT, WIDTH, IGNORED = range(7)
WORDS = np.zeros(7, np.int64)
ALL = np.zeros(0, np.int64)  # instead of an index


def scale_images(images: np.ndarray, index: np.ndarray | None, out: np.ndarray) -> None:
    """Write images, those in ``index`` or all of them, divided by 255 into ``out``.

    Parameters
    ----------
    images : ndarray of uint8, (N, ...)
    index : ndarray of int64, (M,), or None
        In range.
    out : ndarray of float32 or float64, (M, ...)
        In one piece.
    """
    if not out.size:
        return
    index = ALL if index is None else np.ascontiguousarray(index, np.int64)
    task = compile_task(scale_to_float32 if out.dtype == np.float32 else scale_to_float64)
    pool = get_pool()
    with pool.lock:
        call(
            start, images.reshape(-1), index, out.reshape(-1), len(out),
            pool.board, WORDS, task, threads.workers(),
        )  # fmt: skip
    pool.wake()


@kept(numba.njit(cache=True, nogil=True))
def start(images, index, out, count, board, words, task, workers):
    """Do the job of `scale_images`."""
    words[IMAGES], words[TOTAL], words[OUT] = images.ctypes.data, len(images), out.ctypes.data
    words[INDEX] = index.ctypes.data if len(index) else 0
    words[COUNT], words[WIDTH] = count, len(out) // count
    workers = workers if len(out) >= WORTH else 1
    run(board, task, words.ctypes.data, -(-count // ROWS), workers)


def scale_to_float32(words, task, memory):
    """Do a task in single precision."""
    scale_rows(words, task, np.float32)


def scale_to_float64(words, task, memory):
    """Do a task in double precision."""
    scale_rows(words, task, np.float64)


@numba.njit
def scale_rows(words, task, kind):
    """Scale some images; a number divided by 255 is (x + x / 255) / 256, without a division."""
    images = vector_at(words[IMAGES], words[TOTAL], np.uint8)
    width, count = words[WIDTH], words[COUNT]
    index = vector_at(words[INDEX], count, np.int64)
    out = vector_at(words[OUT], count * width, kind)
    share, small = kind(1 / 255), kind(1 / 256)
    first = task * ROWS
    last = min(first + ROWS, count)
    touched = 0
    for n in range(first, last):  # images lie far apart: ask for all before waiting for the first
        at = (index[n] if words[INDEX] else n) * width
        for k in range(at, at + width, LINE):
            touched |= images[k]
    words[IGNORED] = touched  # so that the compiler keeps the loop
    for n in range(first, last):
        at = (index[n] if words[INDEX] else n) * width
        image, row = images[at : at + width], out[n * width : (n + 1) * width]
        for k in range(width):
            x = kind(image[k])
            row[k] = (x + x * share) * small
