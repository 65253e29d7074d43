"""How many threads a network's matrix products are worth: a rule of its shapes, not of the clock.

Threads that share a product wait for each other twice a product, and on a machine that does
something else beside they wait long: a small product loses more by that than it gains, sometimes
a hundredfold. The number also decides the last bits of a product, so it must not depend on how
long anything took.
"""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from threadpoolctl import ThreadpoolController

WORK_OF_A_THREAD = 12e6  # additions and multiplications: some 60 us


def worth(batch_size: int, matrices: Iterable[tuple[int, ...]]) -> int:
    """Return how many threads the largest product of batches with such matrices is worth."""
    largest = max((shape[-2] * shape[-1] for shape in matrices), default=0)
    return max(1, int(2 * batch_size * largest / WORK_OF_A_THREAD))


_lock = threading.Lock()
_limits: list[Any] = []  # one for each training that goes on now


@contextmanager
def threads_for(batch_size: int, matrices: Iterable[tuple[int, ...]]) -> Iterator[int]:
    """Give the products of a training as many threads as they are worth, and say how many.

    There are never more than numpy's library was told to use, as by ``OPENBLAS_NUM_THREADS``. The
    number belongs to the process: of several models that are trained at once, in threads of one
    process, all have the smallest number.
    """
    with _lock:
        pools = ThreadpoolController().select(user_api="blas")
        there = max((pool["num_threads"] for pool in pools.info()), default=1)
        number = min(worth(batch_size, matrices), there)
        _limits.append(pools.limit(limits=number))
    try:
        yield number
    finally:
        with _lock:
            limit = _limits.pop()
            if not _limits:  # the last to end puts back what the first one found
                limit.restore_original_limits()
