"""How many threads a network's matrix products are worth: a rule of its shapes, not of the clock.

Threads that share a product wait for each other twice a product, and on a machine that does
something else beside they wait long: a small product loses more by that than it gains, sometimes
a hundredfold. The number also decides the last bits of a product, so it must not depend on how
long anything took.
"""

import functools
import os
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

WORK_OF_A_THREAD = 12e6  # additions and multiplications: some 60 us


def useful_threads(batch_size: int, matrices: Iterable[tuple[int, ...]]) -> int:
    """Return how many threads the largest product of batches with such matrices is worth."""
    largest = max((shape[-2] * shape[-1] for shape in matrices), default=0)
    return max(1, int(2 * batch_size * largest / WORK_OF_A_THREAD))


def cores() -> int:
    """Return how many processor cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@functools.cache
def thread_budget() -> int:
    """Return how many threads this process may use: its cores, or what the environment allows."""
    told = [os.environ.get(name, "") for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")]
    return max(1, min([cores(), *(int(number) for number in told if number.isdecimal())]))


def workers() -> int:
    """Return how many threads may share a compiled product; its bits do not depend on it."""
    return 1 if _single else thread_budget()


_single = 0
_lock = threading.Lock()
_holders = 0
_first: Any = None  # the limit that holds


@contextmanager
def limit_blas_threads(number: int) -> Iterator[int]:
    """Let matrix products use so many threads in this block, and say how many that are.

    There are never more than numpy's library was told to use, as by ``OPENBLAS_NUM_THREADS``. The
    number belongs to the process: where several blocks hold at once, nested or in several threads,
    the number of the first stands until the last has ended.
    """
    global _holders, _first
    with _lock:
        pools = _pools(len(sys.modules))
        there: int = max((pool["num_threads"] for pool in pools.info()), default=1)
        if _holders == 0:
            there = min(number, there)
            _let_this_thread_set()
            _first = pools.limit(limits=there)
        _holders += 1
    try:
        yield there
    finally:
        with _lock:
            _holders = max(_holders - 1, 0)  # below 0 it would fall in a child, see _begin_anew
            if _holders == 0:
                _let_this_thread_set()
                _first.restore_original_limits()


@contextmanager
def single_threaded() -> Iterator[None]:
    """Let all products be done by the thread that asks for them: for many trainings at once."""
    global _single
    with limit_blas_threads(1):
        with _lock:
            _single += 1
        try:
            yield
        finally:
            with _lock:
                _single = max(_single - 1, 0)  # below 0 it would fall in a child, see _begin_anew


def threads_for(
    batch_size: int, matrices: Iterable[tuple[int, ...]]
) -> AbstractContextManager[int]:
    """Give the products of a training the threads they are worth, as `limit_blas_threads` does."""
    return limit_blas_threads(useful_threads(batch_size, matrices))


@contextmanager
def available(number: int) -> Iterator[None]:
    """Let the whole process have at most so many threads, as ``OPENBLAS_NUM_THREADS`` would.

    Unlike `limit_blas_threads` it leaves those within free to take fewer.
    """
    pools = _pools(len(sys.modules))
    before = [pool["num_threads"] for pool in pools.info()]
    _let_this_thread_set()
    limit = pools.limit(limits=min(number, *before)) if before else None
    try:
        yield
    finally:
        if limit is not None:
            _let_this_thread_set()
            limit.restore_original_limits()


@functools.lru_cache(maxsize=1)
def _pools(_modules: int) -> Any:
    """Return what controls the libraries of products that came with so many loaded modules."""
    # To look for them takes a millisecond, as long as a few dozens of small steps.
    from threadpoolctl import ThreadpoolController  # not needed to import lamella

    return ThreadpoolController().select(user_api="blas")


def _begin_anew() -> None:
    """Free the child of a fork from what threads held that it does not have."""
    global _lock, _holders, _single
    _lock = threading.Lock()
    _single = 0
    if _holders:
        _holders = 0
        _let_this_thread_set()
        _first.restore_original_limits()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)


def _let_this_thread_set() -> None:
    """Take over: from threadpoolctl 3.8 on, only who set a limit first may change it."""
    from threadpoolctl import OpenBLASController

    release = getattr(OpenBLASController, "clear_controlling_thread", None)
    if release is not None:
        release(force=True)
