"""Tasks on several threads: each runs once, on no more threads than allowed."""

import time

import numpy as np
import pytest

from lamella.backend import numba as compiled
from lamella.backend import threads

if compiled.products_problem():
    pytest.skip(compiled.products_problem(), allow_module_level=True)


from lamella.backend.numba import parallel_for
from lamella.backend.numba.thread_pool import MAX_THREADS, SCRATCH_BYTES, Pool
from tests.backend.numba.jobs import PLACES, counted
from tests.subprocesses import TIME_LIMIT, wait_until


def test_no_more_threads_take_part_than_may(
    three_threads: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait_until(lambda: 2 in counted(three_threads, 60))  # the second worker is awake
    monkeypatch.setattr(threads, "thread_budget", lambda: 2)
    assert set().union(*(counted(three_threads, 60) for _ in range(500))) <= {0, 1}


def test_each_task_is_done_once(three_threads: Pool) -> None:
    rng, seen, end = np.random.default_rng(1), set(), time.monotonic() + TIME_LIMIT
    jobs = 0
    while jobs < 1500 or seen != {0, 1, 2}:
        assert time.monotonic() < end, f"only workers {seen} run tasks"
        seen |= counted(three_threads, int(rng.integers(0, PLACES)))
        jobs += 1


def test_memory_of_the_threads_is_disjoint(three_threads: Pool) -> None:
    begins = np.sort(three_threads.board[parallel_for.SCRATCH : parallel_for.SCRATCH + 3])
    assert (np.diff(begins) >= SCRATCH_BYTES).all()
    assert (begins % 64 == 0).all()
    assert three_threads.board.ctypes.data % 64 == 0


def test_words_that_several_threads_write_have_cache_lines_of_128_bytes() -> None:
    names = ("OPEN", "ACTIVE", "TAKEN", "TAKEN_LAST", "FUNCTION", "AWAKE")
    places = sorted(getattr(parallel_for, name) for name in names)
    places.append(parallel_for.WORDS)
    assert (np.diff(places) * 8 >= 128).all()
    assert parallel_for.SCRATCH + MAX_THREADS + 15 <= parallel_for.AWAKE
