"""The backend of kernels and graphs: its operations, what it captures, and what it refuses."""

import pickle
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.backend.cupy import graphs, task, task_backend
from lamella.backend.cupy.graph_backend import GraphBackend
from lamella.backend.cupy.noted_array import noted
from lamella.backend.cupy.products import LARGE
from lamella.backend.cupy.tape import Tape, note_on
from lamella.backend.elementwise import trace
from lamella.backend.workspace import replayable
from lamella.testing import strict_cupy
from lamella.testing.strict_cupy.streams import CUDARuntimeError
from tests.backend.cupy.graphs import graph_backend, launched, obstacles

DEVICES = ["strict", pytest.param("cupy", marks=pytest.mark.gpu)]
DTYPES = ["float32", "float64"]
SHAPES = "(?i)shape|dimension|mismatch|broadcast"  # in the library's words


@pytest.fixture(params=DEVICES)
def backend(request: pytest.FixtureRequest) -> GraphBackend:
    return graph_backend(request.param)


def close(got: Any, expected: np.ndarray, backend: GraphBackend) -> None:
    rtol = 1e-4 if expected.dtype == np.float32 else 1e-12
    np.testing.assert_allclose(backend.to_host(got), expected, rtol, rtol)


@pytest.mark.parametrize("dtype", DTYPES)
def test_operations_give_the_numbers_of_numpy(backend: GraphBackend, dtype: str) -> None:
    rng = np.random.default_rng(0)
    a, b, bias = (rng.standard_normal(s).astype(dtype) for s in ((20, 30), (30, 17), 17))
    on_device = backend.asarray
    out = backend.zeros(20 * 17, dtype).reshape(20, 17)
    backend.dot(on_device(a), on_device(b), out, on_device(bias))
    close(out, a @ b + bias, backend)
    turned = on_device(np.ascontiguousarray(a.T)).T
    close(backend.dot(turned, on_device(np.ascontiguousarray(b.T)).T, out), a @ b, backend)
    close(backend.sum_rows(on_device(b), backend.zeros(17, dtype)), b.sum(axis=0), backend)
    index, picked = on_device(np.array([3, 0, 19])), backend.zeros(90, dtype).reshape(3, 30)
    close(backend.take(on_device(a), index, picked), a[[3, 0, 19]], backend)
    run = backend.map(trace(lambda x, row, c: np.maximum(x * row, c), 2, 1))
    run(out, (on_device(a @ b), on_device(bias)), (0.5,))
    close(out, np.maximum(a @ b * bias, np.asarray(0.5, dtype)), backend)


def test_images_are_picked_and_scaled(backend: GraphBackend) -> None:
    images = np.arange(60, dtype=np.uint8).reshape(10, 2, 3)
    scale = backend.scale_images()
    assert scale is not None
    out = backend.zeros(24, "float32").reshape(4, 2, 3)
    scale(backend.asarray(images), backend.asarray(np.array([9, 1, 1, 0])), out)
    close(out, (images[[9, 1, 1, 0]] / 255).astype("f4"), backend)
    scale(backend.asarray(images[:4]), None, out)
    close(out, (images[:4] / 255).astype("f4"), backend)


@pytest.mark.parametrize("bytes_of_a_row", [1, 3, 4, 8, 12, 24])
def test_rows_of_any_length_are_picked(backend: GraphBackend, bytes_of_a_row: int) -> None:
    rows = np.random.default_rng(0).integers(0, 256, (50, bytes_of_a_row)).astype(np.uint8)
    index = np.random.default_rng(1).integers(0, 50, 300)
    out = backend.asarray(np.zeros((300, bytes_of_a_row), np.uint8))
    backend.take(backend.asarray(rows), backend.asarray(index), out)
    np.testing.assert_array_equal(backend.to_host(out), rows[index])


