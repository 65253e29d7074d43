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
from contextlib import AbstractContextManager, contextmanager
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


# Global: the thread count of a BLAS library belongs to the whole process.
_lock = threading.Lock()
_single_blocks = 0  # blocks of `single_threaded` that are active
_limit_blocks = 0  # blocks of `limit_blas_threads` that are active
_limit: Any = None  # the limit that the first of them has set


@contextmanager
def limit_blas_threads(number: int) -> Iterator[int]:
    """Limit the BLAS library to ``number`` threads in this block; yield the resulting number.

    An existing limit, such as ``OPENBLAS_NUM_THREADS``, is never raised. The number belongs to the
    process: of several active blocks, nested or in several threads, the first one decides until the
    last has ended.
    """
    global _limit_blocks, _limit
    with _lock:
        libraries = _blas_libraries(len(sys.modules))
        threads: int = max((library["num_threads"] for library in libraries.info()), default=1)
        if _limit_blocks == 0:
            threads = min(number, threads)
            _take_control()
            _limit = libraries.limit(limits=threads)
        _limit_blocks += 1
    try:
        yield threads
    finally:
        with _lock:
            _limit_blocks = max(_limit_blocks - 1, 0)  # 0 in a child, see _reset_after_fork
            if _limit_blocks == 0:
                _take_control()
                _limit.restore_original_limits()


@contextmanager
def single_threaded() -> Iterator[None]:
    """Run all products on the calling thread, for several trainings in parallel."""
    global _single_blocks
    with limit_blas_threads(1):
        with _lock:
            _single_blocks += 1
        try:
            yield
        finally:
            with _lock:
                _single_blocks = max(_single_blocks - 1, 0)  # 0 in a child, see _reset_after_fork


def threads_for(
    batch_size: int, matrices: Iterable[tuple[int, ...]]
) -> AbstractContextManager[int]:
    """Limit BLAS to the threads that pay for a training, as `limit_blas_threads` does."""
    return limit_blas_threads(useful_threads(batch_size, matrices))


@contextmanager
def cap_blas_threads(number: int) -> Iterator[None]:
    """Cap the BLAS threads of the whole process, as ``OPENBLAS_NUM_THREADS`` would.

    Unlike `limit_blas_threads`, blocks within may set a lower limit.
    """
    libraries = _blas_libraries(len(sys.modules))
    before = [library["num_threads"] for library in libraries.info()]
    _take_control()
    limit = libraries.limit(limits=min(number, *before)) if before else None
    try:
        yield
    finally:
        if limit is not None:
            _take_control()
            limit.restore_original_limits()


@functools.lru_cache(maxsize=1)
def _blas_libraries(_modules: int) -> Any:
    """Return the controller of the loaded BLAS libraries; a search takes a millisecond."""
    from threadpoolctl import ThreadpoolController  # not needed to import lamella

    return ThreadpoolController().select(user_api="blas")


def _reset_after_fork() -> None:
    """Release the lock and limits in the child of a fork, where their threads do not exist."""
    global _lock, _limit_blocks, _single_blocks
    _lock = threading.Lock()
    _single_blocks = 0
    if _limit_blocks:
        _limit_blocks = 0
        _take_control()
        _limit.restore_original_limits()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_after_fork)


def _take_control() -> None:
    """Let this thread change a limit; since threadpoolctl 3.8 only the thread that set it may."""
    from threadpoolctl import OpenBLASController

    release = getattr(OpenBLASController, "clear_controlling_thread", None)
    if release is not None:
        release(force=True)
