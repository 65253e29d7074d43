"""Pools of one thread and of three, however many processors there are."""

import functools
from collections.abc import Iterator
from typing import Any

import pytest

from lamella.backend import threads


@pytest.fixture(params=["one thread", "three threads"])
def any_threads(request: pytest.FixtureRequest) -> Iterator[None]:
    """A pool of one thread or of three."""
    if request.param == "one thread":
        with threads.single_threaded():
            yield
    else:
        request.getfixturevalue("three_threads")
        yield


@pytest.fixture
def three_threads(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A pool of three threads in place of the process's own."""
    from lamella.backend.numba import thread_pool as pool

    monkeypatch.setattr(threads, "thread_budget", lambda: 3)
    monkeypatch.setattr(pool, "thread_budget", lambda: 3)
    monkeypatch.setattr(pool, "_pool", _trio())
    assert threads.workers() == 3
    return pool.get_pool()


@functools.cache
def _trio() -> Any:
    from lamella.backend.numba.thread_pool import Pool

    pool = Pool()
    pool.start()
    return pool