@pytest.mark.parametrize(
    ("width", "is_task"), [(4, True), (5, False)], ids=["as many as can be", "too many"]
)
def test_units_of_picked_rows_are_counted_in_32_bits(
    width: int, is_task: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows to pick from may be any number: a data set has more than its batches."""
    for module in (task, task_backend):
        monkeypatch.setattr(module, "MOST", 3 * 5 - 1)
    backend, index = graph_backend(), np.array([40, 7, 11])
    rows = np.random.default_rng(0).standard_normal((50, width)).astype("f4")
    arrays = backend.asarray(rows), backend.asarray(index), backend.asarray(rows[:3])
    tape = Tape(backend.nothing)
    with note_on(tape):
        backend.take(*map(noted, arrays))
    assert bool(tape.tasks) == is_task
    assert ("too much" in tape.obstacle) != is_task
    np.testing.assert_array_equal(backend.to_host(arrays[-1]), rows[index])


def test_nan_stays_nan_in_rules(backend: GraphBackend) -> None:
    x = backend.asarray(np.array([np.nan, -1, 2], "f4"))
    out = backend.zeros(3, "float32")
    backend.map(trace(lambda x: np.maximum(x, 0) + 0 * np.minimum(x, 0) * np.sign(x), 1, 0))(
        out, (x,), ()
    )
    np.testing.assert_array_equal(backend.to_host(out), [np.nan, 0, 2])


@pytest.mark.parametrize("has_weights", [False, True])
@pytest.mark.parametrize("dtype", ["bool", "float32"])
def test_scores_of_a_batch_are_added_up(
    backend: GraphBackend, dtype: str, has_weights: bool
) -> None:
    rng = np.random.default_rng(0)
    scores, weight = rng.integers(0, 2, 600).astype(dtype), rng.random(600).astype("f4")
    rows = backend.zeros(4, "float64")
    given = backend.asarray(weight) if has_weights else None
    backend.append_sum(rows, 2, backend.asarray(scores), given)
    expected = (scores * weight if has_weights else scores).sum(dtype=float)
    np.testing.assert_allclose(backend.to_host(rows), [0, 0, expected, 0], rtol=1e-5)


def test_scores_of_several_numbers_are_added_up(backend: GraphBackend) -> None:
    scores, weight = np.arange(12.0).reshape(4, 3), np.arange(4.0)
    rows = backend.zeros(6, "float64").reshape(2, 3)
    backend.append_sum(rows, 1, backend.asarray(scores), backend.asarray(weight))
    close(rows[1], weight @ scores, backend)


@pytest.mark.parametrize("value", [0.25, np.float64(0.25), "float64", "float32"])
def test_a_loss_of_any_kind_is_logged(backend: GraphBackend, value: Any) -> None:
    rows = backend.zeros(3, "float32")
    given = backend.asarray(np.full(1, 0.25, value))[0, ...] if isinstance(value, str) else value
    backend.append(rows, 1, given)
    np.testing.assert_array_equal(backend.to_host(rows), [0, 0.25, 0])


@pytest.mark.parametrize("shapes", [(4, 3, 5, 2, 4, 2), (4, 3, 3, 2, 4, 1), (4, 3, 3, 2, 4, 2, 3)])
def test_products_of_other_shapes_are_refused(
    backend: GraphBackend, shapes: tuple[int, ...]
) -> None:
    """Kernels would read or write behind the ends of these arrays."""
    a, b, out = (backend.asarray(np.zeros(shapes[i : i + 2], "f4")) for i in (0, 2, 4))
    bias = backend.zeros(shapes[6], "float32") if len(shapes) > 6 else None
    with pytest.raises(ValueError, match=SHAPES):
        backend.dot(a, b, out, bias)


def test_sums_of_other_shapes_are_refused(backend: GraphBackend) -> None:
    with pytest.raises(ValueError, match=SHAPES):
        backend.sum_rows(backend.asarray(np.zeros((4, 3), "f4")), backend.zeros(2, "float32"))
    scores = backend.asarray(np.zeros((4, 3)))
    with pytest.raises(ValueError, match=SHAPES):
        backend.append_sum(backend.zeros(3, "float64"), 2, scores)


def test_large_products_and_views_are_computed_by_the_library(backend: GraphBackend) -> None:
    side = round(LARGE ** (1 / 3)) + 1
    ones = backend.asarray(np.ones((side, side), "f4"))
    out = backend.zeros(side * side, "float32").reshape(side, side)
    backend.dot(ones, ones, out)
    assert (backend.to_host(out) == side).all()
    wide = backend.asarray(np.ones((6, 8), "f4"))
    half = backend.map(trace(lambda x: x / 2, 1, 0))
    half(wide[:, ::2], (wide[:, ::2],), ())
    np.testing.assert_array_equal(backend.to_host(wide)[0], [0.5, 1] * 4)


def network(backend: Any, *others: lm.Layer) -> lm.Sequential:
    layers = [lm.Dense(4), *others, lm.Dropout(0.2), lm.Dense(3)]
    model = lm.Sequential(layers, seed=1, backend=backend)
    return model.compile(lm.SoftmaxCrossEntropy(), lm.Adam(0.01), ["accuracy"], in_shape=(5,))


X, Y = np.random.default_rng(0).standard_normal((24, 5)).astype("f4"), np.arange(24) % 3


def steps(model: lm.Sequential, count: int = 5) -> list[float]:
    """Take steps on one batch, as a training loop of one's own does, and return the losses."""
    batch = model.backend.asarray(X), model.backend.asarray(Y)
    return [float(model.step(*batch)) for _ in range(count)]


def test_steps_of_an_own_loop_replay_the_gradients() -> None:
    with launched("eager"):
        expected = steps(network(graph_backend()))
    backend = graph_backend()
    assert steps(network(backend)) == expected
    assert strict_cupy.counts.graph_launches == 3  # of five: one to begin with, one to capture
    assert not obstacles(backend)


def test_predictions_are_replayed() -> None:
    with launched("eager"):
        expected = network(graph_backend()).predict(X)
    model = network(graph_backend())
    for _ in range(4):
        np.testing.assert_array_equal(model.predict(X), expected)
    assert strict_cupy.counts.graph_launches == 2
    model.parameters[0].value = 0
    with launched("eager"):
        other = network(graph_backend())
        other.parameters[0].value = 0
        np.testing.assert_array_equal(model.predict(X), other.predict(X))


def watched(operation: Callable[[Any, Any], Any]) -> lm.Layer:
    """Return a marked layer that does one more operation."""

    class Watched(lm.Layer):
        do = replayable(operation)

        def build(self, in_shape: tuple[int, ...]) -> tuple[int, ...]:
            self.other = self.backend.asarray(np.zeros((24, *in_shape), "f4"))
            return in_shape

        @replayable
        def forward(self, x: Any, training: bool) -> Any:
            self.do(x)
            return self.map("y", lambda x: 2 * x, x)

        @replayable
        def backward(self, dy: Any) -> Any:
            return self.map("dx", lambda dy: 2 * dy, dy)

    return Watched()


OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "xp.multiply": lambda layer, x: layer.xp.multiply(x, 1, out=layer.scratch("z", x.shape)),
    "backend.xp": lambda layer, x: layer.backend.xp.multiply(x, 1),
    "__mul__": lambda layer, x: x * 1.0,
    "__rmul__": lambda layer, x: 1.0 * x,
    "__imul__": lambda layer, x: x.__imul__(1.0),
    "__setitem__": lambda layer, x: layer.scratch("z", x.shape).__setitem__(0, 1.0),
    "__float__": lambda layer, x: float(x[0, 0]),
    "__bool__": lambda layer, x: bool(x[0, 0]),
    "__gt__": lambda layer, x: x > 0,
    "sum": lambda layer, x: x.sum(),
    "get": lambda layer, x: x.get(),
    "an index": lambda layer, x: x[layer.other[:, 0] > 0],
    "reshape": lambda layer, x: x.T.reshape(-1),
    "normal numbers": lambda layer, x: layer.rng.normal(layer.scratch("z", x.shape)),
    "is no task of the GPU": lambda layer, x: layer.backend.compile(len),
    "not the network's": lambda layer, x: layer.map("z", lambda x, y: x + y, x, layer.other),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_other_operations_end_a_capture_and_take_effect(name: str) -> None:
    operation, backend = OPERATIONS[name], graph_backend()
    losses = steps(network(backend, watched(operation)))
    assert strict_cupy.counts.graph_launches == 0
    assert name in obstacles(backend)
    with launched("eager"):
        assert losses == steps(network(graph_backend(), watched(operation)))


def test_the_environment_switches_captures_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAMELLA_CAPTURE", "0")
    backend = graph_backend()
    steps(network(backend))
    assert strict_cupy.counts.graph_launches == 0
    assert "LAMELLA_CAPTURE is 0" in repr(backend)


@pytest.mark.parametrize("method", ["begin_capture", "end_capture", "upload"])
def test_a_refused_capture_is_told_and_training_goes_on(
    monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    with launched("eager"):
        expected = steps(network(graph_backend()))

    def refuse(self: Any, *_: Any) -> Any:
        if method == "end_capture":
            end(self)
        raise CUDARuntimeError("cudaErrorMemoryAllocation: out of memory")

    end = strict_cupy.cuda.Stream.end_capture
    owner = strict_cupy.cuda.Graph if method == "upload" else strict_cupy.cuda.Stream
    monkeypatch.setattr(owner, method, refuse)
    backend = graph_backend()
    assert steps(network(backend)) == expected
    text = "gradients: several launches, since it cannot be captured (CUDARuntimeError: cudaErrorM"
    assert text in repr(backend)
    assert not strict_cupy.cuda.get_current_stream().is_capturing()


def test_waiting_in_a_capture_is_refused_like_by_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    bind = graphs._bind

    def waiting(*given: Any) -> Callable[[], None]:
        launch = bind(*given)
        return lambda: (strict_cupy.cuda.get_current_stream().synchronize(), launch())[1]

    monkeypatch.setattr(graphs, "_bind", waiting)
    backend = graph_backend()
    steps(network(backend))
    assert "operation not permitted when stream is capturing" in repr(backend)


def test_ctrl_c_in_a_capture_is_passed_on_and_leaves_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    with launched("eager"):
        expected = steps(network(graph_backend()), 6)
    model = network(graph_backend())
    batch = model.backend.asarray(X), model.backend.asarray(Y)
    model.step(*batch)
    with monkeypatch.context() as patch:
        patch.setattr(graphs, "_bind", lambda *given: interrupt)
        with pytest.raises(KeyboardInterrupt):
            model.step(*batch)
    assert not graphs._here.streams[0].is_capturing()
    model.optimizer.step()  # the part of the second step that was left
    assert [float(model.step(*batch)) for _ in range(4)] == expected[2:]
    assert strict_cupy.counts.graph_launches == 3


def test_a_thread_captures_on_each_gpu() -> None:
    """A stream is that of one GPU, and so is the memory of the counter that is 0."""
    backend, found, zeros = graph_backend(), [], []
    for number in (0, 1, 0):
        with strict_cupy.cuda.Device(number):
            found.append(steps(network(backend), 4))
            zeros.append(backend.nothing)
        assert obstacles(backend) == ""
    assert found[0] == found[1] == found[2]
    assert zeros[0] is zeros[2]
    assert zeros[0] is not zeros[1]


def test_runs_side_by_side_are_on_the_gpu_of_the_thread_that_began_them() -> None:
    found = []
    with strict_cupy.cuda.Device(1):
        member = graph_backend().side_by_side(2, threading.Event())

    def work() -> None:
        with member():
            found.append(strict_cupy.cuda.runtime.getDevice())
        found.append(strict_cupy.cuda.runtime.getDevice())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [1, 0]


def test_threads_capture_each_their_own_steps() -> None:
    with launched("eager"):
        expected = steps(network(graph_backend()), 8)
    found: list[list[float]] = []
    backend = graph_backend()
    threads = [
        threading.Thread(target=lambda: found.append(steps(network(backend), 8))) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 3


def test_a_derived_backend_captures_nothing() -> None:
    class Other(GraphBackend):
        pass

    backend = Other(strict_cupy)
    steps(network(backend))
    assert "Other is derived from GraphBackend" in repr(backend)


def test_a_pickled_backend_opens_that_of_the_machine() -> None:
    with pytest.raises(lm.core.errors.BackendError, match="cannot be used"):
        pickle.loads(pickle.dumps(graph_backend()))
