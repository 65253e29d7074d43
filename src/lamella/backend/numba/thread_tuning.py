"""Whether threads are to share work, found out by trying: they are not always the faster way.

Cores that are far apart exchange data slowly, and those that do something else keep others waiting;
both can change within seconds. Who does what changes no bit of a result, so the clock may decide.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median
from time import perf_counter

from lamella.backend.numba.parallel_for import LIMIT
from lamella.backend.numba.thread_pool import Pool, get_pool
from lamella.backend.threads import workers

TRIAL, IGNORED = 12, 4  # steps in each of the two ways, and the first of them, while data move
SHORTEST = 0.25  # seconds between trials
SHARE = 0.01  # of the time, at most, is lost to trials


class Pace:
    """Decides before each step of a training whether its work is shared.

    Parameters
    ----------
    pool : Pool
        Whose threads may share it.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._most = workers()
        self._times: list[float] = []
        self._medians: list[float] = []
        self._last = self._next_trial = 0.0
        self._is_shared = True

    def step(self) -> None:
        """Say that a step is done."""
        if self._most == 1:
            return
        now = perf_counter()
        if now >= self._next_trial:
            self._times.append(now - self._last)
            if len(self._times) == TRIAL:
                self._note(now)
        self._last = now

    def _note(self, now: float) -> None:
        """Note how long steps take in the present way, and try the other or take the better."""
        self._medians.append(median(self._times[IGNORED:]))
        self._times = []
        is_better = self._medians[0] <= self._medians[-1]
        if len(self._medians) == 1 or is_better:
            self._take(not self._is_shared)
        if len(self._medians) == 2:
            lost = TRIAL * abs(self._medians[0] - self._medians[1])
            self._next_trial = now + max(SHORTEST, lost / SHARE)
            self._medians = []

    def _take(self, is_shared: bool) -> None:
        self._is_shared = is_shared
        self._pool.board[LIMIT] = self._most if is_shared else 1


@contextmanager
def pace() -> Iterator[Callable[[], None]]:
    """Lend `Pace.step` for a training; whoever comes next shares work again."""
    pool = get_pool()
    try:
        yield Pace(pool).step
    finally:
        pool.board[LIMIT] = pool.size
