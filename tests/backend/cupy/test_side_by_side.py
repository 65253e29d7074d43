"""Networks trained side by side: stacked launches, and the bits of each alone."""

import threading
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.backend.cupy import products, side_by_side
from lamella.backend.cupy.graph_backend import GraphBackend
from lamella.backend.cupy.graphs import TapeReplay
from lamella.backend.cupy.side_by_side import SideBySide
from lamella.backend.cupy.stacks import Stack
from lamella.testing import strict_cupy
from tests.data import clouds

pytestmark = pytest.mark.slow

X, Y = clouds(100, seed=1)
CASES: list[dict[str, Any]] = [
    {"width": 5, "rate": 1e-2, "dropout": 0.2, "seed": 1},
    {"width": 5, "rate": lm.CosineDecay(3e-2, epochs=4), "dropout": 0.5, "seed": 2},
    {"width": 20, "rate": 1e-2, "dropout": 0.2, "seed": 3},  # of other nodes
    {"width": 5, "rate": 1e-3, "dropout": 0.1, "seed": 4},
]


class Failure(lm.Callback):
    """Fails after the second epoch."""

    def on_epoch_end(self, model: Any, epoch: int, logs: dict[str, Any]) -> None:
        if epoch == 1:
            raise OSError("the disk is full")


def train(case: dict[str, Any], callbacks: Any = ()) -> tuple[Any, ...]:
    """Return the numbers of a training of 4 epochs with 10 batches each."""
    layers = [lm.Dense(case["width"], regularizer=lm.L2(1e-3)), lm.ReLU()]
    model = lm.Sequential(
        [*layers, lm.Dropout(case["dropout"]), lm.Dense(3)],
        seed=case["seed"],
        backend=GraphBackend(strict_cupy),
    )
    model.compile(lm.SoftmaxCrossEntropy(), lm.Adam(case["rate"], clip_norm=1.0), ["accuracy"])
    history = model.fit(
        *(X, Y), epochs=4, batch_size=8, validation_split=0.2, verbose=False, callbacks=callbacks
    )
    rows = [{**row, "seconds": 0} for row in history.rows]
    state = {name: value.tolist() for name, value in model.state_dict().items()}
    return rows, state, model.optimizer.t, model.predict(X).tolist()


def train_together(
    cases: Any, monkeypatch: pytest.MonkeyPatch, fails: int | None = None
) -> list[Any]:
    """Train the cases, each in a thread; all wait for all, so that launches are the same."""
    monkeypatch.setattr(side_by_side, "PATIENCE", 60.0)
    together = SideBySide(strict_cupy, len(cases), nullcontext)
    together._expected = set(range(len(cases)))
    results: list[Any] = [None] * len(cases)
    everyone = threading.Barrier(len(cases))

    def work(place: int) -> None:
        callbacks = [Failure()] if place == fails else []
        with together.member():
            everyone.wait()
            try:
                results[place] = train(cases[place], callbacks)
            except OSError as error:
                results[place] = str(error)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(cases))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.fixture(scope="module")
def alone() -> list[Any]:
    return [train(case) for case in CASES]


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Networks and steps of each launch of a stack, and 1 with the steps of those alone."""
    found: list[tuple[int, int]] = []
    stack, single = Stack.launch, TapeReplay.launch

    def launch(self: Stack, replays: Any, times: int) -> None:
        found.append((len(replays), times))
        stack(self, replays, times)

    def launch_alone(self: TapeReplay, times: int) -> None:
        found.append((1, times))
        single(self, times)

    monkeypatch.setattr(Stack, "launch", launch)
    monkeypatch.setattr(TapeReplay, "launch", launch_alone)
    return found


def test_networks_side_by_side_have_the_bits_of_each_alone(
    alone: list[Any], launched: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert train_together(CASES, monkeypatch) == alone
    # The first two batches of the first epoch, one of them captured, are done by each alone.
    steps = sorted(each for each in launched if each[1] > 5)
    assert steps == [(1, 8), *[(1, 10)] * 3, (3, 8), *[(3, 10)] * 3]


def test_a_network_that_fails_disturbs_no_other(
    alone: list[Any], launched: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = train_together(CASES, monkeypatch, fails=1)
    assert found == [alone[0], "the disk is full", *alone[2:]]
    steps = sorted(each for each in launched if each[1] > 5)
    assert steps == [(1, 8), *[(1, 10)] * 3, *[(2, 10)] * 2, (3, 8), (3, 10)]


def test_networks_without_a_stack_are_launched_alone(
    alone: list[Any], launched: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise MemoryError("no room for the words")

    monkeypatch.setattr(Stack, "__init__", fail)
    assert train_together(CASES[:2], monkeypatch) == alone[:2]
    assert {networks for networks, _ in launched} == {1}


def test_networks_with_large_products_are_launched_alone(
    launched: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(products, "LARGE", 0)
    expected = [train(case) for case in CASES[:2]]
    assert train_together(CASES[:2], monkeypatch) == expected
    assert {networks for networks, _ in launched} == {1}
    assert (1, 10) in launched


def test_an_error_of_a_launch_is_that_of_all_its_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise OSError("the GPU has fallen off the bus")

    monkeypatch.setattr(Stack, "launch", fail)
    found = train_together([CASES[0], CASES[1]], monkeypatch)
    assert found == ["the GPU has fallen off the bus"] * 2


def test_a_thread_waits_in_vain_no_longer_than_its_patience(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(side_by_side, "PATIENCE", 0.01)
    together = SideBySide(strict_cupy, 2, nullcontext)
    together._expected = {0, 1}  # 0 never comes
    ended = threading.Event()

    def work() -> None:
        with together.member():
            train(CASES[0])
        ended.set()

    with together.member():
        threading.Thread(target=work, daemon=True).start()
        assert ended.wait(120)


def test_steps_with_a_callback_after_each_have_the_same_bits(
    alone: list[Any], launched: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Watch(lm.Callback):
        def on_batch_end(self, model: Any, batch: int, log: Any) -> None:
            assert np.isfinite(float(log.last()))

    monkeypatch.setitem(globals(), "Failure", Watch)
    assert train_together(CASES[:2], monkeypatch, fails=0) == alone[:2]
    assert (2, 1) in launched
