"""The threads of this process that help with matrix products."""

import contextlib
import os
import threading

import numpy as np

from lamella.backend.numba import parallel_for as sharing
from lamella.backend.threads import thread_budget

MOST = 8  # threads, with the one that asks: more are of no use to products this small
PATIENCE = 1_000_000  # looks at the board, about a millisecond, before a helper goes to sleep
LINE = 64  # bytes
MEMORY = 2**16  # bytes that a task can use for itself


class Pool:
    """A board and the helpers that look at it; they sleep where there was no work for a while.

    Attributes
    ----------
    board : ndarray of int64
        See `lamella.backend.numba.parallel_for`.
    address : int
        Of the board.
    lock : threading.Lock
        For the thread that has jobs on the board.
    """

    def __init__(self) -> None:
        self.board = in_lines(8 * sharing.WORDS).view(np.int64)
        self.address = self.board.ctypes.data
        self.lock = threading.Lock()
        self._work = threading.Event()
        self.size = min(thread_budget(), MOST)
        self.board[sharing.LIMIT] = self.size
        self._memory = [in_lines(MEMORY) for _ in range(self.size)]
        for worker, memory in enumerate(self._memory):
            self.board[sharing.SCRATCH + worker] = memory.ctypes.data
        for worker in range(1, self.size):
            # A daemon, since nothing is lost where the process ends without it.
            helper = threading.Thread(target=self._help, args=(worker,), daemon=True)
            with contextlib.suppress(RuntimeError):  # no more threads: the work is done without
                helper.start()

    def wake(self) -> None:
        """Wake the helpers if there was work to share while they slept; after the lock is free."""
        if self.board[sharing.WANTED]:
            self.board[sharing.WANTED] = 0
            self._work.set()

    def _help(self, worker: int) -> None:
        while True:
            self._work.wait()
            sharing.help_out(self.board, worker, PATIENCE)
            self._work.clear()


def in_lines(size: int) -> np.ndarray:
    """Return ``size`` bytes of zeros that begin with a cache line."""
    memory = np.zeros(size + LINE, np.uint8)
    skip = -memory.ctypes.data % LINE
    return memory[skip : skip + size]


_pool: Pool | None = None
_making = threading.Lock()


def get_pool() -> Pool:
    """Return the pool of this process; the first call makes it."""
    global _pool
    if _pool is None:
        with _making:
            if _pool is None:
                _pool = Pool()
    return _pool


def _begin_anew() -> None:
    """Forget a pool that belongs to the parent of this process: its threads are not here."""
    global _pool, _making
    _pool, _making = None, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)
