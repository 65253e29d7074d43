"""Copies of a model, in its process and in a child of it, go on with the same bits and apart."""

import copy
import gc
import multiprocessing
import pickle
import threading
import weakref
from collections.abc import Callable
from typing import Any

import pytest

import lamella as lm
from tests.network.replay.networks import PATIENCE, X, Y, all_of, assert_same, never_known, small


@pytest.mark.parametrize("twin", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
@pytest.mark.parametrize("after", [1, 2, 5])
def test_copy_trains_on_with_the_same_bits_and_apart(
    twin: Callable[[lm.Sequential], lm.Sequential], after: int
) -> None:
    def steps(model: lm.Sequential, count: int) -> list[float]:
        return [float(model.train_step(X, Y)) for _ in range(count)]

    with never_known():
        expected = small()
        steps(expected, after)
        losses = steps(expected, 6)
    model = small()
    steps(model, after)
    other = twin(model)
    assert steps(model, 6) == losses
    assert steps(other, 6) == losses
    assert other.passes == 2
    assert_same(all_of(model), all_of(expected))
    assert_same(all_of(other), all_of(expected))


def test_model_that_is_gone_takes_its_tape_along() -> None:
    model = small()
    for _ in range(5):
        model.train_step(X, Y)
    assert model.passes == 2
    values = weakref.ref(model.layers[0].W.value)  # type: ignore[attr-defined]
    assert values() is not None
    del model
    gc.collect()
    assert values() is None


def forkable() -> bool:
    return "fork" in multiprocessing.get_all_start_methods()


def in_child(model: lm.Sequential, results: Any) -> None:
    before = model.passes
    losses = [float(model.train_step(X, Y)) for _ in range(5)]
    results.put((losses, model.predict(X[:2]).tobytes(), model.passes - before))


@pytest.mark.skipif(not forkable(), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("is_busy", [False, True], ids=["free", "while another thread plays"])
@pytest.mark.parametrize("steps", [1, 2, 4])
def test_child_of_a_fork_goes_on_with_the_same_bits(
    steps: int, is_busy: bool, three_threads: Any
) -> None:
    with never_known():
        twin = small()
        for _ in range(steps):
            twin.train_step(X, Y)
        losses = [float(twin.train_step(X, Y)) for _ in range(5)]
        expected = losses, twin.predict(X[:2]).tobytes()
    model, stop = small(), threading.Event()
    for _ in range(steps):
        model.train_step(X, Y)

    def work() -> None:
        other = small(seed=8)
        while not stop.is_set():
            other.train_step(X, Y)

    busy = threading.Thread(target=work)
    if is_busy:
        busy.start()
    context = multiprocessing.get_context("fork")
    results = context.SimpleQueue()
    child = context.Process(target=in_child, args=(model, results))
    try:
        if is_busy:
            child.start()
        else:
            with three_threads.lock:
                child.start()
        child.join(PATIENCE)
        assert child.exitcode == 0, "the child hangs or failed"
    finally:
        stop.set()
        child.kill()
        child.join()
        if is_busy:
            busy.join()
    *got, passes = results.get()
    assert tuple(got) == expected
    assert passes == 3  # it did not play the parent's recorder, but noted one of its own
    assert [float(model.train_step(X, Y)) for _ in range(5)] == losses


@pytest.mark.skipif(not forkable(), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_child_of_a_fork_predicts_the_same() -> None:
    model = small()
    expected = [model.predict(X[i : i + 1]).tobytes() for i in range(6)]
    context = multiprocessing.get_context("fork")
    results = context.SimpleQueue()

    def predict() -> None:
        results.put([model.predict(X[i : i + 1]).tobytes() for i in range(6)])

    child = context.Process(target=predict)
    child.start()
    child.join(PATIENCE)
    hangs = child.is_alive()
    child.kill()
    child.join()
    assert not hangs
    assert results.get() == expected
    assert [model.predict(X[i : i + 1]).tobytes() for i in range(6)] == expected
