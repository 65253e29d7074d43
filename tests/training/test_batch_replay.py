"""Whole steps in one launch: the bits of steps that are launched task by task."""

import gc
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import lamella as lm
from lamella.backend import Backend
from lamella.network.batches import Data
from lamella.testing import strict_cupy
from lamella.testing.strict_cupy.raw_kernels import thread_order
from lamella.training.batch_replay import BatchReplay, whole_steps
from lamella.training.callbacks import Callback
from tests.backend.cupy.graphs import (
    BATCH,
    EPOCHS,
    WAYS,
    assert_same,
    graph_backend,
    launched,
    numbers_of,
    obstacles,
)

SAMPLES = 40
_rng = np.random.default_rng(0)
IMAGES = _rng.integers(0, 256, (SAMPLES, 6), dtype=np.uint8)
X = _rng.standard_normal((SAMPLES, 6)).astype("f4")
Y = _rng.integers(0, 3, SAMPLES)
TARGETS = _rng.standard_normal((SAMPLES, 3)).astype("f4")


class Case(NamedTuple):
    layers: Callable[[], list[lm.Layer]]
    x: np.ndarray = X
    y: np.ndarray = Y
    loss: Callable[[], Any] = lm.SoftmaxCrossEntropy
    optimizer: Callable[[], Any] = lambda: lm.Adam(0.01)
    metrics: tuple[Any, ...] = ("accuracy",)
    options: Callable[[], dict[str, Any]] = dict
    dtype: str = "float32"


class HalveRate(Callback):
    """Changes the learning rate within an epoch, and reads a loss."""

    def on_batch_end(self, model: Any, batch: int, log: Any) -> None:
        if batch == 2:
            model.optimizer.lr = model.optimizer.lr / 2
        assert np.isfinite(float(log.last()))


class ClipLater(Callback):
    def on_epoch_begin(self, model: Any, epoch: int) -> None:
        model.optimizer.clip_norm = 0.1 if epoch > 1 else None


class FreezeAndThaw(Callback):
    def on_batch_end(self, model: Any, batch: int, log: Any) -> None:
        if batch == 1:
            model.layers[0].trainable = not model.layers[0].trainable


class ChangeSlope(Callback):
    def on_batch_end(self, model: Any, batch: int, log: Any) -> None:
        if batch == 2:
            model.layers[1].slope = 0.3


class StepBetween(Callback):
    """Takes a step and predicts between two batches."""

    def on_batch_end(self, model: Any, batch: int, log: Any) -> None:
        if batch == 2:
            model.train_step(X[:5], Y[:5])
        if batch == 3:
            model.predict(X[:4])


class Halving(lm.optimizers.schedules.Schedule):
    """A schedule that counts its calls."""

    def __init__(self) -> None:
        self.lr = 0.2

    def __call__(self, progress: float) -> float:
        self.lr *= 0.9
        return self.lr


class OwnSchedule(Callback):
    def on_batch_end(self, model: Any, batch: int, log: Any) -> None:
        if batch == 2:
            model.optimizer.lr = Halving()


class HalveGradients(Callback):
    """Replaces a method of the optimizer, and puts it back."""

    def on_batch_end(self, model: Any, batch: int, log: Any) -> None:
        if batch == 2:
            step = model.optimizer.step

            def halved() -> None:
                model.store.grads[...] = model.store.grads / 2
                step()

            model.optimizer.step = halved
        if batch == 3:
            del model.optimizer.step


class ReplaceStep(Callback):
    def on_epoch_begin(self, model: Any, epoch: int) -> None:
        if epoch == 1:

            def step(*batch: Any) -> Any:
                model.store.values.fill(0.1)
                return type(model).step(model, *batch)

            model.step = step
        if epoch == 2:
            del model.step


