"""Threads that share tasks: all take part, each task is done once, and nothing waits for ever."""

import hashlib
import json
import multiprocessing
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lamella.backend import numba as compiled
from lamella.backend import threads

pytest.importorskip("numba", reason="compiled loops need numba: pip install 'lamella[fast]'")
if not compiled.has_products():
    pytest.skip("this processor has no fused multiply-add", allow_module_level=True)

import numba

from lamella.backend.numba import parallel_for as sharing
from lamella.backend.numba.gemm import dot
from lamella.backend.numba.thread_pool import MEMORY, MOST, Pool, get_pool

TIME_LIMIT = 60  # seconds after which it is taken for a deadlock
LOOKS = 300_000_000  # a tenth of a second or more: so long is a helper waited for
EXPECTED, PRESENT, SEEN = 0, 8, 16  # words of the first job below
PLACES = 64  # for tasks of the second


def meet(words, task, memory):  # type: ignore[no-untyped-def]
    """Note whose memory this is, and wait for as many threads as are expected."""
    board = numba.carray(words, 64)
    board[SEEN + task] = memory
    sharing.add(board, PRESENT, 1)
    looks = 0
    while sharing.load(board, PRESENT) < board[EXPECTED] and looks < LOOKS:
        looks += 1


def count(words, task, memory):  # type: ignore[no-untyped-def]
    """Count how often each task is done, and note by whom; slow enough to be worth sharing."""
    board = numba.carray(words, 2 * PLACES)
    sharing.add(board, task, 1)
    board[PLACES + task] = memory
    for _ in range(1000):
        sharing.load(board, task)


def run_tasks(pool: Pool, task: int, words: np.ndarray, tasks: int) -> None:
    """Do a job with all threads that may take part."""
    with pool.lock:
        sharing.run(pool.board, task, words.ctypes.data, tasks, threads.workers())
    pool.wake()


def counted(pool: Pool, tasks: int) -> set[int]:
    """Do a job, see that each of its tasks was done once, and return who did any."""
    words = np.zeros(2 * PLACES, np.int64)
    run_tasks(pool, sharing.compile_task(count), words, tasks)
    np.testing.assert_array_equal(words[:PLACES], np.arange(PLACES) < tasks)
    return {worker_at(pool, address) for address in words[PLACES : PLACES + tasks].tolist()}


def worker_at(pool: Pool, address: int) -> int:
    """Return whose memory begins at an address."""
    return pool.board[sharing.SCRATCH : sharing.SCRATCH + pool.size].tolist().index(address)


def members(pool: Pool, expected: int, tasks: int) -> list[int]:
    """Return who did each task, when as many threads as ``expected`` have to meet."""
    words = np.zeros(64, np.int64)
    words[EXPECTED] = expected
    run_tasks(pool, sharing.compile_task(meet), words, tasks)
    return [worker_at(pool, address) for address in words[SEEN : SEEN + tasks].tolist()]


def all_take_part(pool: Pool) -> bool:
    """Whether all threads meet, now or soon: who is just going to sleep misses a job."""
    tries = (members(pool, pool.size, tasks=pool.size) for _ in range(50))
    return any(sorted(found) == list(range(pool.size)) for found in tries)


def factors(number: int) -> tuple[np.ndarray, np.ndarray]:
    """Return factors of products that are shared, some with lists of terms."""
    rng = np.random.default_rng(number)
    a, b = rng.standard_normal((40 + 9 * number, 250)), rng.standard_normal((250, 90))
    if number % 2:
        a[:, rng.random(250) < 0.8] = 0
    return a.astype(["f4", "f8"][number % 3 == 0]), b.astype(["f4", "f8"][number % 3 == 0])


def multiplied(number: int) -> str:
    """Return a digest of a product."""
    a, b = factors(number)
    out = np.full((len(a), b.shape[1]), np.nan, a.dtype)
    return hashlib.sha256(dot(a, b, out).tobytes()).hexdigest()


@pytest.fixture(scope="module")
def expected() -> list[str]:
    """Digests of products that one thread made."""
    with threads.single_threaded():
        return [multiplied(number) for number in range(8)]


def test_all_threads_take_part(three_threads: Pool) -> None:
    assert three_threads.size == 3
    assert all_take_part(three_threads)


