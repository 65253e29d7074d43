"""Jobs for a thread pool that show which threads run their tasks."""

import hashlib
import threading
import time
from typing import Any

import numba
import numpy as np

from lamella.backend import threads
from lamella.backend.numba import parallel_for
from lamella.backend.numba.gemm import dot
from lamella.backend.numba.thread_pool import Pool
from tests.subprocesses import TIME_LIMIT

MAX_POLLS = 300_000_000  # a tenth of a second or more: how long a task waits for other threads
EXPECTED, PRESENT, SEEN = 0, 8, 16  # words of the first job below
PLACES = 64  # for tasks of the second


def meet(words, task, memory):  # type: ignore[no-untyped-def]
    """Write the address of this thread's memory, and wait for the expected number of threads."""
    board = numba.carray(words, 64)
    board[SEEN + task] = memory
    parallel_for.atomic_add(board, PRESENT, 1)
    polls = 0
    while parallel_for.atomic_load(board, PRESENT) < board[EXPECTED] and polls < MAX_POLLS:
        polls += 1


def count(words, task, memory):  # type: ignore[no-untyped-def]
    """Count the runs of each task and write its worker's memory address; slow on purpose."""
    board = numba.carray(words, 2 * PLACES)
    parallel_for.atomic_add(board, task, 1)
    board[PLACES + task] = memory
    for _ in range(1000):
        parallel_for.atomic_load(board, task)


def is_held(lock: Any) -> bool:
    """Whether any thread, this one included, holds a lock."""
    found: list[bool] = []

    def look() -> None:
        found.append(lock.acquire(blocking=False))
        if found[0]:
            lock.release()

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    return not found[0]


def run_tasks(pool: Pool, task: int, words: np.ndarray, tasks: int) -> None:
    """Run a job on all available threads."""
    with pool.lock:
        parallel_for.run(pool.board, task, words.ctypes.data, tasks, threads.workers())
    pool.wake()


def counted(pool: Pool, tasks: int) -> set[int]:
    """Run a job, assert that each task ran once, and return the workers that ran any."""
    words = np.zeros(2 * PLACES, np.int64)
    run_tasks(pool, parallel_for.compile_task(count), words, tasks)
    np.testing.assert_array_equal(words[:PLACES], np.arange(PLACES) < tasks)
    return {worker_at(pool, address) for address in words[PLACES : PLACES + tasks].tolist()}


def worker_at(pool: Pool, address: int) -> int:
    """Return the worker whose memory begins at an address."""
    return (
        pool.board[parallel_for.SCRATCH : parallel_for.SCRATCH + pool.size].tolist().index(address)
    )


def members(pool: Pool, expected: int, tasks: int) -> list[int]:
    """Return the worker of each task, of which ``expected`` must run at the same time."""
    words = np.zeros(64, np.int64)
    words[EXPECTED] = expected
    run_tasks(pool, parallel_for.compile_task(meet), words, tasks)
    return [worker_at(pool, address) for address in words[SEEN : SEEN + tasks].tolist()]


def all_take_part(pool: Pool) -> bool:
    """Whether all threads run a job together; one about to sleep may miss the first jobs."""
    end = time.monotonic() + TIME_LIMIT
    while sorted(members(pool, pool.size, tasks=pool.size)) != list(range(pool.size)):
        if time.monotonic() > end:
            return False
    return True


def factors(number: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the factors of a parallel product, with zeros for odd numbers."""
    rng = np.random.default_rng(number)
    a, b = rng.standard_normal((40 + 9 * number, 250)), rng.standard_normal((250, 90))
    if number % 2:
        a[:, rng.random(250) < 0.8] = 0
    return a.astype(["f4", "f8"][number % 3 == 0]), b.astype(["f4", "f8"][number % 3 == 0])


def multiplied(number: int) -> str:
    """Return a digest of a product."""
    a, b = factors(number)
    out = np.full((len(a), b.shape[1]), np.nan, a.dtype)
    return hashlib.sha256(dot(a, b, out).tobytes()).hexdigest()