class Turned(lm.Layer):
    """Returns a transposed matrix."""

    def forward(self, x: Any, training: bool) -> Any:
        y = self.scratch("y", x.shape[::-1])
        y.T[...] = x
        return y.T

    def backward(self, dy: Any) -> Any:
        return self.forward(dy, True)


def plain() -> list[lm.Layer]:
    return [lm.Dense(8), lm.ReLU(), lm.Dense(3)]


def leaky() -> list[lm.Layer]:
    return [lm.Dense(8), lm.LeakyReLU(0.1), lm.Dense(3)]


def dropouts() -> list[lm.Layer]:
    return [lm.Dense(8), lm.Tanh(), lm.Dropout(0.3), lm.Dense(8), lm.Dropout(0.1), lm.Dense(3)]


def normalized() -> list[lm.Layer]:
    return [lm.Dense(8, use_bias=False), lm.BatchNorm(), lm.GELU(), lm.Dense(3)]


def penalized() -> list[lm.Layer]:
    first = lm.Dense(8, regularizer=lm.L2(1e-2), max_norm=1.0)
    return [first, lm.SiLU(), lm.Dense(3, regularizer=lm.L1(1e-2))]


def clipped() -> lm.AdamW:
    return lm.AdamW(lm.CosineDecay(0.01, epochs=3), clip_norm=0.5, clip_value=0.1)


def calling(callback: type[Callback]) -> Callable[[], dict[str, Any]]:
    return lambda: {"callbacks": [callback()]}


def weighted() -> dict[str, Any]:
    """Weights of which a batch has none, if samples stay in order."""
    weight = np.r_[np.zeros(9), np.arange(31.0)]
    return {"sample_weight": weight, "shuffle": False, "validation_split": 0.2}


CASES = {
    "images, validation": Case(plain, IMAGES, options=lambda: {"validation_data": (IMAGES, Y)}),
    "dropout": Case(dropouts, options=lambda: {"validation_data": (X, Y)}),
    "batch norm": Case(normalized, options=lambda: {"validation_data": (X, Y)}),
    "penalties, limits, schedule": Case(penalized, optimizer=clipped),
    "rate of a callback": Case(
        leaky, optimizer=lambda: lm.Momentum(0.1, nesterov=True), options=calling(HalveRate)
    ),
    "smoothed labels": Case(
        plain, loss=lambda: lm.SoftmaxCrossEntropy(label_smoothing=0.1),
        optimizer=lambda: lm.SGD(0.1),
    ),
    "numbers": Case(plain, y=TARGETS, loss=lm.MeanSquaredError, metrics=()),
    "layer norm, softmax": Case(
        lambda: [lm.Dense(8), lm.LayerNorm(), lm.Dense(3), lm.Softmax()],
        y=TARGETS, loss=lm.Huber, metrics=(),
    ),
    "weights": Case(plain, options=weighted),
    "yes or no": Case(
        lambda: [lm.Dense(8), lm.ReLU(), lm.Dense(1)], y=(X[:, 0] > 0).astype(int),
        loss=lm.SigmoidCrossEntropy,
    ),
    "metrics of numbers, weights": Case(
        plain, y=TARGETS, loss=lm.MeanAbsoluteError, metrics=("mae", "rmse", "r2"),
        options=weighted,
    ),
    "among the largest two": Case(plain, metrics=("top_2", "accuracy")),
    "among the largest two, rows": Case(plain, y=np.eye(3)[Y], metrics=("top_2",)),
    "all answers": Case(
        plain, y=(TARGETS > 0).astype("f4"), loss=lm.SigmoidCrossEntropy,
        metrics=("subset_accuracy", "binary_accuracy"),
    ),
    "double precision": Case(dropouts, dtype="float64"),
    "clipped later": Case(plain, options=calling(ClipLater)),
    "frozen for a while": Case(plain, options=calling(FreezeAndThaw)),
    "another slope": Case(leaky, options=calling(ChangeSlope)),
    "steps between": Case(dropouts, options=calling(StepBetween)),
    "own schedule, later": Case(plain, optimizer=lambda: lm.SGD(0.1), options=calling(OwnSchedule)),
    "own schedule within another": Case(
        plain, optimizer=lambda: lm.SGD(lm.Warmup(Halving(), epochs=1))
    ),
    "optimizer's step replaced": Case(plain, options=calling(HalveGradients)),
    "model's step replaced": Case(plain, options=calling(ReplaceStep)),
    "in order": Case(plain, options=lambda: {"shuffle": False}),
    "half the data": Case(plain, options=lambda: {"validation_split": 0.5}),
}  # fmt: skip


