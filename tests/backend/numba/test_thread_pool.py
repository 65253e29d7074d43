"""Thread pool: all threads take tasks, each task runs once, and nothing deadlocks."""

import hashlib
import json
import multiprocessing
import os
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

from lamella.backend.numba import parallel_for
from lamella.backend.numba.gemm import dot
from lamella.backend.numba.thread_pool import MAX_THREADS, SCRATCH_BYTES, Pool, get_pool
from tests.subprocesses import run_python

TIME_LIMIT = 60  # seconds after which a test reports a deadlock
MAX_POLLS = 300_000_000  # a tenth of a second or more: how long a task waits for other threads
EXPECTED, PRESENT, SEEN = 0, 8, 16  # words of the first job below
PLACES = 64  # for tasks of the second
LIMITS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")


def meet(words, task, memory):  # type: ignore[no-untyped-def]
    """Write the address of this thread's memory, and wait for the expected number of threads."""
    board = numba.carray(words, 64)
    board[SEEN + task] = memory
    parallel_for.atomic_add(board, PRESENT, 1)
    polls = 0
    while parallel_for.atomic_load(board, PRESENT) < board[EXPECTED] and polls < MAX_POLLS:
        polls += 1


def count(words, task, memory):  # type: ignore[no-untyped-def]
    """Count the runs of each task and write its worker's memory address; slow on purpose."""
    board = numba.carray(words, 2 * PLACES)
    parallel_for.atomic_add(board, task, 1)
    board[PLACES + task] = memory
    for _ in range(1000):
        parallel_for.atomic_load(board, task)


def run_tasks(pool: Pool, task: int, words: np.ndarray, tasks: int) -> None:
    """Run a job on all available threads."""
    with pool.lock:
        parallel_for.run(pool.board, task, words.ctypes.data, tasks, threads.workers())
    pool.wake()


def counted(pool: Pool, tasks: int) -> set[int]:
    """Run a job, assert that each task ran once, and return the workers that ran any."""
    words = np.zeros(2 * PLACES, np.int64)
    run_tasks(pool, parallel_for.compile_task(count), words, tasks)
    np.testing.assert_array_equal(words[:PLACES], np.arange(PLACES) < tasks)
    return {worker_at(pool, address) for address in words[PLACES : PLACES + tasks].tolist()}


def worker_at(pool: Pool, address: int) -> int:
    """Return the worker whose memory begins at an address."""
    return (
        pool.board[parallel_for.SCRATCH : parallel_for.SCRATCH + pool.size].tolist().index(address)
    )


def members(pool: Pool, expected: int, tasks: int) -> list[int]:
    """Return the worker of each task, of which ``expected`` must run at the same time."""
    words = np.zeros(64, np.int64)
    words[EXPECTED] = expected
    run_tasks(pool, parallel_for.compile_task(meet), words, tasks)
    return [worker_at(pool, address) for address in words[SEEN : SEEN + tasks].tolist()]


def all_take_part(pool: Pool) -> bool:
    """Whether all threads run a job together, now or soon: one about to sleep misses a job."""
    tries = (members(pool, pool.size, tasks=pool.size) for _ in range(50))
    return any(sorted(found) == list(range(pool.size)) for found in tries)


def factors(number: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the factors of a parallel product, with zeros for odd numbers."""
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
    """Digests of products computed by one thread."""
    with threads.single_threaded():
        return [multiplied(number) for number in range(8)]


def test_all_threads_take_part(three_threads: Pool) -> None:
    assert three_threads.size == 3
    assert all_take_part(three_threads)


def test_no_more_threads_take_part_than_may(
    three_threads: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = time.monotonic() + TIME_LIMIT
    while 2 not in counted(three_threads, 60):  # until it is awake
        assert time.monotonic() < end, "the second worker thread never takes a task"
    monkeypatch.setattr(threads, "thread_budget", lambda: 2)
    assert set().union(*(counted(three_threads, 60) for _ in range(500))) <= {0, 1}


def test_sleeping_workers_are_woken(three_threads: Pool) -> None:
    end = time.monotonic() + TIME_LIMIT
    while three_threads._work.is_set():
        assert time.monotonic() < end, "the workers never sleep"
        time.sleep(0.01)
    assert all_take_part(three_threads)


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
    assert multiplied(1) == expected[1]  # the parent's pool still works


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


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="processors cannot be feigned")
def test_there_are_as_many_threads_as_the_environment_allows(trainings: dict[int, Any]) -> None:
    assert {number: found for number, (found, _) in trainings.items()} == {1: 1, 2: 2, 3: 3}


def test_training_has_the_same_bits_with_any_number_of_threads(trainings: dict[int, Any]) -> None:
    assert trainings[1][1] == trainings[2][1] == trainings[3][1]
