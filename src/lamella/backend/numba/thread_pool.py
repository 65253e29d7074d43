"""Pool of worker threads that run parallel loops together with the calling thread."""

import contextlib
import os
import threading
from queue import SimpleQueue

import numpy as np

from lamella.backend.numba import parallel_for
from lamella.backend.numpy_backend import NumpyBackend
from lamella.backend.threads import thread_budget

MAX_THREADS = 8  # with the calling thread; products this small gain nothing from more
MAX_POLLS = 1_000_000  # about a millisecond of polling before a worker sleeps
SCRATCH_BYTES = 2**16  # scratch memory per thread


class Pool:
    """Worker threads and the ``board`` they poll, see `parallel_for`; idle workers sleep.

    The thread that runs a job holds the ``lock``. A signal handler in that thread may take it
    again: a job is one call of a compiled function, and the handler runs before or after it.
    ``size`` is the number of threads, the calling thread included.
    """

    def __init__(self) -> None:
        zeros = NumpyBackend().zeros
        self.board = zeros(parallel_for.WORDS, np.int64)
        self.address = self.board.ctypes.data
        self.lock = threading.RLock()
        self.size = min(thread_budget(), MAX_THREADS)
        self.board[parallel_for.LIMIT] = self.size
        self._memory = [zeros(SCRATCH_BYTES, np.uint8) for _ in range(self.size)]
        for worker, memory in enumerate(self._memory):
            self.board[parallel_for.SCRATCH + worker] = memory.ctypes.data
        # Not an event, whose lock a signal handler would wait for.
        self._alarms: list[SimpleQueue[None]] = [SimpleQueue() for _ in range(1, self.size)]

    def start(self) -> None:
        """Start the workers."""
        for worker, alarm in enumerate(self._alarms, 1):
            # A daemon thread: it has nothing to finish when the process exits.
            thread = threading.Thread(target=self._run_worker, args=(worker, alarm), daemon=True)
            with contextlib.suppress(RuntimeError):  # no more threads: the others do its tasks
                thread.start()

    def wake(self) -> None:
        """Wake the workers if a parallel job found them asleep; call it without the lock."""
        if self.board[parallel_for.WAKE]:
            self.board[parallel_for.WAKE] = 0
            for alarm in self._alarms:
                if alarm.empty():
                    alarm.put(None)

    def _run_worker(self, worker: int, alarm: "SimpleQueue[None]") -> None:
        while True:
            alarm.get()
            parallel_for.run_worker(self.board, worker, MAX_POLLS)


_pool: Pool | None = None  # global: all models of a process compete for the same processor cores
_creation_lock = threading.RLock()


def get_pool() -> Pool:
    """Return the pool of this process; the first call creates it."""
    global _pool
    if _pool is None:
        with _creation_lock:
            pool = Pool()
            if _pool is None:  # nor has a signal handler made one in the meantime
                _pool = pool
                pool.start()
    return _pool


def _reset_after_fork() -> None:
    """Drop the parent's pool: a fork does not copy its threads."""
    global _pool, _creation_lock
    _pool, _creation_lock = None, threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_after_fork)