def model_of(case: Case, backend: Any) -> lm.Sequential:
    model = lm.Sequential(case.layers(), seed=3, backend=backend, dtype=case.dtype)
    shape = case.x.shape[1:]
    metrics = [each if isinstance(each, str) else each() for each in case.metrics]
    return model.compile(case.loss(), case.optimizer(), metrics, in_shape=shape)


def trained(case: Case, backend: Any, **options: Any) -> lm.Sequential:
    model = model_of(case, backend)
    given = {"epochs": EPOCHS, "batch_size": BATCH, "verbose": False, "check": False}
    model.fit(case.x, case.y, **given | case.options() | options)
    return model


def in_all_ways(case: Case) -> dict[str, Any]:
    """Return what each way of launching makes of a training; the first two replay graphs."""
    found = {}
    for way in WAYS:
        with launched(way):
            model = trained(case, graph_backend())
            found[way] = numbers_of(model) | {"predictions": model.predict(case.x)}
            scores = model.evaluate(case.x, case.y)
            found[way] |= {f"scores {name}": np.array(score) for name, score in scores.items()}
            assert (strict_cupy.counts.graph_launches > 8) == (way != "eager")
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_graphs_have_the_bits_of_single_launches_and_nearly_the_numbers_of_the_cpu(
    name: str,
) -> None:
    found = in_all_ways(CASES[name])
    assert_same(found["joined"], found["single"])
    assert_same(found["joined"], found["eager"])
    expected = numbers_of(trained(CASES[name], "numpy"))
    for key, numbers in expected.items():
        np.testing.assert_allclose(found["joined"][key], numbers, 2e-3, 1e-5, err_msg=key)
    np.testing.assert_array_equal(found["joined"]["draws"], expected["draws"])


