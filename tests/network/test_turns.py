"""One model in several threads, in a signal handler and in a forked process."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.core.errors import UsageError

X = np.random.default_rng(0).standard_normal((600, 20)).astype("f4")
Y = np.random.default_rng(1).integers(0, 5, 600)
FIT: dict[str, Any] = {"epochs": 3, "batch_size": 16, "verbose": False, "check": False}


def made(seed: int = 0) -> lm.Sequential:
    layers = [lm.Dense(32), lm.BatchNorm(), lm.Sigmoid(), lm.Dropout(0.2), lm.Dense(5)]
    model = lm.Sequential(layers, seed=seed, backend="numpy")
    return model.compile(lm.SoftmaxCrossEntropy(), lm.Adam(1e-3), ["accuracy"], in_shape=(20,))


@pytest.fixture
def frequent_switches() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def run_all(work: list[Any]) -> None:
    threads = [threading.Thread(target=each) for each in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.usefixtures("frequent_switches")
def test_predictions_in_threads_have_the_bits_of_one_thread() -> None:
    models = [made(seed) for seed in range(2)]
    expected = [[model.predict(X[n : 2 * n]) for n in range(1, 33)] for model in models]
    scores = [model.evaluate(X, Y) for model in models]
    wrong: list[Any] = []

    def predict(seed: int) -> None:
        rng = np.random.default_rng(seed)
        for which, n in zip(rng.integers(0, 2, 200), rng.integers(1, 33, 200), strict=True):
            got = models[which].predict(X[n : 2 * n])
            if got.tobytes() != expected[which][n - 1].tobytes():
                wrong.append((which, n))
        if models[seed % 2].evaluate(X, Y) != scores[seed % 2]:
            wrong.append("evaluate")

    run_all([lambda seed=seed: predict(seed) for seed in range(6)])
    assert wrong == []


@pytest.mark.usefixtures("frequent_switches")
def test_predictions_during_fit_do_not_change_its_bits() -> None:
    model, alone = made(), made()
    alone.fit(X, Y, **FIT)
    done = threading.Event()

    def predict() -> None:
        while not done.is_set():
            model.predict(X[:9])
            model.state_dict()

    def fit() -> None:
        model.fit(X, Y, **FIT)
        done.set()

    run_all([predict, predict, fit])
    for name, array in alone.state_dict().items():
        np.testing.assert_array_equal(model.state_dict()[name], array)


def test_a_second_fit_on_the_same_model_is_refused() -> None:
    model = made()
    refused: list[str] = []

    class Fits(lm.Callback):
        def on_epoch_end(self, model: Any, epoch: int, logs: Any) -> None:
            with pytest.raises(UsageError, match="fit is running on this model") as error:
                model.fit(X, Y, **FIT)
            refused.append(str(error.value))

    model.fit(X, Y, **FIT, callbacks=[Fits()])
    assert len(refused) == FIT["epochs"]
    model.fit(X, Y, **FIT)
    assert model.epochs_done == 2 * FIT["epochs"]


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="signal.setitimer is of Unix")
def test_a_signal_handler_predicts_in_the_middle_of_a_step() -> None:
    model, alone = made(), made()
    alone.fit(X, Y, **FIT | {"epochs": 40})
    other = made(7)
    expected = other.predict(X[:5])
    got: list[np.ndarray] = []
    refused: list[UsageError] = []

    def handle(*_: Any) -> None:
        got.append(other.predict(X[:5]))
        assert np.isfinite(model.predict(X[:5])).all()
        try:
            model.train_step(X[:0], Y[:0])
        except UsageError as error:
            refused.append(error)
        except lm.LamellaError:  # between two steps: an empty batch
            pass
        signal.setitimer(signal.ITIMER_REAL, 0.002)  # once, so that handlers do not nest

    before = signal.signal(signal.SIGALRM, handle)
    signal.setitimer(signal.ITIMER_REAL, 0.002)
    try:
        model.fit(X, Y, **FIT | {"epochs": 40})
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert got
    assert all(each.tobytes() == expected.tobytes() for each in got)
    assert all("in the middle of a step" in str(error) for error in refused)
    for name, array in alone.state_dict().items():
        np.testing.assert_array_equal(model.state_dict()[name], array)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="os.fork is of Unix")
@pytest.mark.filterwarnings("ignore:This process")  # is multi-threaded: that is the point
def test_a_process_forked_during_a_prediction_can_predict() -> None:
    model = made()
    expected = model.predict(X[:9])
    done: list[int] = []

    def fork() -> None:
        pid = os.fork()
        if not pid:
            os._exit(int(model.predict(X[:9]).tobytes() != expected.tobytes()))
        done.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))

    with model.turns.lock:  # held by a thread that the child does not have
        run_all([fork])
    assert done == [0]
