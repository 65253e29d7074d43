"""A pool of three threads on any number of processor cores."""

from collections.abc import Iterator
from typing import Any

import pytest

from lamella.backend import threads


@pytest.fixture(scope="session")
def trio() -> Any:
    """A pool with two worker threads."""
    from lamella.backend.numba import thread_pool as pool

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pool, "thread_budget", lambda: 3)
        started = pool.Pool()
        started.start()
        return started


@pytest.fixture
def three_threads(trio: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Replace the pool of the process by `trio`."""
    from lamella.backend.numba import thread_pool as pool

    monkeypatch.setattr(threads, "thread_budget", lambda: 3)
    monkeypatch.setattr(pool, "_pool", trio)
    assert threads.workers() == 3
    assert pool.get_pool() is trio
    return trio
