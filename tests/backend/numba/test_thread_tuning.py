"""Sharing work only while that is the faster way, on a clock that these tests turn themselves."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.backend import numba as compiled
from lamella.backend import threads

pytest.importorskip("numba", reason="compiled loops need numba: pip install 'lamella[fast]'")
if not compiled.has_products():
    pytest.skip("this processor has no fused multiply-add", allow_module_level=True)

from lamella.backend.numba import thread_tuning as module
from lamella.backend.numba.parallel_for import LIMIT
from lamella.backend.numba.thread_pool import Pool, get_pool
from lamella.backend.numba.thread_tuning import SHORTEST, Pace, pace


class Clock:
    """Time that passes only while steps are done."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "perf_counter", clock)
    return clock


def share_of_shared(pool: Pool, clock: Clock, step: Callable[[], None], *seconds: float) -> float:
    """Do 20,000 steps that take so long shared, and alone, and return how many were shared."""
    shared, alone = seconds
    count = 0
    for _ in range(20_000):
        is_shared = pool.board[LIMIT] > 1
        count += is_shared
        clock.now += shared if is_shared else alone
        step()
    return count / 20_000


@pytest.mark.parametrize("factor", [1.05, 1.5, 20])
def test_the_faster_way_is_taken_and_found_again_when_things_change(
    factor: float, three_threads: Pool, clock: Clock
) -> None:
    with pace() as step:
        assert share_of_shared(three_threads, clock, step, 1e-4, factor * 1e-4) > 0.98
        assert share_of_shared(three_threads, clock, step, factor * 1e-4, 1e-4) < 0.25
        assert share_of_shared(three_threads, clock, step, factor * 1e-4, 1e-4) < 0.02
        assert share_of_shared(three_threads, clock, step, 1e-4, factor * 1e-4) > 0.75


@pytest.mark.parametrize("step_seconds", [1e-5, 1e-3, 0.1])
@pytest.mark.parametrize("factor", [1.1, 3])
def test_trials_take_little_of_the_time(
    factor: float, step_seconds: float, three_threads: Pool, clock: Clock
) -> None:
    with pace() as step:
        for _ in range(100):  # the first trial is not to be had for less
            clock.now += step_seconds
            step()
        start = clock.now
        share_of_shared(three_threads, clock, step, step_seconds, factor * step_seconds)
    assert clock.now - start < 1.02 * 20_000 * step_seconds


def test_a_step_that_was_disturbed_now_and_then_decides_nothing(
    three_threads: Pool, clock: Clock
) -> None:
    shared = 0
    with pace() as step:
        for number in range(20_000):
            is_shared = three_threads.board[LIMIT] > 1
            shared += is_shared
            clock.now += (1e-4 if is_shared else 1.2e-4) * (5 if number % 5 == 0 else 1)
            step()
    assert shared > 19_000


def test_who_may_have_one_thread_only_keeps_it(three_threads: Pool, clock: Clock) -> None:
    with threads.single_threaded():
        one = Pace(three_threads)
        for _ in range(1000):
            clock.now += SHORTEST
            one.step()
            assert three_threads.board[LIMIT] == three_threads.size


def test_work_is_shared_again_after_a_training_however_it_ends(three_threads: Pool) -> None:
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
    assert seen[:11] == [3] * 11  # twelve steps shared, then alone
    assert seen[11:] == [1] * 7
    assert three_threads.board[LIMIT] == 3