def test_no_more_threads_take_part_than_may(
    three_threads: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = time.monotonic() + TIME_LIMIT
    while 2 not in counted(three_threads, 60):  # so that it would take part from now on
        assert time.monotonic() < end, "the second helper never takes part"
    monkeypatch.setattr(threads, "thread_budget", lambda: 2)
    assert set().union(*(counted(three_threads, 60) for _ in range(500))) <= {0, 1}


def test_helpers_that_fell_asleep_are_woken(three_threads: Pool) -> None:
    end = time.monotonic() + TIME_LIMIT
    while three_threads._work.is_set():
        assert time.monotonic() < end, "the helpers never go to sleep"
        time.sleep(0.01)
    assert all_take_part(three_threads)


def test_each_task_is_done_once(three_threads: Pool) -> None:
    rng, seen, end = np.random.default_rng(1), set(), time.monotonic() + TIME_LIMIT
    jobs = 0
    while jobs < 1500 or seen != {0, 1, 2}:
        assert time.monotonic() < end, f"all is done by {seen}"
        seen |= counted(three_threads, int(rng.integers(0, PLACES)))
        jobs += 1


def test_memory_of_the_threads_lies_apart(three_threads: Pool) -> None:
    begins = np.sort(three_threads.board[sharing.SCRATCH : sharing.SCRATCH + 3])
    assert (np.diff(begins) >= MEMORY).all()
    assert (begins % 64 == 0).all()
    assert three_threads.board.ctypes.data % 64 == 0


def test_pool_has_no_more_threads_than_there_are_places_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from lamella.backend.numba import thread_pool as pool

    monkeypatch.setattr(pool, "thread_budget", lambda: 100)
    monkeypatch.setattr(threading.Thread, "start", lambda thread: None)
    assert Pool().size == MOST
    assert sharing.SCRATCH + MOST <= sharing.WORDS


def test_products_of_many_threads_at_once_are_right(
    three_threads: Pool, expected: list[str]
) -> None:
    with ThreadPoolExecutor(8) as several:
        for _ in range(20):
            assert list(several.map(multiplied, range(8), timeout=TIME_LIMIT)) == expected


def test_alone_is_nested_and_undone_after_an_error(three_threads: Pool) -> None:
    assert threads.workers() == 3
    with threads.single_threaded():
        with pytest.raises(ZeroDivisionError), threads.single_threaded():
            raise ZeroDivisionError
        assert threads.workers() == 1
        assert members(three_threads, 1, tasks=20) == [0] * 20
    assert threads.workers() == 3
    assert all_take_part(three_threads)


def test_wrong_shapes_leave_the_pool_to_others(three_threads: Pool, expected: list[str]) -> None:
    a, b = np.ones((300, 300), "f4"), np.ones((200, 300), "f4")
    for _ in range(3):
        with pytest.raises(ValueError, match="shapes"):
            dot(a, b, np.empty((300, 300), "f4"))
        assert not three_threads.lock.locked()
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
    """Also where another thread was in the middle of a product, and held the lock."""
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
    children = []
    try:
        for held in (True, False):
            child = context.Process(target=child_of_a_fork, args=(results,))
            children.append(child)
            if held:
                with three_threads.lock:
                    child.start()
            else:
                child.start()
            child.join(TIME_LIMIT)
            assert child.exitcode == 0, "the child hangs or failed"
            assert results.get() == (3, True, expected)
    finally:
        stop.set()
        busy.join()
        for child in children:
            child.kill()
            child.join()
    assert multiplied(1) == expected[1]  # and the parent goes on with its own


def child_of_a_spawn(results: Any) -> None:
    pool = get_pool()
    results.put((all_take_part(pool), [multiplied(number) for number in range(8)]))


def test_spawned_process_has_a_pool(expected: list[str]) -> None:
    context = multiprocessing.get_context("spawn")
    results = context.SimpleQueue()
    child = context.Process(target=child_of_a_spawn, args=(results,))
    child.start()
    child.join(TIME_LIMIT)
    hangs = child.is_alive()
    child.kill()
    child.join()
    assert not hangs
    assert child.exitcode == 0
    assert results.get() == (True, expected)


THREE = "import os; os.sched_getaffinity = lambda pid: set(range(3))\n"  # before lamella asks

EXIT = """
import sys, threading, time
from lamella.backend.numba import thread_pool as pool
pool.PATIENCE = {patience}
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
def test_interpreter_ends_while_helpers_are(patience: int, then: str, own: int) -> None:
    script = THREE + EXIT.format(patience=patience, then=then, own=own)
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "3"}
    environment.pop("OMP_NUM_THREADS", None)
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True, text=True, timeout=TIME_LIMIT, env=environment,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")


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
    """For 1, 2 and 3 threads allowed: how many there were, and digests of what was learnt."""
    results: dict[int, Any] = {}
    for number in (1, 2, 3):
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": str(number)}
        environment.pop("OMP_NUM_THREADS", None)
        script = Path(tmp_path_factory.mktemp("training")) / "train.py"
        script.write_text(THREE + TRAIN)
        done = subprocess.run(
            [sys.executable, str(script)],
            capture_output=True, text=True, timeout=TIME_LIMIT, env=environment, check=True,
        )  # fmt: skip
        results[number] = json.loads(done.stdout)
    return results


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="processors cannot be feigned")
def test_there_are_as_many_threads_as_the_environment_allows(trainings: dict[int, Any]) -> None:
    assert {number: found for number, (found, _) in trainings.items()} == {1: 1, 2: 2, 3: 3}


def test_training_has_the_same_bits_with_any_number_of_threads(trainings: dict[int, Any]) -> None:
    assert trainings[1][1] == trainings[2][1] == trainings[3][1]
