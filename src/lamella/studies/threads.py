"""One BLAS thread: so that many runs share a machine, and sums are always in the same order."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits

_lock = threading.Lock()
_holders = 0
_limits: threadpool_limits | None = None


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Use one BLAS thread in this block.

    The limit is the process's: where several threads are in such a block, it holds until the last
    has left.
    """
    global _holders, _limits
    with _lock:
        _holders += 1
        if _limits is None:
            _limits = threadpool_limits(limits=1, user_api="blas")
    try:
        yield
    finally:
        with _lock:
            _holders -= 1
            if _holders == 0 and _limits is not None:
                _limits.restore_original_limits()
                _limits = None
