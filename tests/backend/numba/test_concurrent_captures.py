"""Captures and replays in several threads: each thread has its own, and the pool is shared."""

import threading
from typing import Any

import numpy as np
import pytest

from lamella.backend import numba as compiled
from lamella.backend import threads

if compiled.products_problem():
    pytest.skip(compiled.products_problem(), allow_module_level=True)


from lamella.backend.numba.call_recorder import (
    call,
    capture,
)
from lamella.backend.numba.code_cache import compile_function
from lamella.backend.numba.gemm import dot
from lamella.backend.numba.thread_pool import get_pool
from tests.backend.numba.jobs import is_held
from tests.backend.numba.recorded_functions import (
    append,
    recorded_python,
    replay_of,
)
from tests.subprocesses import TIME_LIMIT


def test_each_thread_records_its_own_calls() -> None:
    function = compile_function(append)
    outs = [np.zeros(200, np.int64) for _ in range(4)]
    recorders: list[Any] = [None] * 4
    together = threading.Barrier(4, timeout=TIME_LIMIT)

    def work(number: int) -> None:
        together.wait()
        if number == 3:  # this one captures nothing
            for k in range(100):
                call(function, outs[number], k)
            return
        with capture() as recorder:
            for k in range(100):
                call(function, outs[number], 100 * number + k)
        recorders[number] = recorder

    several = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in several:
        thread.start()
    for thread in several:
        thread.join(TIME_LIMIT)
    for number, out in enumerate(outs[:3]):
        out[:] = 0
        replay_of(recorders[number])()
        assert out[:102].tolist() == [100, *range(100 * number, 100 * number + 100), 0]


def test_pool_is_unlocked_during_python_calls_and_after_a_replay() -> None:
    function, out, seen = compile_function(append), np.zeros(9, np.int64), []

    @recorded_python
    def look() -> None:
        seen.append(is_held(get_pool().lock))

    @recorded_python
    def fail() -> None:
        if len(seen) > 1:
            raise ZeroDivisionError

    with capture() as recorder:
        call(function, out, 1)
        look()
        fail()
        call(function, out, 2)
    replay = replay_of(recorder)
    with pytest.raises(ZeroDivisionError):
        replay()
    assert seen == [False, False]
    assert not is_held(get_pool().lock)
    assert out.tolist()[:5] == [3, 1, 2, 1, 0]


def test_replay_waits_for_the_lock_of_the_pool() -> None:
    function, out = compile_function(append), np.zeros(9, np.int64)
    with capture() as recorder:
        call(function, out, 1)
    replay = replay_of(recorder)
    with get_pool().lock:
        thread = threading.Thread(target=replay, daemon=True)
        thread.start()
        thread.join(0.2)
        assert out[0] == 1
    thread.join(TIME_LIMIT)
    assert out[0] == 2


def test_concurrent_replays_give_the_results_of_each_alone(three_threads: Any) -> None:
    assert threads.workers() == 3
    rng = np.random.default_rng(0)
    replays, outs = [], []
    for number in range(4):
        a = rng.standard_normal((100 + number, 90))
        a[rng.random(a.shape) < 0.3 * number] = 0
        b, out = rng.standard_normal((90, 80)), np.zeros((100 + number, 80))
        with capture() as recorder:
            dot(a, b, out)
        replays.append(replay_of(recorder))
        outs.append(out)
    expected = [out.copy() for out in outs]
    wrong: list[int] = []

    def work(number: int) -> None:
        for _ in range(150):
            outs[number][...] = np.nan
            replays[number]()
            if not np.array_equal(outs[number], expected[number]):
                wrong.append(number)

    several = [threading.Thread(target=work, args=(number,), daemon=True) for number in range(4)]
    for thread in several:
        thread.start()
    for thread in several:
        thread.join(TIME_LIMIT)
        assert not thread.is_alive()
    assert wrong == []
