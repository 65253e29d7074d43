"""Ctrl-C at any moment of replayed steps: training goes on in the same process."""

import copy
import os

import numpy as np
import pytest

import lamella as lm
from lamella.backend import numba as compiled
from lamella.network.fingerprint import Fingerprint
from tests.data import clouds
from tests.subprocesses import run_python

if compiled.products_problem():
    pytest.skip(compiled.products_problem(), allow_module_level=True)

INTERRUPTED = """
import faulthandler, os, random, signal, sys, threading, time
faulthandler.dump_traceback_later(100, exit=True)
import numpy as np
import lamella as lm
from lamella.backend.numba.thread_pool import get_pool
from lamella.backend.numba.call_recorder import current_recorder
from tests.backend.numba.jobs import is_held
signal.signal(signal.SIGINT, signal.default_int_handler)
rng, moments = np.random.default_rng(0), random.Random(1)
x, y = rng.random((96, 150), np.float32), rng.integers(0, 4, 96)
def made():
    return lm.MLP([120, 80], classes=4, l2=1e-3, dropout=0.2, batch_norm=True, seed=1,
                  optimizer=lm.Adam(1e-3), backend="numpy")
def trained():
    model = made()
    model.fit(x, y, epochs=2, batch_size=16, verbose=False)
    return model.built().values.tobytes(), model.predict(x[:1]).tobytes(), model.passes
expected = trained()
assert expected[2] < 12, expected[2]
model = made()
model.fit(x, y, epochs=1, batch_size=16, verbose=False)
end, number = threading.Event(), 0
go, stopped = threading.Event(), threading.Event()
def bother():
    while go.wait() and not end.is_set():
        time.sleep(moments.random() * 0.004)
        while go.is_set():  # Python loses the exception where it frees an object
            os.kill(os.getpid(), signal.SIGINT)
            stopped.wait(1)
threading.Thread(target=bother, daemon=True).start()
def play_on():
    try:
        stopped.clear()
        go.set()
        while True:
            model.fit(x, y, epochs=1000, batch_size=16, verbose=False)
    except KeyboardInterrupt:
        go.clear()
        stopped.set()
for number in range({times}):
    play_on()
    assert not is_held(get_pool().lock), "the lock is held for ever"
    assert current_recorder() is None, "a recorder is left"
    model.train_step(x, y)
    assert np.isfinite(model.built().values).all()
end.set()
go.set()
time.sleep(0.05)
assert trained() == expected
print("done", number + 1)
"""


@pytest.mark.skipif(os.name == "nt", reason="there are no signals here")
def test_training_goes_on_in_the_same_process_after_ctrl_c_at_any_moment() -> None:
    times = 500
    assert run_python("-c", INTERRUPTED.format(times=times)).stdout == f"done {times}\n"


def test_ctrl_c_at_the_end_of_a_capture_leaves_nothing_to_replay(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    x, y = clouds()
    layers = [lm.Dense(7), lm.LeakyReLU(0.1), lm.Dense(3)]
    model = lm.Sequential(layers, seed=0, backend="numpy")
    model.compile(lm.SoftmaxCrossEntropy(), lm.SGD(0.1), in_shape=x.shape[1:])
    model.train_step(x, y)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Fingerprint, "hold", interrupt)
        with pytest.raises(KeyboardInterrupt):
            model.train_step(x, y)  # captures
    model.layers[1].slope = 0.9
    twin = copy.deepcopy(model)
    for each in (model, twin):
        for _ in range(3):
            each.train_step(x, y)
    np.testing.assert_array_equal(model.built().values, twin.built().values)
    assert model.evaluate(x, y) == twin.evaluate(x, y)