VIEWS = {
    "scores are a view": Case(lambda: [*leaky(), Turned()]),
    "softmax of a view": Case(
        lambda: [lm.Dense(3), Turned(), lm.LayerNorm(), Turned(), lm.Softmax(), Turned()],
        y=TARGETS, loss=lm.Huber, metrics=("mae", "r2"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", VIEWS)
def test_layers_may_return_views(name: str) -> None:
    found = numbers_of(trained(VIEWS[name], graph_backend()))
    for key, numbers in numbers_of(trained(VIEWS[name], "numpy")).items():
        np.testing.assert_allclose(found[key], numbers, 2e-3, 1e-5, err_msg=key)


@pytest.mark.slow
@pytest.mark.parametrize("order", [1, 2])
def test_bits_do_not_depend_on_the_order_of_threads(order: int) -> None:
    case = CASES["penalties, limits, schedule"]
    expected = numbers_of(trained(case, graph_backend()))
    with thread_order(order):
        assert_same(numbers_of(trained(case, graph_backend())), expected)


def counts_of_an_epoch(network: Callable[[], lm.Sequential], batches: int) -> list[int]:
    """Return launches, waits, allocations, launches of graphs and nodes."""
    x = np.tile(IMAGES, (batches, 1))[: batches * BATCH]
    y = np.tile(Y, batches)[: batches * BATCH]
    strict_cupy.counts.reset()
    network().fit(x, y, epochs=1, batch_size=BATCH, verbose=False, check=False)
    counts = strict_cupy.counts
    waits = counts.launches, counts.syncs, counts.allocations
    return [*waits, counts.graph_launches, counts.nodes]


def test_a_step_is_one_launch_without_allocation_or_wait() -> None:
    def network() -> lm.Sequential:
        return model_of(CASES["dropout"], graph_backend())

    few, many = counts_of_an_epoch(network, 4), counts_of_an_epoch(network, 10)
    launches, waits, allocations, graphs, _ = np.subtract(many, few) / 6
    assert (launches, waits, allocations, graphs) == (0, 0, 0, 1)


@pytest.mark.slow
def test_a_step_of_the_plain_mlp_has_at_most_12_nodes() -> None:
    backend = graph_backend()
    model = lm.MLP([256, 30], seed=1, backend=backend)
    x = np.tile(IMAGES, (5, 131))[:192, :784]
    strict_cupy.counts.reset()
    model.fit(x, np.arange(192) % 10, epochs=1, batch_size=64, verbose=False, check=False)
    assert strict_cupy.counts.graph_launches == 1
    assert strict_cupy.counts.nodes <= 12


def test_numbers_of_steps_are_sent_once_for_many_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    sent = []
    kind = strict_cupy.ndarray
    send = kind.set
    monkeypatch.setattr(kind, "set", lambda self, x: (sent.append(x.shape), send(self, x)))
    trained(CASES["dropout"], graph_backend(), epochs=1)
    assert [shape[0] for shape in sent] == [2]  # of the third and fourth batch


def test_ctrl_c_between_steps_of_one_call_leaves_the_counters_of_those_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    case, launches = CASES["dropout"], [0]
    launch = strict_cupy.cuda.Graph.launch

    def interrupt(graph: Any) -> None:
        launches[0] += 1
        if launches[0] == 3:
            raise KeyboardInterrupt
        launch(graph)

    class StopAfterFour(Callback):
        def on_batch_end(self, model: Any, batch: int, log: Any) -> None:
            if batch == 3:
                model.stop("four batches are done")

    models = [model_of(case, graph_backend()) for _ in range(2)]
    options: dict[str, Any] = {"epochs": 1, "batch_size": 5, "verbose": False, "check": False}
    models[0].fit(case.x, case.y, callbacks=[StopAfterFour()], **options)
    monkeypatch.setattr(strict_cupy.cuda.Graph, "launch", interrupt)
    with pytest.raises(KeyboardInterrupt):
        # The first two batches are launched task by task; two graphs follow, and the third fails.
        models[1].fit(case.x, case.y, **options)
    monkeypatch.undo()
    assert [model.optimizer.t for model in models] == [4, 4]
    assert models[0].layers[2].rng.draws == models[1].layers[2].rng.draws == 4
    assert_same(models[0].state_dict(), models[1].state_dict())
    assert_same(models[0].optimizer.state_dict(), models[1].optimizer.state_dict())


class Own(lm.Layer):
    def forward(self, x: Any, training: bool) -> Any:
        return self.xp.multiply(x, 2, out=self.scratch("y", x.shape))

    def backward(self, dy: Any) -> Any:
        return self.xp.multiply(dy, 2, out=self.scratch("dx", dy.shape))


class OwnAdam(lm.Adam):
    pass


class Margin(lm.Metric):
    """A metric without marks."""

    name = "margin"

    def score(self, pred: Any, target: Any) -> Any:
        return pred.max(axis=1) - pred.min(axis=1)


def images() -> dict[str, Any]:
    return {"augment": lm.Augment(rotate=10, shape=(6, 6))}


TILED = np.tile(IMAGES, 6)


class Changing(lm.L2):
    """A penalty whose rule reads an attribute."""

    factor = 1.0

    def rule(self, w: Any, g: Any, rate: Any) -> Any:  # type: ignore[override]
        return g + self.factor * rate * w


OTHER = {
    "a rule reads values that may change": Case(
        lambda: [lm.Dense(8, regularizer=Changing(1e-2)), lm.Dense(3)]
    ),
    "1.Own has methods without @replayable": Case(lambda: [lm.Dense(8), Own(), lm.Dense(3)]),
    "images are distorted": Case(plain, TILED, options=images),
    "OwnAdam is not one of lamella's optimizers and schedules": Case(
        plain, optimizer=lambda: OwnAdam(0.01)
    ),
    "Margin has methods without @replayable": Case(plain, metrics=(Margin,)),
}


@pytest.mark.parametrize("reason", OTHER)
def test_other_steps_are_launched_in_parts_with_the_same_bits_and_a_reason(reason: str) -> None:
    found = {}
    for way in ("joined", "eager"):
        with launched(way):
            backend = graph_backend()
            found[way] = numbers_of(trained(OTHER[reason], backend))
            if way == "joined":
                assert f"training step: several launches, since {reason}" in obstacles(backend)
    assert_same(found["joined"], found["eager"])


def test_a_training_resumed_within_an_epoch_ends_with_the_same_bits(tmp_path: Path) -> None:
    class Interrupt(Callback):
        left = 1

        def on_batch_end(self, model: Any, batch: int, log: Any) -> None:
            if len(model.history.rows) == 2 and batch == 2 and Interrupt.left:
                Interrupt.left = 0
                raise KeyboardInterrupt

    case = CASES["dropout"]
    expected = numbers_of(trained(case, graph_backend()))
    folder = lm.ResumeFolder(tmp_path / "run", seconds=0)
    options = {"checkpoint": folder, "callbacks": [Interrupt()]}
    with pytest.raises(KeyboardInterrupt):
        trained(case, graph_backend(), **options)
    resumed = trained(case, graph_backend(), **options)
    assert_same(numbers_of(resumed), expected)


def test_a_signal_handler_predicts_in_the_middle_of_a_step(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It may come while the numbers of further steps are computed."""
    case, scalars, found = CASES["dropout"], lm.Adam.scalars, []
    model, other = model_of(case, graph_backend()), model_of(case, graph_backend())

    def predict(optimizer: lm.Adam, t: int) -> tuple[float, ...]:
        if optimizer is model.optimizer and t > 2:
            found.append((model.state_dict(), model.predict(X)))
        return scalars(optimizer, t)

    monkeypatch.setattr(lm.Adam, "scalars", predict)
    model.fit(X, Y, epochs=2, batch_size=BATCH, verbose=False, check=False)
    monkeypatch.undo()
    for state, prediction in found:
        other.load_state_dict(state)
        np.testing.assert_array_equal(prediction, other.predict(X))
    again = model_of(case, graph_backend())
    again.fit(X, Y, epochs=2, batch_size=BATCH, verbose=False, check=False)
    assert_same(numbers_of(model), numbers_of(again))


def test_data_and_graphs_leave_the_device_with_the_end_of_their_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept, make = [], BatchReplay.__init__

    def note(replay: BatchReplay, model: Any, data: Data, *more: Any) -> None:
        kept.extend((weakref.ref(replay), weakref.ref(data)))
        make(replay, model, data, *more)

    monkeypatch.setattr(BatchReplay, "__init__", note)
    model = model_of(CASES["dropout"], graph_backend())
    gc.disable()  # a device's memory would stay taken until the next round
    try:
        options: dict[str, Any] = {"epochs": 2, "batch_size": BATCH, "verbose": False}
        model.fit(X, Y, validation_data=(X, Y), check=False, **options)
        model.evaluate(X, Y, batch_size=BATCH)
        assert [each() for each in kept] == [None] * 6
    finally:
        gc.enable()


def test_a_backend_on_the_host_has_no_whole_steps(backend: Backend) -> None:
    model = model_of(CASES["dropout"], backend)
    data = Data(backend.asarray(X), backend.asarray(Y))
    assert (whole_steps(model, data, SAMPLES, BATCH, False) is None) == backend.on_host
