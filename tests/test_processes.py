"""Several models at once, in threads and in processes: the bits of each alone, and no deadlock."""

import gc
import multiprocessing
import sys
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import lamella as lm
from tests.subprocesses import TIME_LIMIT


def job(number: int) -> bytes:
    """Train one of several different models and return all that decides it, as bytes."""
    rng = np.random.default_rng(number)
    x, y = rng.random((200, 12), np.float32), rng.integers(0, 3, 200)
    optimizer = [lm.Adam(0.01), lm.Momentum(0.05), lm.SGD(0.1), lm.AdamW(0.01)][number % 4]
    options: dict[str, Any] = {"batch_norm": number % 2 == 0, "dropout": 0.2, "l2": 1e-3}
    if number % 3 == 0:
        options["dtype"] = "float64"
    model = lm.MLP([16, 8], classes=3, optimizer=optimizer, seed=number, backend="numpy", **options)
    model.fit(x, y, epochs=4, batch_size=32, validation_split=0.2, verbose=False)
    arrays = [*model.state_dict().values(), *optimizer.state.values(), model.predict(x)]
    losses = model.history["loss"]
    return b"".join([*(array.tobytes() for array in arrays), repr(losses).encode()])


@pytest.fixture(scope="module")
def single_threaded() -> list[bytes]:
    """Results of each job alone."""
    return [job(number) for number in range(8)]


def test_models_in_threads_have_the_bits_of_each_alone(single_threaded: list[bytes]) -> None:
    for _ in range(3):
        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(job, range(8), timeout=TIME_LIMIT)) == single_threaded


def test_threads_that_change_often_give_the_same_bits(single_threaded: list[bytes]) -> None:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(job, range(8), timeout=TIME_LIMIT)) == single_threaded
    finally:
        sys.setswitchinterval(before)


def start_methods() -> list[str]:
    known = multiprocessing.get_all_start_methods()
    return [name for name in ("fork", "spawn", "forkserver") if name in known]


@pytest.mark.parametrize("method", start_methods())
def test_models_in_processes_have_the_bits_of_each_alone(
    method: str, single_threaded: list[bytes]
) -> None:
    context = multiprocessing.get_context(method)
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        assert list(pool.map(job, range(8), timeout=TIME_LIMIT)) == single_threaded


@pytest.mark.skipif("fork" not in start_methods(), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_fork_in_the_middle_of_training_neither_hangs_nor_changes_bits(
    single_threaded: list[bytes],
) -> None:
    """A child made while another thread holds the limit on BLAS threads trains all the same."""
    forked: list[bytes] = []
    context = multiprocessing.get_context("fork")

    class Fork(lm.Callback):
        def on_batch_end(self, model: lm.Sequential, batch: int, log: Any) -> None:
            if batch == 1 and not forked:
                with ProcessPoolExecutor(1, mp_context=context) as pool:
                    forked.append(pool.submit(job, 1).result(timeout=TIME_LIMIT))

    def train() -> None:
        rng = np.random.default_rng(0)
        model = lm.MLP([8], classes=3, seed=0, backend="numpy")
        x, y = rng.random((200, 12), np.float32), rng.integers(0, 3, 200)
        model.fit(x, y, epochs=1, batch_size=32, callbacks=[Fork()], verbose=False)

    thread = threading.Thread(target=train)
    thread.start()
    thread.join(TIME_LIMIT)
    assert not thread.is_alive()
    assert forked == [single_threaded[1]]


@pytest.mark.skipif("fork" not in start_methods(), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_fork_while_another_thread_takes_the_lock_of_threads_does_not_hang() -> None:
    """A lock that a thread of the parent held must be free in the child."""
    from lamella.backend import threads

    context = multiprocessing.get_context("fork")
    with threads._lock:
        child = context.Process(target=job, args=(1,))
        child.start()
    child.join(TIME_LIMIT)
    hangs = child.is_alive()
    child.kill()
    assert not hangs
    assert child.exitcode == 0


def globals_of_lamella() -> dict[str, str]:
    """Return the values in all modules of lamella, without caches that only save time."""
    found = {}
    for name, module in sorted(sys.modules.items()):
        if name.partition(".")[0] != "lamella" or module is None:
            continue
        for key, value in vars(module).items():
            if isinstance(value, dict | list | set | int | float | str | tuple | bytearray):
                found[f"{name}.{key}"] = repr(value)
            elif isinstance(value, type) and value.__module__ == name:
                plain = {k: v for k, v in vars(value).items() if not k.startswith("__")}
                found[f"{name}.{key}"] = repr({k: v for k, v in plain.items() if not callable(v)})
    return found


def test_training_leaves_no_trace_in_any_module() -> None:
    job(0)  # does all late imports
    before = globals_of_lamella()
    assert len(before) > 100
    for number in range(4):
        job(number)
    after = globals_of_lamella()
    changed = {key for key in before if "__builtins__" not in key and before[key] != after[key]}
    assert changed <= {"lamella.backend.threads._first"}
    assert set(after) == set(before)


def test_training_leaves_numpys_own_settings_and_generator_as_they_were() -> None:
    np.random.seed(3)  # noqa: NPY002
    state, errors = np.random.get_state()[1].tolist(), np.geterr()  # noqa: NPY002
    job(1)
    assert np.random.get_state()[1].tolist() == state  # noqa: NPY002
    assert np.geterr() == errors


@pytest.mark.slow
def test_deleted_models_free_their_memory() -> None:
    import tracemalloc

    def used() -> int:
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    job(1)
    tracemalloc.start()
    job(1)
    before = used()
    for _ in range(10):
        job(1)
    growth = used() - before
    tracemalloc.stop()
    assert growth < 64 * 1024
