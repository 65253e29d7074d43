"""Run steps in parallel only while that is faster, measured on a fake clock."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.backend import numba as compiled
from lamella.backend import threads

if compiled.products_problem():
    pytest.skip(compiled.products_problem(), allow_module_level=True)

from lamella.backend.numba import thread_tuning as module
from lamella.backend.numba.parallel_for import LIMIT
from lamella.backend.numba.thread_pool import Pool, get_pool
from lamella.backend.numba.thread_tuning import MIN_INTERVAL, ThreadTuner, tune_threads


class Clock:
    """Clock that only the steps of these tests advance."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "perf_counter", clock)
    return clock


def parallel_fraction(
    pool: Pool, clock: Clock, step: Callable[[], None], parallel: float, single: float
) -> float:
    """Return the fraction of 20,000 steps run in parallel, given the seconds of a step per mode."""
    count = 0
    for _ in range(20_000):
        is_parallel = pool.board[LIMIT] > 1
        count += is_parallel
        clock.now += parallel if is_parallel else single
        step()
    return count / 20_000


@pytest.mark.parametrize("factor", [1.05, 1.5, 20])
def test_the_faster_mode_is_selected_again_after_a_change(
    factor: float, three_threads: Pool, clock: Clock
) -> None:
    with tune_threads() as step:
        assert parallel_fraction(three_threads, clock, step, 1e-4, factor * 1e-4) > 0.98
        assert parallel_fraction(three_threads, clock, step, factor * 1e-4, 1e-4) < 0.25
        assert parallel_fraction(three_threads, clock, step, factor * 1e-4, 1e-4) < 0.02
        assert parallel_fraction(three_threads, clock, step, 1e-4, factor * 1e-4) > 0.75


@pytest.mark.parametrize("step_seconds", [1e-5, 1e-3, 0.1])
@pytest.mark.parametrize("factor", [1.1, 3])
def test_trials_take_little_of_the_time(
    factor: float, step_seconds: float, three_threads: Pool, clock: Clock
) -> None:
    with tune_threads() as step:
        for _ in range(100):  # the first trial costs more
            clock.now += step_seconds
            step()
        start = clock.now
        parallel_fraction(three_threads, clock, step, step_seconds, factor * step_seconds)
    assert clock.now - start < 1.02 * 20_000 * step_seconds


def test_occasional_slow_steps_decide_nothing(three_threads: Pool, clock: Clock) -> None:
    count = 0
    with tune_threads() as step:
        for number in range(20_000):
            is_parallel = three_threads.board[LIMIT] > 1
            count += is_parallel
            clock.now += (1e-4 if is_parallel else 1.2e-4) * (5 if number % 5 == 0 else 1)
            step()
    assert count > 19_000


def test_a_single_threaded_training_never_changes_the_limit(
    three_threads: Pool, clock: Clock
) -> None:
    with threads.single_threaded():
        tuner = ThreadTuner(three_threads)
        for _ in range(1000):
            clock.now += MIN_INTERVAL
            tuner.step()
            assert three_threads.board[LIMIT] == three_threads.size


def test_the_limit_is_lifted_after_a_training_even_if_interrupted(three_threads: Pool) -> None:
    class Break(lm.Callback):
        def on_batch_end(self, model: Any, batch: int, log: Any) -> None:
            seen.append(int(get_pool().board[LIMIT]))
            if batch == 17:
                raise KeyboardInterrupt

    seen: list[int] = []
    x, y = np.random.default_rng(0).random((400, 5)), np.arange(400) % 3
    model = lm.MLP([4], classes=3, seed=1, backend="numpy")
    with pytest.raises(KeyboardInterrupt):
        model.fit(x, y, batch_size=20, callbacks=[Break()], verbose=False, check=False)
    assert seen[:11] == [3] * 11  # twelve steps in parallel, then on one thread
    assert seen[11:] == [1] * 7
    assert three_threads.board[LIMIT] == 3
