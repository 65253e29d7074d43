"""Choose between one thread and several by timing the steps of a training.

Distant cores exchange data slowly, and busy cores keep the others waiting; both can change within
seconds. The number of threads changes no bit of a result, so that the clock may decide.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median
from time import perf_counter

from lamella.backend.numba.parallel_for import LIMIT
from lamella.backend.numba.thread_pool import Pool, get_pool
from lamella.backend.threads import workers

TRIAL, WARM_UP = 12, 4  # steps timed in each mode; the first of them, which move data, are ignored
MIN_INTERVAL = 0.25  # seconds between trials
MAX_OVERHEAD = 0.01  # greatest fraction of the time that trials may cost


class ThreadTuner:
    """Decide before each step of a training whether it runs on one thread or on several."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._max_threads = workers()
        self._times: list[float] = []
        self._medians: list[float] = []
        self._last = self._next_trial = 0.0
        self._is_parallel = True

    def step(self) -> None:
        """Time the step that has just ended, and choose the mode of the next one."""
        if self._max_threads == 1:
            return
        now = perf_counter()
        if now >= self._next_trial:
            self._times.append(now - self._last)
            if len(self._times) == TRIAL:
                self._end_trial(now)
        self._last = now

    def _end_trial(self, now: float) -> None:
        """Append the median of this trial, then try the other mode or select the faster one."""
        self._medians.append(median(self._times[WARM_UP:]))
        self._times = []
        is_better = self._medians[0] <= self._medians[-1]
        if len(self._medians) == 1 or is_better:
            self._set_parallel(not self._is_parallel)
        if len(self._medians) == 2:
            cost = TRIAL * abs(self._medians[0] - self._medians[1])
            self._next_trial = now + max(MIN_INTERVAL, cost / MAX_OVERHEAD)
            self._medians = []

    def _set_parallel(self, is_parallel: bool) -> None:
        self._is_parallel = is_parallel
        self._pool.board[LIMIT] = self._max_threads if is_parallel else 1


@contextmanager
def tune_threads() -> Iterator[Callable[[], None]]:
    """Yield the `ThreadTuner.step` of a training, and lift its thread limit afterwards."""
    pool = get_pool()
    try:
        yield ThreadTuner(pool).step
    finally:
        pool.board[LIMIT] = pool.size
