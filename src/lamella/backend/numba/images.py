"""Gather images and divide them by 255 in one parallel pass. Requires numba."""

import numba
import numpy as np

from lamella.backend import threads
from lamella.backend.numba.call_recorder import call
from lamella.backend.numba.code_cache import with_code_cache
from lamella.backend.numba.parallel_for import compile_task, run, vector_at
from lamella.backend.numba.thread_pool import get_pool
from lamella.core.errors import DataError, ShapeError

CACHE_LINE = 64  # bytes
TASK_IMAGES = 8  # images per task
PARALLEL_FROM = 2**14  # least number of bytes for several threads: some 5 us

# The words of a job: addresses and sizes.
IMAGES, TOTAL, INDEX, OUT, COUNT, WIDTH, SINK = range(7)
WORDS = np.zeros(7, np.int64)  # global: one job runs at a time, under pool.lock
ALL = np.zeros(0, np.int64)  # stands for index=None


def scale_images(images: np.ndarray, index: np.ndarray | None, out: np.ndarray) -> None:
    """Write ``images[index] / 255`` into the contiguous ``out``; an index of None means all.

    Raise a ShapeError if the shapes do not match, a DataError if an index is out of range.
    """
    if images.shape[1:] != out.shape[1:] or len(out) != len(images if index is None else index):
        raise ShapeError(
            f"cannot pick {len(images if index is None else index)} of the images {images.shape} "
            f"into memory of shape {out.shape}"
        )
    if not out.size:
        return
    index = ALL if index is None else np.ascontiguousarray(index, np.int64)
    task = compile_task(scale_to_float32 if out.dtype == np.float32 else scale_to_float64)
    pool = get_pool()
    with pool.lock:
        call(
            run_scaling, images.reshape(-1), index, out.reshape(-1), len(out),
            pool.board, WORDS, task, threads.workers(),
        )  # fmt: skip
    pool.wake()


@with_code_cache
@numba.njit(nogil=True)
def run_scaling(images, index, out, count, board, words, task, workers):
    """Run the tasks of `scale_images`."""
    words[IMAGES], words[TOTAL], words[OUT] = images.ctypes.data, len(images), out.ctypes.data
    words[INDEX] = index.ctypes.data if len(index) else 0
    words[COUNT], words[WIDTH] = count, len(out) // count
    last = len(images) // words[WIDTH] - 1  # once: a division takes as long as 20 comparisons
    for at in index:
        if not 0 <= at <= last:
            raise DataError("an index of an image is out of range")
    workers = workers if len(out) >= PARALLEL_FROM else 1
    run(board, task, words.ctypes.data, -(-count // TASK_IMAGES), workers)


def scale_to_float32(words, task, memory):
    """Scale the images of a task in single precision."""
    scale_rows(words, task, np.float32)


def scale_to_float64(words, task, memory):
    """Scale the images of a task in double precision."""
    scale_rows(words, task, np.float64)


@numba.njit
def scale_rows(words, task, kind):
    """Scale the images of a task as x / 255 = (x + x / 255) / 256, which needs no division."""
    images = vector_at(words[IMAGES], words[TOTAL], np.uint8)
    width, count = words[WIDTH], words[COUNT]
    index = vector_at(words[INDEX], count, np.int64)
    out = vector_at(words[OUT], count * width, kind)
    inverse_255, inverse_256 = kind(1 / 255), kind(1 / 256)
    first = task * TASK_IMAGES
    last = min(first + TASK_IMAGES, count)
    touched = 0
    for n in range(first, last):  # read ahead: one byte of each cache line
        at = (index[n] if words[INDEX] else n) * width
        for k in range(at, at + width, CACHE_LINE):
            touched |= images[k]
    words[SINK] = touched  # keeps the compiler from removing the loop
    for n in range(first, last):
        at = (index[n] if words[INDEX] else n) * width
        image, row = images[at : at + width], out[n * width : (n + 1) * width]
        for k in range(width):
            x = kind(image[k])
            row[k] = (x + x * inverse_255) * inverse_256
