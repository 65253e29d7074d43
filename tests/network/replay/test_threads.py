"""Models in threads have the bits of each alone."""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.backend.workspace import replayable
from tests.network.replay.custom import Marked
from tests.network.replay.networks import (
    CLASSES,
    PATIENCE,
    X,
    Y,
    all_of,
    compiled_model,
    everything,
    never_known,
    small,
    trained,
)


def job(number: int) -> bytes:
    """Train and use one of several models, and return all that comes of it."""
    make = [small, lambda: compiled_model(everything()), lambda: small(dtype="float64")][number % 3]
    model, parts = make(), []
    for turn in range(6):
        for _ in range(turn + 1):
            parts.append(np.array(model.train_step(X, Y)))
        for _ in range(3):
            parts.append(model.predict(X[number : number + 2]))
    trained(model, batch_size=8)
    arrays = [*all_of(model).values(), *parts]
    return b"".join(np.asarray(array).tobytes() for array in arrays)


@pytest.fixture(scope="module")
def single_threaded() -> list[bytes]:
    """What each job gives with nothing beside it and without replays."""
    with never_known():
        return [job(number) for number in range(6)]


@pytest.mark.parametrize("interval", [5e-3, 1e-5])
def test_models_in_threads_have_the_bits_of_each_alone(
    interval: float, single_threaded: list[bytes], three_threads: Any
) -> None:
    before = sys.getswitchinterval()
    sys.setswitchinterval(interval)
    try:
        with ThreadPoolExecutor(4) as several:
            for _ in range(3):
                assert list(several.map(job, range(6), timeout=PATIENCE)) == single_threaded
    finally:
        sys.setswitchinterval(before)


def test_thread_that_records_notes_nothing_of_another() -> None:
    """One notes its step while the other trains in the middle of it."""
    inside, done = threading.Event(), threading.Event()
    found: list[bytes] = []

    def wait() -> None:
        inside.set()
        done.wait(PATIENCE)

    wait.__module__ = "lamella"  # an object of the test's own would rule out a replay

    class Wait(Marked):
        @replayable
        def forward(self, x: Any, training: bool) -> Any:
            wait()
            return super().forward(x, training)

    def train(model: lm.Sequential) -> bytes:
        losses = [np.array(model.train_step(X, Y)) for _ in range(6)]
        arrays = [*losses, *all_of(model).values()]
        return b"".join(np.asarray(array).tobytes() for array in arrays)

    def waiting() -> lm.Sequential:
        return compiled_model([lm.Dense(8), Wait(1.5), lm.ReLU(), lm.Dense(CLASSES)])

    done.set()
    with never_known():
        expected = train(waiting()), train(small())
    model = waiting()
    model.train_step(X, Y)
    inside.clear()
    done.clear()
    with never_known():
        reference = waiting()
        done.set()
        reference.train_step(X, Y)
        rest = train(reference)
    done.clear()
    inside.clear()
    thread = threading.Thread(target=lambda: found.append(train(model)))
    thread.start()
    assert inside.wait(PATIENCE)
    assert train(small()) == expected[1]
    done.set()
    thread.join(PATIENCE)
    assert found == [rest]
    assert model.passes == 2
