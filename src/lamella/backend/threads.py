"""Number of threads for a network's matrix products: a function of its shapes, not of timings.

The threads of a parallel product wait for each other twice, and for long on a busy machine: a small
product loses more than it gains, sometimes a hundredfold. With BLAS the number also decides the
last bits of a product, so it must not depend on measured times.
"""

import functools
import os
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

FLOPS_PER_THREAD = 12e6  # some 60 us of work


def useful_threads(batch_size: int, matrices: Iterable[tuple[int, ...]]) -> int:
    """Return the number of threads that pays for the largest product of batches and matrices."""
    largest = max((shape[-2] * shape[-1] for shape in matrices), default=0)
    return max(1, int(2 * batch_size * largest / FLOPS_PER_THREAD))


def cores() -> int:
    """Return the number of processor cores available to this process."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@functools.cache
def thread_budget() -> int:
    """Return the number of threads this process may use: its cores, or fewer by environment."""
    limits = [os.environ.get(name, "") for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")]
    return max(1, min([cores(), *(int(number) for number in limits if number.isdecimal())]))


def workers() -> int:
    """Return the number of threads of compiled products; their bits do not depend on it."""
    return 1 if _single_blocks else thread_budget()


# Global: the thread count of a BLAS library belongs to the whole process. In the middle of these
# functions a signal handler may train a model, and Ctrl-C may end them.
_lock = threading.RLock()
_single_blocks = 0  # blocks of `single_threaded` that are active
_limit_blocks = 0  # blocks of `limit_blas_threads` that are active
_numbers: list[tuple[Any, int]] = []  # each library with its threads, before the first of them


@contextmanager
def limit_blas_threads(number: int) -> Iterator[int]:
    """Limit the BLAS library to ``number`` threads in this block; yield the resulting number.

    An existing limit, such as ``OPENBLAS_NUM_THREADS``, is never raised. The number belongs to the
    process: of several active blocks, nested or in several threads, the first one decides until the
    last has ended.
    """
    global _limit_blocks, _numbers
    is_counted = False
    try:
        with _lock:
            before = _blas_threads()
            threads = max((found for _, found in before), default=1)
            # Counted first and last: a signal handler in between leaves the numbers alone.
            is_counted, _limit_blocks = True, _limit_blocks + 1
            if _limit_blocks == 1:
                _numbers, threads = before, min(number, threads)
                _set_blas_threads((library, threads) for library, _ in before)
        yield threads
    finally:
        with _lock:
            try:
                if is_counted and _limit_blocks == 1:
                    _set_blas_threads(_numbers)
            except KeyboardInterrupt:
                _set_blas_threads(_numbers)  # all of them
                raise
            finally:
                # It is 0 in a child, see _reset_after_fork.
                _limit_blocks -= is_counted and _limit_blocks > 0


@contextmanager
def single_threaded() -> Iterator[None]:
    """Run all products on the calling thread, for several trainings in parallel."""
    global _single_blocks
    is_counted = False
    with limit_blas_threads(1):
        try:
            with _lock:
                is_counted, _single_blocks = True, _single_blocks + 1
            yield
        finally:
            with _lock:
                _single_blocks -= is_counted and _single_blocks > 0


@contextmanager
def cap_blas_threads(number: int) -> Iterator[None]:
    """Cap the BLAS threads of the whole process, as ``OPENBLAS_NUM_THREADS`` would.

    Unlike `limit_blas_threads`, blocks within may set a lower limit.
    """
    before = _blas_threads()
    cap = min(number, *(found for _, found in before)) if before else number
    try:
        _set_blas_threads((library, cap) for library, _ in before)
        yield
    finally:
        _set_blas_threads(before)


def _blas_threads() -> list[tuple[Any, int]]:
    """Return each BLAS library with its number of threads."""
    libraries = _blas_libraries(len(sys.modules)).lib_controllers
    return [(library, library.num_threads) for library in libraries]


def _set_blas_threads(numbers: Iterable[tuple[Any, int]]) -> None:
    """Set the number of threads of each library."""
    _take_control()
    for library, number in numbers:
        library.set_num_threads(number)


@functools.lru_cache(maxsize=1)
def _blas_libraries(_modules: int) -> Any:
    """Return the controller of the loaded BLAS libraries; a search takes a millisecond."""
    from threadpoolctl import ThreadpoolController  # not needed to import lamella

    return ThreadpoolController().select(user_api="blas")


def _reset_after_fork() -> None:
    """Release the lock and limits in the child of a fork, where their threads do not exist."""
    global _lock, _limit_blocks, _single_blocks
    _lock = threading.RLock()
    _single_blocks = 0
    if _limit_blocks:
        _limit_blocks = 0
        _set_blas_threads(_numbers)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_after_fork)


def _take_control() -> None:
    """Let this thread change a limit; since threadpoolctl 3.8 only the thread that set it may."""
    from threadpoolctl import OpenBLASController

    release = getattr(OpenBLASController, "clear_controlling_thread", None)
    if release is not None:
        release(force=True)
