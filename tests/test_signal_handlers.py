"""Signal handlers that predict or train, and Ctrl-C, between any two lines of a training."""

import os

import pytest

from tests.subprocesses import run_python

pytestmark = pytest.mark.slow

MODELS = """
import faulthandler, random, signal, sys
faulthandler.dump_traceback_later(280, exit=True)  # the process waits for ever
import numpy as np
from threadpoolctl import threadpool_info
import lamella as lm
from lamella.backend import numba as compiled, threads

def made(seed, loss=lm.SoftmaxCrossEntropy):
    # The first product is shared between threads, and so is the optimizer's loop.
    layers = [lm.Dense(240), lm.Sigmoid(), lm.Dropout(0.1), lm.Dense(4)]
    model = lm.Sequential(layers, seed=seed, backend="numpy")
    return model.compile(loss(), lm.Adam(1e-3), ["accuracy"], in_shape=(300,))

def fit(model, epochs=1):
    model.fit(x, y, epochs=epochs, batch_size=8, verbose=False, check=False)
    return model.built().values.tobytes()

def blas():
    return [(each["filepath"], each["num_threads"]) for each in threadpool_info()]

class Lines:
    # Call a function before each line of lamella that a thread runs, as a signal may.
    def __init__(self, function):
        self.function, self.count = function, 0

    def __enter__(self):
        sys.settrace(self.enter)

    def __exit__(self, *error):
        sys.settrace(None)

    def enter(self, frame, event, argument):
        return self.line if "lamella" in frame.f_code.co_filename else None

    def line(self, frame, event, argument):
        if event == "line":
            self.count += 1
            sys.settrace(None)
            self.function(self.count)
            sys.settrace(self.enter)
        return self.line

rng = np.random.default_rng(0)
x, y = rng.standard_normal((20, 300)).astype("f4"), rng.integers(0, 4, 20)
other, new = made(5), made(6)
predicted, before = other.predict(x[:3]).tobytes(), blas()
expected = [fit(made(seed)) for seed in range(3)]
"""

PREDICT = (
    MODELS
    + """
def predict(line):
    assert other.predict(x[:3]).tobytes() == predicted

for seed in (1, 2):
    model, lines = made(seed), Lines(predict)
    with lines:
        result = fit(model)
    assert result == expected[seed]
    assert lines.count > 500
    assert blas() == before
print("done")
"""
)

SAME = (
    MODELS
    + """
def predict(line):
    if line % 20 == 0:
        assert np.isfinite(model.predict(x[:3])).all()

model = made(1)
with Lines(predict):
    result = fit(model)
assert result == expected[1]
print("done")
"""
)

TRAIN = (
    MODELS
    + """
for _ in range(3):  # from then on it is replayed
    other.train_step(x[:8], y[:8])
start, slots = other.state_dict(), other.optimizer.state_dict()
draws = other.layers[2].rng.draws

def train(line):
    if line % 5 == 0:
        other.load_state_dict(start)
        other.optimizer.load_state_dict(slots)
        other.layers[2].rng.draws = draws
        losses.append(float(other.train_step(x[:8], y[:8])))
    elif line % 501 == 0:
        assert fit(made(0)) == expected[0]

losses = []
model = made(1)
with Lines(train):
    result = fit(model)
assert result == expected[1]
assert len(losses) > 200 and len(set(losses)) == 1, len(set(losses))
assert blas() == before
print("done")
"""
)

TIMER = (
    MODELS
    + """
calls, moments = 0, random.Random(1)

def handle(number, frame):
    global calls
    calls += 1
    assert other.predict(x[:3]).tobytes() == predicted
    if calls % 10 == 0:
        assert fit(made(0)) == expected[0]
    signal.setitimer(signal.ITIMER_REAL, 0.0002 + 0.003 * moments.random())

signal.signal(signal.SIGALRM, handle)
signal.setitimer(signal.ITIMER_REAL, 0.001)
while calls < 300:
    assert fit(made(1)) == expected[1]
    assert new.predict(x).shape == (20, 4)
signal.setitimer(signal.ITIMER_REAL, 0)
assert blas() == before
print("done")
"""
)

INTERRUPT = (
    MODELS
    + """
import threading

class Interrupt:
    # Ctrl-C where Python looks for signals: where a function begins, and after one in C.
    count = 0

    def __enter__(self):
        sys.setprofile(self.look)

    def __exit__(self, *error):
        sys.setprofile(None)

    def look(self, frame, event, argument):
        if event in ("call", "c_return") and "lamella" in frame.f_code.co_filename:
            self.count += 1
            if self.count == moment:
                raise KeyboardInterrupt

def is_free(lock):
    found = []
    def look():
        found.append(lock.acquire(timeout=1))
        if found[0]:
            lock.release()
    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    return found[0]

locks = [threads._lock]
if compiled.has_products():
    from lamella.backend.numba import call_recorder, thread_pool
    locks += [thread_pool.get_pool().lock, thread_pool._creation_lock]
moment, step = 1, {step}
model = made(1)
interrupted = True
while interrupted:
    interrupt = Interrupt()
    try:
        with interrupt:
            fit(model)
    except KeyboardInterrupt:
        pass
    interrupted = interrupt.count >= moment  # or was, in a generator that is deleted
    assert threads._limit_blocks == threads._single_blocks == 0, moment
    assert blas() == before, moment
    assert all(map(is_free, locks)), moment
    if compiled.has_products():
        assert call_recorder.current_recorder() is None, moment
    moment += step
assert moment > 500
assert fit(made(2)) == expected[2]
print("done")
"""
)


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(PREDICT, id="predicts at any line"),
        pytest.param(SAME, id="predicts with the model in training"),
        pytest.param(TRAIN, id="trains at any line"),
        pytest.param(
            TIMER,
            id="does both now and then",
            marks=pytest.mark.skipif(os.name == "nt", reason="there are no timers here"),
        ),
    ],
)
@pytest.mark.parametrize("cores", [1, 3])
def test_handler_gets_its_bits_and_the_training_too(script: str, cores: int) -> None:
    feigned = f"import os; os.sched_getaffinity = lambda pid: set(range({cores}))\n"
    environment = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), str(cores))
    assert run_python("-c", feigned + script, environment=environment).stdout == "done\n"


def test_ctrl_c_at_any_moment_leaves_nothing_behind() -> None:
    done = run_python(
        "-c", INTERRUPT.replace("{step}", "3"), environment={"OPENBLAS_NUM_THREADS": "2"}
    )
    assert done.stdout == "done\n"
