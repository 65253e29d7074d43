"""BLAS threads: chosen by shapes, limited during a training and restored afterwards."""

import multiprocessing
import threading

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

import lamella as lm
from lamella.backend import threads
from lamella.backend.threads import cap_blas_threads, limit_blas_threads, useful_threads
from tests.subprocesses import TIME_LIMIT, expect_success, run_python

REPORT = [(784, 256), (256, 30), (30, 10)]


def in_use() -> int:
    return max(pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas")


@pytest.mark.parametrize(
    ("batch_size", "matrices", "number"),
    [
        (64, REPORT, 2),
        (16, REPORT, 1),
        (256, REPORT, 8),
        (64, [(784, 100), (100, 70), (70, 10)], 1),
        (64, [(784, 2048), (2048, 256)], 17),
        (64, [], 1),
    ],
)
def test_larger_products_get_more_threads(
    batch_size: int, matrices: list[tuple[int, int]], number: int
) -> None:
    assert useful_threads(batch_size, matrices) == number


def test_an_existing_limit_is_never_raised() -> None:
    with threadpool_limits(1, user_api="blas"), limit_blas_threads(1000) as number:
        assert number == in_use() == 1


def test_the_first_block_decides_until_the_last_has_ended() -> None:
    before = in_use()
    first, second = limit_blas_threads(1), limit_blas_threads(8)
    assert first.__enter__() == second.__enter__() == in_use() == 1
    first.__exit__(None, None, None)
    assert in_use() == 1
    second.__exit__(None, None, None)
    assert in_use() == before


def test_limit_set_in_one_thread_can_end_in_another() -> None:
    before = in_use()
    begun, ended = threading.Event(), threading.Event()

    def work() -> None:
        with limit_blas_threads(1):
            begun.set()
            ended.wait(TIME_LIMIT)

    thread = threading.Thread(target=work)
    thread.start()
    begun.wait(TIME_LIMIT)
    with limit_blas_threads(1):
        ended.set()
        thread.join()
        assert in_use() == 1
    assert in_use() == before


def test_a_cap_allows_lower_limits_within() -> None:
    before = in_use()
    with threadpool_limits(2, user_api="blas"), cap_blas_threads(2):
        with limit_blas_threads(1):
            assert in_use() == 1
        assert in_use() == 2
        with limit_blas_threads(8) as number:
            assert number == in_use() == 2
    assert in_use() == before


def test_a_cap_never_raises_the_number() -> None:
    with threadpool_limits(1, user_api="blas"), cap_blas_threads(4):
        assert in_use() == 1


def test_a_limit_ends_after_an_error() -> None:
    before = in_use()
    with pytest.raises(ZeroDivisionError), limit_blas_threads(1):
        raise ZeroDivisionError
    assert in_use() == before


def limited_child() -> None:
    with limit_blas_threads(1) as number:
        assert number == in_use() == 1


@pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods(), reason="there is no fork here"
)
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_child_forked_while_the_lock_is_held_does_not_deadlock() -> None:
    child = multiprocessing.get_context("fork").Process(target=limited_child)
    with threads._lock:
        child.start()
    expect_success(child)


def test_library_that_is_loaded_later_is_limited_too() -> None:
    pytest.importorskip("scipy", reason="scipy brings a library of its own")
    code = """
import numpy
from threadpoolctl import threadpool_info
from lamella.backend.threads import cap_blas_threads, limit_blas_threads
def found():
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]
with limit_blas_threads(1), cap_blas_threads(1):
    before = len(found())
import scipy.linalg
with limit_blas_threads(1):
    assert set(found()) == {1}, found()
print(before, len(found()))
"""
    done = run_python("-c", code, environment={"OPENBLAS_NUM_THREADS": "2"})
    before, after = map(int, done.stdout.split())
    if before == after:
        pytest.skip("scipy shares numpy's library here")


def test_fit_reports_its_threads_and_restores_the_number() -> None:
    before, seen = in_use(), []

    class Watch(lm.Callback):
        def on_epoch_begin(self, model: lm.Sequential, epoch: int) -> None:
            seen.append(in_use())

    model = lm.MLP([8], classes=2, seed=0, backend="numpy")
    x, y = np.eye(6, dtype="f4"), np.array([0, 1] * 3)
    model.fit(x, y, epochs=1, callbacks=[Watch()], verbose=False)
    assert seen == [model.blas_threads] == [1]
    assert in_use() == before


def test_concurrent_fits_have_the_bits_of_sequential_fits() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((256, 30)).astype("f4"), rng.integers(0, 3, 256)

    def weights(seed: int) -> bytes:
        model = lm.MLP([20], classes=3, seed=seed, backend="numpy")
        model.fit(x, y, epochs=3, batch_size=32, verbose=False)
        return model.built().values.tobytes()

    expected = [weights(seed) for seed in range(4)]
    found: dict[int, bytes] = {}
    workers = [
        threading.Thread(target=lambda seed=seed: found.update({seed: weights(seed)}))
        for seed in range(4)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [found[seed] for seed in range(4)] == expected
