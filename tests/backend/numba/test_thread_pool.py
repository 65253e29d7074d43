"""Thread pool: all threads take tasks, also after a fork, and nothing deadlocks."""

import json
import multiprocessing
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lamella.backend import numba as compiled
from lamella.backend import threads

if compiled.products_problem():
    pytest.skip(compiled.products_problem(), allow_module_level=True)


from lamella.backend.numba import parallel_for
from lamella.backend.numba.gemm import dot
from lamella.backend.numba.thread_pool import MAX_THREADS, Pool, get_pool
from tests.backend.numba.jobs import all_take_part, is_held, members, multiplied
from tests.subprocesses import TIME_LIMIT, expect_success, run_python, wait_until

LIMITS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")


@pytest.fixture(scope="module")
def expected() -> list[str]:
    """Digests of products computed by one thread."""
    with threads.single_threaded():
        return [multiplied(number) for number in range(8)]


def test_all_threads_take_part(three_threads: Pool) -> None:
    assert three_threads.size == 3
    assert all_take_part(three_threads)


def test_sleeping_workers_are_woken(three_threads: Pool) -> None:
    wait_until(lambda: three_threads.board[parallel_for.AWAKE] == 0)
    assert all_take_part(three_threads)


def test_pool_has_no_more_threads_than_words_on_the_board(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from lamella.backend.numba import thread_pool as pool

    monkeypatch.setattr(pool, "thread_budget", lambda: 100)
    monkeypatch.setattr(threading.Thread, "start", lambda thread: None)
    assert Pool().size == MAX_THREADS
    assert parallel_for.SCRATCH + MAX_THREADS <= parallel_for.WORDS


def test_concurrent_products_are_right(three_threads: Pool, expected: list[str]) -> None:
    with ThreadPoolExecutor(8) as several:
        for _ in range(20):
            assert list(several.map(multiplied, range(8), timeout=TIME_LIMIT)) == expected


def test_single_threaded_nests_and_ends_after_an_error(three_threads: Pool) -> None:
    assert threads.workers() == 3
    with threads.single_threaded():
        with pytest.raises(ZeroDivisionError), threads.single_threaded():
            raise ZeroDivisionError
        assert threads.workers() == 1
        assert members(three_threads, 1, tasks=20) == [0] * 20
    assert threads.workers() == 3
    assert all_take_part(three_threads)


def test_wrong_shapes_release_the_pool(three_threads: Pool, expected: list[str]) -> None:
    a, b = np.ones((300, 300), "f4"), np.ones((200, 300), "f4")
    for _ in range(3):
        with pytest.raises(ValueError, match="shapes"):
            dot(a, b, np.empty((300, 300), "f4"))
        assert not is_held(three_threads.lock)
    assert multiplied(1) == expected[1]
    assert all_take_part(three_threads)


def child_of_a_fork(results: Any) -> None:
    pool = get_pool()
    results.put((pool.size, all_take_part(pool), [multiplied(number) for number in range(8)]))


@pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods(), reason="there is no fork here"
)
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_child_of_a_fork_has_a_pool_of_its_own(
    three_threads: Pool, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even if another thread held the lock during the fork."""
    from lamella.backend.numba import thread_pool as pool

    monkeypatch.setattr(pool, "thread_budget", lambda: 3)
    multiplied(0)
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            multiplied(7)

    busy = threading.Thread(target=work)
    busy.start()
    context = multiprocessing.get_context("fork")
    results = context.SimpleQueue()
    try:
        for held in (True, False):
            child = context.Process(target=child_of_a_fork, args=(results,))
            if held:
                with three_threads.lock:
                    child.start()
            else:
                child.start()
            expect_success(child)
            assert results.get() == (3, True, expected)
    finally:
        stop.set()
        busy.join()
    assert multiplied(1) == expected[1]  # the parent's pool still works


def child_of_a_spawn(results: Any) -> None:
    pool = get_pool()
    results.put((all_take_part(pool), [multiplied(number) for number in range(8)]))


def test_spawned_process_has_a_pool(expected: list[str]) -> None:
    context = multiprocessing.get_context("spawn")
    results = context.SimpleQueue()
    child = context.Process(target=child_of_a_spawn, args=(results,))
    child.start()
    expect_success(child)
    assert results.get() == (True, expected)


THREE = (
    "import os; os.sched_getaffinity = lambda pid: set(range(3))\n"  # before lamella is imported
)

EXIT = """
import sys, threading, time
from lamella.backend.numba import thread_pool as pool
pool.MAX_POLLS = {patience}
import numpy as np
from lamella.backend.numba.gemm import dot
a, b, out = np.ones((64, 300), "f4"), np.ones((300, 300), "f4"), np.ones((64, 300), "f4")
def multiply_for_ever():
    while True:
        dot(a, b, out)
dot(a, b, out)
{then}
assert pool.get_pool().size == threading.active_count() - {own} == 3
print("done", flush=True)
"""


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="processors cannot be feigned")
@pytest.mark.parametrize(
    ("patience", "then", "own"),
    [
        (1, "time.sleep(0.2)", 0),
        (10**15, "", 0),
        (10**6, "threading.Thread(target=multiply_for_ever, daemon=True).start()", 1),
    ],
    ids=["asleep", "spinning", "in the middle of a product"],
)
def test_interpreter_exits_while_workers_are(patience: int, then: str, own: int) -> None:
    script = THREE + EXIT.format(patience=patience, then=then, own=own)
    done = run_python("-c", script, environment=dict.fromkeys(LIMITS, "3"))
    assert (done.stdout, done.stderr) == ("done\n", "")


TRAIN = """
import hashlib, json, threading
import numpy as np
import lamella as lm
from lamella.backend.numba import elementwise as rules, images as scaling
rng = np.random.default_rng(0)
x = rng.integers(0, 256, (300, 28, 28)).astype("u1")
x[rng.random(x.shape) < 0.3] = 0
x[:, ::2] = 0
y = rng.integers(0, 4, 300)
digests = []
for dtype in ("float32", "float64"):
    model = lm.MLP([90, 40], classes=4, l2=1e-3, seed=5, optimizer=lm.Adam(1e-3), backend="numpy",
                   dtype=dtype)
    model.fit(x, y, epochs=2, batch_size=64, verbose=False)
    weights = model.built().values
    assert weights.size > rules.SHARED
    digests.append(hashlib.sha256(weights.tobytes() + model.predict(x).tobytes()).hexdigest())
print(json.dumps([threading.active_count(), digests]))
"""


@pytest.fixture(scope="module")
def trainings(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Any]:
    """Thread count and digests of the trained weights, for a limit of 1, 2 and 3 threads."""
    results: dict[int, Any] = {}
    for number in (1, 2, 3):
        script = Path(tmp_path_factory.mktemp("training")) / "train.py"
        script.write_text(THREE + TRAIN)
        done = run_python(script, environment=dict.fromkeys(LIMITS, str(number)))
        results[number] = json.loads(done.stdout)
    return results


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="processors cannot be feigned")
def test_there_are_as_many_threads_as_the_environment_allows(trainings: dict[int, Any]) -> None:
    assert {number: found for number, (found, _) in trainings.items()} == {1: 1, 2: 2, 3: 3}


@pytest.mark.slow
def test_training_has_the_same_bits_with_any_number_of_threads(trainings: dict[int, Any]) -> None:
    assert trainings[1][1] == trainings[2][1] == trainings[3][1]
