"""Steps that are replayed: the same bits as steps that are not, whatever is changed in between."""

import copy
import functools
import gc
import multiprocessing
import os
import pickle
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest

import lamella as lm
from lamella import compiled, replay, threads
from lamella.backend import NumpyBackend
from lamella.callbacks import Callback
from lamella.checkpoints import Checkpoints
from lamella.losses import Loss
from lamella.workspace import is_marked, replayable
from tests.checkpoints.interrupting import Interrupt, Interruption

pytest.importorskip("numba", reason="replays need numba: pip install 'lamella[fast]'")
if not compiled.has_products():
    pytest.skip("this processor has no fused multiply-add", allow_module_level=True)

PATIENCE = 120  # seconds after which it is taken for a deadlock
DTYPES = ["float32", "float64"]
FEATURES, CLASSES = 6, 3
SAMPLES = 40
X = np.random.default_rng(0).standard_normal((SAMPLES, FEATURES)).astype("f4")
IMAGES = np.random.default_rng(1).integers(0, 256, (SAMPLES, 2, 3), dtype=np.uint8)
Y = np.random.default_rng(2).integers(0, CLASSES, SAMPLES)
Layers = Callable[[], list[lm.Layer]]
Change = Callable[[lm.Sequential], Any]


# ------------------------------------------------------------------------- the two ways to train


@contextmanager
def never_known() -> Iterator[None]:
    """Have every step done anew."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(replay, "_are", lambda some, others: False)
        yield


def in_both_ways(train: Callable[[], Any]) -> tuple[Any, Any]:
    """Return what comes of it with replays, and without any."""
    with_replays = train()
    with never_known():
        return with_replays, train()


def all_of(model: lm.Sequential) -> dict[str, Any]:
    """Return all that training has made of a model."""
    assert model.store is not None
    found: dict[str, Any] = {f"weights {k}": v for k, v in model.state_dict().items()}
    found |= {f"slots {k}": v for k, v in model.optimizer.state_dict().items()}
    found |= {f"gradient {p.name}": np.array(p.grad) for p in model.store}
    found["draws"] = np.array([layer.rng.draws for layer in model.layers])
    if hasattr(model, "history"):
        found["steps"] = np.array(model.history.steps)
        for name in model.history.rows[0]:
            if name != "seconds":
                found[f"epochs {name}"] = np.array([row[name] for row in model.history.rows])
    return found


def assert_same(some: dict[str, Any], others: dict[str, Any]) -> None:
    assert some.keys() == others.keys()
    for name, array in some.items():
        assert np.isfinite(array).all(), name
        np.testing.assert_array_equal(array, others[name], name)


def compiled_model(
    layers: list[lm.Layer],
    loss: Loss | None = None,
    optimizer: Any = None,
    in_shape: tuple[int, ...] = (FEATURES,),
    **options: Any,
) -> lm.Sequential:
    model = lm.Sequential(layers, **{"seed": 3, "backend": "numpy", **options})
    loss = lm.SoftmaxCrossEntropy() if loss is None else loss
    return model.compile(loss, optimizer or lm.Adam(0.01), ["accuracy"], in_shape=in_shape)


@pytest.fixture(params=["one thread", "three threads"])
def any_threads(request: pytest.FixtureRequest) -> Iterator[None]:
    """A pool of one thread or of three."""
    if request.param == "one thread":
        with threads.alone():
            yield
    else:
        request.getfixturevalue("three_threads")
        yield


@pytest.fixture
def three_threads(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A pool of three threads in place of the process's own."""
    from lamella.compiled import pool

    monkeypatch.setattr(threads, "usable", lambda: 3)
    monkeypatch.setattr(pool, "usable", lambda: 3)
    monkeypatch.setattr(pool, "_pool", _trio())
    assert threads.workers() == 3
    return pool.get_pool()


@functools.cache
def _trio() -> Any:
    from lamella.compiled.pool import Pool

    return Pool()


# ------------------------------------------------------- all layers and losses, by reflection

# For each class of layers what stands between two layers with weights.
LAYERS: dict[str, Layers] = {
    "BatchNorm": lambda: [lm.BatchNorm(), lm.ReLU(), lm.BatchNorm(0.5, eps=0.1)],
    "Dense": lambda: [
        lm.Dense(7, regularizer=lm.L1(0.01)),
        lm.Dense(1, use_bias=False, regularizer=lm.L2(0.1)),
        lm.Dense(5, regularizer=lm.L1L2(0.1, 0.01)),
    ],
    "Dropout": lambda: [lm.Dropout(0.4), lm.Dropout(0), lm.Dense(4), lm.Dropout(0.1)],
    "Flatten": lambda: [lm.Flatten(), lm.Flatten()],
    "LeakyReLU": lambda: [lm.LeakyReLU(), lm.LeakyReLU(0.3)],
    "ReLU": lambda: [lm.ReLU()],
    "Sigmoid": lambda: [lm.Sigmoid()],
    "Softmax": lambda: [lm.Softmax()],
    "Tanh": lambda: [lm.Tanh()],
}
LOSSES: dict[str, tuple[Callable[[], Loss], Layers]] = {
    "BinaryCrossEntropy": (lm.BinaryCrossEntropy, lambda: [lm.Sigmoid()]),
    "MeanAbsoluteError": (lm.MeanAbsoluteError, list),
    "MeanSquaredError": (lm.MeanSquaredError, lambda: [lm.Tanh()]),
    "SoftmaxCrossEntropy": (lm.SoftmaxCrossEntropy, list),
}
EPOCHS, BATCH = 3, 9  # of which 4 are whole in an epoch, and a rest of 4 samples is left


def subclasses(kind: type) -> set[type]:
    """Return lamella's own classes below one, without those that only others are made of."""
    below = {k for child in kind.__subclasses__() for k in {child, *subclasses(child)}}
    return {k for k in below if k.__module__.startswith("lamella.") and not is_abstract(k)}


def is_abstract(kind: type) -> bool:
    methods = (getattr(kind, name, None) for name in dir(kind))
    return any(getattr(method, "__isabstractmethod__", False) for method in methods)


def trained(model: lm.Sequential, x: np.ndarray = X, y: np.ndarray = Y, **options: Any) -> Any:
    """Return all that a training gives, and how many steps and passes there were."""
    given = {"epochs": EPOCHS, "batch_size": BATCH, "verbose": False, "check": False, **options}
    model.fit(x, y, **given)
    return all_of(model), (len(model.history.steps), model.passes)


def test_every_layer_and_every_loss_of_lamella_is_tried_here() -> None:
    assert {kind.__name__ for kind in subclasses(lm.Layer)} == set(LAYERS)
    assert {kind.__name__ for kind in subclasses(Loss)} == set(LOSSES)


def test_every_layer_of_lamella_is_marked() -> None:
    both = ("forward", "backward")
    unmarked = {
        kind.__name__
        for kind in subclasses(lm.Layer)
        if not all(is_marked(getattr(kind, name)) for name in both)
    }
    assert unmarked == set()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", LAYERS)
def test_layer_has_the_same_bits_in_replayed_steps(
    name: str, dtype: str, any_threads: None
) -> None:
    def train() -> Any:
        layers = [lm.Dense(FEATURES), *LAYERS[name](), lm.Dense(CLASSES)]
        return trained(compiled_model(layers, dtype=dtype))

    (some, (steps, passes)), (others, without) = in_both_ways(train)
    assert_same(some, others)
    assert without == (5 * EPOCHS, 5 * EPOCHS)
    # In each epoch the first whole batch is new, the second is noted, the rest is new again.
    assert (steps, passes) == (5 * EPOCHS, 3 * EPOCHS)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", LOSSES)
def test_loss_has_the_same_bits_in_replayed_steps(name: str, dtype: str, any_threads: None) -> None:
    make, last = LOSSES[name]

    def train() -> Any:
        layers = [lm.Dense(8), lm.ReLU(), lm.Dense(CLASSES), *last()]
        return trained(compiled_model(layers, make(), dtype=dtype))

    (some, (_, passes)), (others, without) = in_both_ways(train)
    assert_same(some, others)
    assert without[1] == 5 * EPOCHS
    assert passes == 3 * EPOCHS


@pytest.mark.parametrize("dtype", DTYPES)
def test_single_output_has_the_same_bits_in_replayed_steps(dtype: str) -> None:
    y = (Y[:, None] > 0).astype(float)

    def train() -> Any:
        layers = [lm.Dense(8), lm.Tanh(), lm.Dense(1), lm.Sigmoid()]
        return trained(compiled_model(layers, lm.BinaryCrossEntropy(), dtype=dtype), X, y)

    (some, (_, passes)), (others, _) = in_both_ways(train)
    assert_same(some, others)
    assert passes == 3 * EPOCHS


# --------------------------------------------------------------- all kinds of trainings


def everything(batch_norm: bool = True) -> list[lm.Layer]:
    """Return a network of all that can be replayed."""
    norm: list[lm.Layer] = [lm.BatchNorm()] if batch_norm else []
    return [
        lm.Flatten(),
        lm.Dense(12, regularizer=lm.L1(1e-3)),
        *norm,
        lm.LeakyReLU(0.1),
        lm.Dropout(0.2),
        lm.Dense(10, use_bias=False, regularizer=lm.L2(1e-2)),
        lm.Tanh(),
        lm.Dropout(0.3),
        lm.Dense(8, regularizer=lm.L1L2(1e-3, 1e-3)),
        lm.Sigmoid(),
        lm.Dense(8),
        lm.ReLU(),
        lm.Dense(CLASSES),
    ]


WEIGHTS = np.random.default_rng(4).random(SAMPLES) + 0.1
OTHERS = np.random.default_rng(5).integers(0, 256, (70, 2, 3), dtype=np.uint8)
OTHER_Y = np.random.default_rng(6).integers(0, CLASSES, 70)
# How fit is called, and how many passes there are in 3 epochs: two for each new size in a row.
FITS: dict[str, tuple[dict[str, Any], int]] = {
    "whole batches": ({"batch_size": 10}, 2),
    "short last batch": ({"batch_size": 9}, 9),
    "last batch of one": ({"batch_size": 13, "batch_norm": False}, 9),
    "batches of one": ({"batch_size": 1, "batch_norm": False}, 2),
    "one batch": ({"batch_size": SAMPLES}, 2),
    "one batch larger than the data": ({"batch_size": 1000}, 2),
    # Each evaluation is a pass, after which a step is new and the next is noted.
    "larger validation set": ({"batch_size": 10, "validation_data": (OTHERS, OTHER_Y)}, 9),
    "part held out": ({"batch_size": 10, "validation_split": 0.25}, 9),
    "no shuffling": ({"batch_size": 10, "shuffle": False}, 2),
    "weights of samples": ({"batch_size": 10, "sample_weight": WEIGHTS}, 12),
    "weights of classes": ({"batch_size": 10, "class_weight": {0: 2.0, 2: 0.5}}, 12),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", FITS)
def test_training_of_any_kind_has_the_same_bits(name: str, dtype: str, any_threads: None) -> None:
    options, expected = FITS[name]
    options = dict(options)
    batch_norm = options.pop("batch_norm", True)

    def train() -> Any:
        optimizer = lm.AdamW(lm.CosineDecay(0.05, epochs=2), clip_norm=0.5)
        layers = everything(batch_norm)
        model = compiled_model(layers, optimizer=optimizer, in_shape=(2, 3), dtype=dtype)
        return trained(model, IMAGES, Y, **options)

    (some, (steps, passes)), (others, (_, without)) = in_both_ways(train)
    assert_same(some, others)
    assert passes == expected
    assert without == steps + EPOCHS * (
        "validation_data" in options or "validation_split" in options
    )


@pytest.mark.parametrize("dtype", DTYPES)
def test_weights_so_many_that_threads_share_them_have_the_same_bits(
    dtype: str, any_threads: None
) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((90, 300)), rng.integers(0, 40, 90)
    x[:, ::3] = 0

    def train() -> Any:
        layers = [
            lm.Dense(300, regularizer=lm.L2(0.01)),
            lm.ReLU(),
            lm.Dense(250, regularizer=lm.L1(0.001)),
            lm.BatchNorm(),
            lm.ReLU(),
            lm.Dense(40),
        ]
        model = compiled_model(layers, in_shape=(300,), dtype=dtype)
        assert model.layers[0].parameters[0].size > compiled.rules.SHARED
        return trained(model, x, y, batch_size=30)

    (some, (_, passes)), (others, _) = in_both_ways(train)
    assert_same(some, others)
    assert passes == 2


def test_several_fits_in_a_row_have_the_same_bits() -> None:
    def train() -> Any:
        model, found = compiled_model(everything(), in_shape=(2, 3)), []
        for size, epochs in ((10, 2), (10, 1), (8, 2), (40, 3), (10, 2)):
            found.append(trained(model, IMAGES, Y, batch_size=size, epochs=epochs)[0])
        return found, model.passes

    (some, passes), (others, without) = in_both_ways(train)
    for one, other in zip(some, others, strict=True):
        assert_same(one, other)
    assert (passes, without) == (8, 8 + 4 + 10 + 3 + 8)


@pytest.mark.parametrize("after", [1, 2, 3, 6, 9])
def test_interrupted_training_goes_on_with_the_same_bits(after: int, tmp_path: Path) -> None:
    def model() -> lm.Sequential:
        return compiled_model(everything(), in_shape=(2, 3))

    options = {"batch_size": 10, "epochs": 4, "validation_split": 0.0}
    with never_known():
        expected, _ = trained(model(), IMAGES, Y, callbacks=[Interrupt(-1)], **options)
    keep = Checkpoints(tmp_path, seconds=0)
    with pytest.raises(Interruption):
        trained(model(), IMAGES, Y, callbacks=[Interrupt(after)], checkpoint=keep, **options)
    again = model()
    found, (_, passes) = trained(
        again, IMAGES, Y, callbacks=[Interrupt(-1)], checkpoint=keep, **options
    )
    assert_same(found, expected)
    assert passes == 2


# ------------------------------------------------------ what is changed between two steps


def small(**options: Any) -> lm.Sequential:
    layers = [lm.Dense(8), lm.BatchNorm(), lm.LeakyReLU(0.1), lm.Dropout(0.3), lm.Dense(CLASSES)]
    return compiled_model(layers, **options)


def train_with(change: Change, at: int, make: Callable[[], lm.Sequential], steps: int = 8) -> Any:
    """Return the losses of some steps, and what they lead to, with a change before one of them."""
    model, losses = make(), []
    for step in range(steps):
        if step == at:
            change(model)
        losses.append(float(model.train_step(X, Y)))
    return {**all_of(model), "losses": np.array(losses)}, model.passes


class Twice(lm.Layer):
    """A layer that lamella knows nothing about."""

    def forward(self, x: Any, training: bool) -> Any:
        return np.multiply(x, 2, out=self.scratch("y", x.shape))

    def backward(self, dy: Any) -> Any:
        return np.multiply(dy, 2, out=self.scratch("dx", dy.shape))


class Third(lm.MeanSquaredError):
    """A loss that lamella knows nothing about."""

    def forward(self, pred: Any, target: Any) -> Any:
        self.d = np.subtract(pred, target, out=self.scratch("d", pred.shape))
        return self.mean(np.square(self.d, out=self.scratch("squares", pred.shape)))

    def backward(self) -> Any:
        return self.share(np.multiply(self.d, 2 / 3, out=self.d))


class Steep(lm.SoftmaxCrossEntropy):
    """Another that takes the same targets."""

    def backward(self) -> Any:
        gradients = super().backward()
        gradients *= 3
        return gradients


def put_in(index: int, make: Callable[[], lm.Layer]) -> Change:
    """Replace a layer of a built model by another of the same shapes."""

    def change(model: lm.Sequential) -> None:
        layer = make()
        layer.prepare(
            model.shapes[index], owner=model, index=index, rank=9, backend=model.backend,
            dtype=model.dtype, streams=model.streams,
        )  # fmt: skip
        model.layers[index] = layer

    return change


def assign_loss(make: Callable[[], Loss]) -> Change:
    def change(model: lm.Sequential) -> None:
        loss = make()
        loss.bind(model, model.backend, model.dtype)
        model.loss = loss

    return change


def set_rule(model: lm.Sequential) -> None:
    model.layers[2].rule = lambda x, slope: x * 0.5  # type: ignore[attr-defined]


def halve_weights(model: lm.Sequential) -> None:
    for parameter in model.parameters:
        parameter.value = parameter.value / 2


def load_others(model: lm.Sequential) -> None:
    model.load_state_dict(small(seed=11).state_dict())


def change_in_place(model: lm.Sequential) -> None:
    model.layers[0].W.value[0] *= 3  # type: ignore[attr-defined]
    model.layers[1].running_var.value[...] = 2  # type: ignore[attr-defined]


def passes_between(samples: int, training: bool = False) -> Change:
    def change(model: lm.Sequential) -> None:
        model.forward(X[:samples] + 1, training=training)

    return change


def backward_between(model: lm.Sequential) -> None:
    model.loss(model.forward(X[:11], training=True), Y[:11])
    model.backward(model.loss.gradient())


def one_layer_between(model: lm.Sequential) -> None:
    for layer, width in zip(model.layers[:3], (FEATURES, 8, 8), strict=True):
        layer.forward(np.ones((70, width), model.dtype), True)
        layer.backward(np.ones((70, 8), model.dtype))


def loss_between(model: lm.Sequential) -> None:
    model.loss(np.ones((70, CLASSES), model.dtype), np.zeros(70, np.int64))
    model.loss.gradient()


def weighted_step_between(model: lm.Sequential) -> None:
    model.train_step(X, Y, sample_weight=WEIGHTS)


CHANGES: dict[str, Change] = {
    "nothing": lambda model: None,
    "slope": lambda model: setattr(model.layers[2], "slope", 0.7),
    "rate": lambda model: setattr(model.layers[3], "rate", 0.6),
    "rate of 0": lambda model: setattr(model.layers[3], "rate", 0),
    "momentum": lambda model: setattr(model.layers[1], "momentum", 0.1),
    "eps": lambda model: setattr(model.layers[1], "eps", 0.5),
    "learning rate": lambda model: setattr(model.optimizer, "lr", 0.2),
    "weights": halve_weights,
    "weights in place": change_in_place,
    "weights loaded": load_others,
    "noise": lambda model: setattr(model.layers[3], "rng", model.backend.noise(99)),
    "draws": lambda model: setattr(model.layers[3].rng, "draws", 40),
    "rule": set_rule,
    "layer": put_in(2, lambda: lm.LeakyReLU(0.9)),
    "layer of another class": put_in(2, lm.Tanh),
    "layer with slope of its own": put_in(2, lambda: lm.LeakyReLU(0.1)),
    "layer that is not marked": put_in(2, Twice),
    "loss": assign_loss(lm.SoftmaxCrossEntropy),
    "loss that is not marked": assign_loss(Third),
    "loss for the same targets": assign_loss(Steep),
    "loss compiled": lambda model: model.compile(Third(), lm.SGD(0.1)),
    "optimizer compiled": lambda model: model.compile(lm.SoftmaxCrossEntropy(), lm.SGD(0.1)),
    "build": lambda model: model.build((FEATURES,)),
    "predict": lambda model: model.predict(X),
    "predict few": lambda model: model.predict(X[:3]),
    "predict more": lambda model: model.predict(np.ones((80, FEATURES))),
    "predict often": lambda model: [model.predict(X) for _ in range(4)],
    "predict bytes": lambda model: [model.predict(np.ones((40, 6), np.uint8)) for _ in range(4)],
    "evaluate": lambda model: model.evaluate(X, Y),
    "evaluate more": lambda model: model.evaluate(np.ones((80, FEATURES)), np.zeros(80, int)),
    "evaluate in parts": lambda model: model.evaluate(X, Y, batch_size=7),
    "forward": passes_between(SAMPLES),
    "forward of few": passes_between(5),
    "forward in training": passes_between(SAMPLES, training=True),
    "backward": backward_between,
    "single layers": one_layer_between,
    "the loss alone": loss_between,
    "step with weights": weighted_step_between,
    "step of few": lambda model: model.train_step(X[:9], Y[:9]),
    "copy": copy.deepcopy,
    "check": lambda model: model.check(X, Y),
    "summary": lambda model: model.summary(),
    "save": lambda model: pickle.dumps(model),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_is_changed_between_steps_takes_effect_in_the_next(name: str) -> None:
    moved = set()
    for at in (0, 1, 2, 4):
        (some, passes), (others, _) = in_both_ways(
            functools.partial(train_with, CHANGES[name], at, small)
        )
        assert_same(some, others)
        moved.add(passes)
    if name == "nothing":
        assert moved == {2}


# Changes that must show in the losses, or else the test above would pass for nothing.
SEEN = ["slope", "rate", "eps", "weights", "rule", "draws", "noise", "layer that is not marked",
        "loss compiled", "layer", "build"]  # fmt: skip


@pytest.mark.parametrize("name", SEEN)
def test_change_shows_in_the_very_next_loss_of_replayed_steps(name: str) -> None:
    at = 5
    changed, _ = train_with(CHANGES[name], at, small)
    as_before, passes = train_with(CHANGES["nothing"], at, small)
    assert passes == 2
    same = changed["losses"] == as_before["losses"]
    assert same[:at].all()
    assert not same[at]


def test_hyper_parameter_that_is_gone_is_missed_in_the_next_step() -> None:
    model = small()
    for _ in range(4):
        model.train_step(X, Y)
    del model.layers[2].slope  # type: ignore[attr-defined]
    with pytest.raises(AttributeError, match="slope"):
        model.train_step(X, Y)


def test_hyper_parameters_changed_by_a_callback_in_every_step_have_the_same_bits() -> None:
    class Anneal(Callback):
        def on_batch_end(self, model: lm.Sequential, batch: int, log: Any) -> None:
            if batch % 3 == 2:
                model.layers[2].slope += 0.01  # type: ignore[attr-defined]
                model.layers[3].rate *= 0.9  # type: ignore[attr-defined]
                model.layers[1].momentum *= 0.9  # type: ignore[attr-defined]

    def train() -> Any:
        return trained(small(), batch_size=4, callbacks=[Anneal()])

    (some, (steps, passes)), (others, _) = in_both_ways(train)
    assert_same(some, others)
    assert (steps, passes) == (30, 19)  # each change makes a step new, and one to note


def test_after_each_step_all_can_be_seen_as_without_replays() -> None:
    """What layers keep, what the network gave, the gradients, the loss."""

    def train() -> Any:
        model, seen = small(), []
        for _ in range(5):
            loss = model.train_step(X, Y)
            parts: list[Any] = model.layers
            dense, norm, leaky, dropout, last = parts
            kept = [loss, model.pred, *model.outputs, *[p.grad for p in model.parameters]]
            kept += [dense.x, norm.n, norm.inv_std, leaky.x, leaky.y, dropout.mask, last.x]
            seen.append([np.array(array) for array in kept])
        return seen, model.passes

    (some, passes), (others, _) = in_both_ways(train)
    assert passes == 2
    for step, other in zip(some, others, strict=True):
        for array, expected in zip(step, other, strict=True):
            np.testing.assert_array_equal(array, expected)


# ------------------------------------------------------- methods that are replaced by hand

Wrap = Callable[[Callable[..., Any]], Any]


def counting(original: Callable[..., Any]) -> Any:
    return mock.Mock(side_effect=original)


def wrapped(original: Callable[..., Any]) -> Any:
    """Count calls as most people would: with all attributes of the original."""

    @functools.wraps(original)
    def hook(*arguments: Any, **named: Any) -> Any:
        hook.call_count += 1  # type: ignore[attr-defined]
        return original(*arguments, **named)

    hook.call_count = 0  # type: ignore[attr-defined]
    return hook


def spying(original: Callable[..., Any]) -> Any:
    return mock.Mock(wraps=original)


OBJECTS: dict[str, tuple[Callable[[lm.Sequential], Any], str]] = {
    "layer forward": (lambda model: model.layers[0], "forward"),
    "layer backward": (lambda model: model.layers[2], "backward"),
    "last layer backward": (lambda model: model.layers[-1], "backward"),
    "network forward": (lambda model: model, "forward"),
    "network backward": (lambda model: model, "backward"),
    "differentiate": (lambda model: model, "differentiate"),
    "loss forward": (lambda model: model.loss, "forward"),
    "loss backward": (lambda model: model.loss, "backward"),
    "loss mean": (lambda model: model.loss, "mean"),
    "loss share": (lambda model: model.loss, "share"),
    "loss gradient": (lambda model: model.loss, "gradient"),
    "dot": (lambda model: model.layers[0], "dot"),
    "map": (lambda model: model.layers[2], "map"),
    "sum_rows": (lambda model: model.layers[1], "sum_rows"),
    "mean_rows": (lambda model: model.layers[1], "mean_rows"),
    "scratch": (lambda model: model.layers[0], "scratch"),
}


@pytest.mark.parametrize("wrap", [counting, wrapped, spying])
@pytest.mark.parametrize("name", OBJECTS)
def test_method_replaced_by_hand_is_called_in_every_step_while_it_is_there(
    name: str, wrap: Wrap
) -> None:
    find, method = OBJECTS[name]

    def calls_of_a_step(begin: int, end: int) -> list[int]:
        model, counts = small(), []
        part = find(model)
        for step in range(9):
            if step == begin:
                hook = wrap(getattr(part, method))
                setattr(part, method, hook)
            if step == end:
                delattr(part, method)
            before = hook.call_count if step >= begin else 0
            model.train_step(X, Y)
            counts.append(hook.call_count - before if step >= begin else 0)
        return counts

    with never_known():
        each = max(calls_of_a_step(4, 7))
    assert each > 0
    for begin in (0, 1, 2, 4):
        expected = [each if begin <= step < 7 else 0 for step in range(9)]
        assert calls_of_a_step(begin, 7) == expected


@pytest.mark.parametrize("name", ["layer forward", "network forward", "map", "dot"])
def test_hook_that_changes_numbers_gives_the_same_bits(name: str) -> None:
    find, method = OBJECTS[name]

    def change(model: lm.Sequential) -> None:
        part = find(model)
        original = getattr(part, method)

        @functools.wraps(original)
        def half(*arguments: Any, **named: Any) -> Any:
            result = original(*arguments, **named)
            result *= 0.5
            return result

        setattr(part, method, half)

    for at in (1, 2, 5):
        (some, _), (others, _) = in_both_ways(functools.partial(train_with, change, at, small))
        assert_same(some, others)


def test_hook_is_called_in_every_prediction(monkeypatch: pytest.MonkeyPatch) -> None:
    model = small()
    for _ in range(4):
        model.predict(X[:1])
    hook = mock.Mock(wraps=model.layers[2].forward)
    monkeypatch.setattr(model.layers[2], "forward", hook)
    for count in range(1, 6):
        model.predict(X[:1])
        assert hook.call_count == count
    monkeypatch.undo()
    model.predict(X[:1])
    assert hook.call_count == 5


@pytest.mark.parametrize("kind", [lm.Dense, lm.Dropout, lm.layers.Activation])
def test_method_of_a_class_replaced_in_the_middle_of_training_is_called(
    kind: type[lm.Layer], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, calls = small(), []
    for _ in range(4):
        model.train_step(X, Y)
    assert model.passes == 2
    original = kind.forward

    def forward(self: lm.Layer, x: Any, training: bool) -> Any:
        calls.append(self)
        return original(self, x, training)

    monkeypatch.setattr(kind, "forward", forward)
    of_kind = [layer for layer in model.layers if isinstance(layer, kind)]
    for step in range(1, 5):
        model.train_step(X, Y)
        assert calls == step * of_kind


# ------------------------------------------------- what others have written is never replayed


class Halved(lm.Dense):
    """Overrides a method that is marked."""

    def forward(self, x: Any, training: bool) -> Any:
        y = super().forward(x, training)
        y *= 0.5
        return y


class Wrapped(lm.Dense):
    """The same, in a disguise that has all attributes of the original."""

    @functools.wraps(lm.Dense.forward)
    def forward(self, x: Any, training: bool) -> Any:
        return np.multiply(
            lm.Dense.forward(self, x, training), 0.5, out=self.scratch("h", (len(x), 8))
        )


class Rounded(lm.Dense):
    """Overrides what a marked method calls."""

    def dot(self, a: Any, b: Any, out: Any, bias: Any = None) -> Any:
        return np.round(super().dot(a, b, out, bias), 1, out=out)


class Forgetful(lm.BatchNorm):
    """Overrides a helper of a marked method."""

    def _remember(self, mean: Any, var: Any, samples: int) -> None:
        self.running_mean.value[...] += mean * samples


class Annealed(lm.LeakyReLU):
    """Counts its calls, and goes by that."""

    calls = 0

    def _values(self) -> tuple[float, ...]:
        Annealed.calls += 1
        return (1 / Annealed.calls,)


class Pulled(lm.L2):
    """A penalty whose gradient no rule of one number can tell."""

    def bind(self, parameter: Any, backend: Any) -> Callable[[], None]:
        def run() -> None:
            parameter.grad[...] += parameter.value.sum(axis=0)

        return run


class Unweighted(lm.SoftmaxCrossEntropy):
    """Overrides how a loss is reduced."""

    def mean(self, losses: Any) -> Any:
        return super().mean(np.square(losses, out=losses))


FOREIGN: dict[str, Callable[[], tuple[list[lm.Layer], Loss]]] = {
    "a layer": lambda: ([lm.Dense(8), Twice()], lm.SoftmaxCrossEntropy()),
    "a subclass of a layer": lambda: ([Halved(8)], lm.SoftmaxCrossEntropy()),
    "a wrapped method": lambda: ([Wrapped(8)], lm.SoftmaxCrossEntropy()),
    "a product of its own": lambda: ([Rounded(8)], lm.SoftmaxCrossEntropy()),
    "a helper of its own": lambda: ([lm.Dense(8), Forgetful()], lm.SoftmaxCrossEntropy()),
    "scalars of its own": lambda: ([lm.Dense(8), Annealed()], lm.SoftmaxCrossEntropy()),
    "a penalty of its own": lambda: (
        [lm.Dense(8, regularizer=Pulled(0.1))],
        lm.SoftmaxCrossEntropy(),
    ),
    "a loss": lambda: ([lm.Dense(8)], Third()),
    "a mean of its own": lambda: ([lm.Dense(8)], Unweighted()),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_what_lamella_does_not_know_is_never_replayed(name: str) -> None:
    def make() -> lm.Sequential:
        Annealed.calls = 0
        layers, loss = FOREIGN[name]()
        return compiled_model([*layers, lm.ReLU(), lm.Dense(CLASSES)], loss)

    (some, passes), (others, _) = in_both_ways(
        functools.partial(train_with, lambda model: None, 0, make)
    )
    assert_same(some, others)
    assert passes == 8


def test_network_whose_own_methods_are_overridden_is_never_replayed() -> None:
    class Noisy(lm.Sequential):
        def forward(self, x: Any, training: bool = False) -> Any:
            return super().forward(x + 1, training)

    def make() -> lm.Sequential:
        model = Noisy([lm.Dense(CLASSES)], seed=0, backend="numpy")
        return model.compile(lm.SoftmaxCrossEntropy(), lm.SGD(0.1), in_shape=(FEATURES,))

    (some, passes), (others, _) = in_both_ways(
        functools.partial(train_with, lambda model: None, 0, make)
    )
    assert_same(some, others)
    assert passes == 8
    model = make()
    predictions = {model.predict(X).tobytes() for _ in range(4)}
    assert predictions == {np.array(model.forward(X)).tobytes()}


class Backend(NumpyBackend):
    """Does products in its own way."""

    def dot(self, a: Any, b: Any, out: Any, bias: Any = None) -> Any:
        np.dot(a, b, out=out)
        return out if bias is None else np.add(out, bias, out=out)


def test_backend_that_is_not_numpys_own_is_never_replayed() -> None:
    make = functools.partial(small, backend=Backend())
    (some, passes), (others, _) = in_both_ways(
        functools.partial(train_with, lambda model: None, 0, make)
    )
    assert_same(some, others)
    assert passes == 8


class Marked(lm.Layer):
    """A layer of somebody who has read the documentation."""

    scalars: tuple[str, ...] = ()

    def __init__(self, factor: float) -> None:
        self.factor = factor

    def build(self, in_shape: tuple[int, ...]) -> tuple[int, ...]:
        self.shift = self.add_param("shift", in_shape, "ones")
        return in_shape

    @replayable
    def forward(self, x: Any, training: bool) -> Any:
        return self.map("y", scale_and_add, x, self.shift.value, scalars=(self.factor,))

    @replayable
    def backward(self, dy: Any) -> Any:
        self.sum_rows(dy, out=self.shift.grad)
        return self.map("dx", scaled, dy, scalars=(self.factor,))


def scale_and_add(x: Any, shift: Any, factor: Any) -> Any:
    return factor * x + shift


def scaled(x: Any, factor: Any) -> Any:
    return factor * x


def test_layer_that_somebody_marked_is_replayed_with_the_same_bits() -> None:
    def make() -> lm.Sequential:
        return compiled_model([lm.Dense(8), Marked(1.5), lm.ReLU(), lm.Dense(CLASSES)])

    def change(model: lm.Sequential) -> None:
        model.layers[1].factor = 0.5  # type: ignore[attr-defined]

    (some, passes), (others, _) = in_both_ways(functools.partial(train_with, change, 4, make))
    assert_same(some, others)
    assert passes == 4


class Unkept(lm.Dense):
    """Does not keep the argument of its own, so that it cannot be printed or saved."""

    def __init__(self, half: int) -> None:
        super().__init__(2 * half)


def test_layer_that_does_not_keep_its_arguments_can_be_trained() -> None:
    def make() -> lm.Sequential:
        return compiled_model([Unkept(4), lm.ReLU(), lm.Dense(CLASSES)])

    (some, _), (others, _) = in_both_ways(
        functools.partial(train_with, lambda model: None, 0, make)
    )
    assert_same(some, others)


class Gain(lm.layers.Activation):
    """Has a scalar that is no argument."""

    scalars = ("gain",)

    def __init__(self) -> None:
        self.gain = 1.0

    @staticmethod
    def rule(x: Any, gain: Any) -> Any:
        return x * gain

    @staticmethod
    def derivative(x: Any, y: Any, gain: Any) -> Any:
        return gain + 0 * x


class Computed(Gain):
    """Has a scalar that is computed of another number."""

    half = 0.5

    @property
    def gain(self) -> float:
        return 2 * self.half

    @gain.setter
    def gain(self, value: float) -> None:
        type(self).half = value / 2


@pytest.mark.parametrize("kind", [Gain, Computed])
def test_scalars_of_a_users_activation_take_effect_in_the_next_step(kind: type[Gain]) -> None:
    def make() -> lm.Sequential:
        return compiled_model([lm.Dense(8), kind(), lm.Dense(CLASSES)])

    def change(model: lm.Sequential) -> None:
        model.layers[1].gain = 3.0  # type: ignore[attr-defined]

    for at in (1, 2, 5):
        (some, passes), (others, _) = in_both_ways(functools.partial(train_with, change, at, make))
        assert_same(some, others)
        assert passes < 8 or kind is Computed
        assert len(set(some["losses"])) == 8


# -------------------------------------------------------------------------- predictions


def predictor(dtype: str = "float32", shape: tuple[int, ...] = (2, 3)) -> lm.Sequential:
    model = compiled_model(everything(), in_shape=shape, dtype=dtype)
    trained(model, IMAGES.reshape(SAMPLES, *shape), Y, epochs=1)
    return model


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", ["bytes", "floats", "integers", "other floats"])
@pytest.mark.parametrize("rows", [1, 4])
def test_repeated_predictions_follow_the_input_with_the_bits_of_forward(
    rows: int, kind: str, dtype: str, any_threads: None
) -> None:
    data = {
        "bytes": IMAGES,
        "floats": IMAGES.astype(dtype) / 99,
        "integers": IMAGES.astype(int) % 7,
        "other floats": IMAGES.astype("f8" if dtype == "float32" else "f4") / 99,
    }[kind]
    model, twin = predictor(dtype), predictor(dtype)
    before = model.passes
    got = [model.predict(data[i : i + rows]) for i in range(0, SAMPLES, rows)]
    assert model.passes == before + 2
    for i, result in zip(range(0, SAMPLES, rows), got, strict=True):
        part = data[i : i + rows]
        x = np.divide(part, 255, dtype=dtype) if kind == "bytes" else part.astype(dtype)
        np.testing.assert_array_equal(result, twin.forward(x), f"{i}")
    assert len({result.tobytes() for result in got}) == len(got)


def test_one_array_that_is_written_anew_is_predicted_anew() -> None:
    model, x = predictor(), np.empty((1, 2, 3), "f4")
    expected = predictor().predict(IMAGES.astype("f4"), batch_size=1)
    for image, result in zip(IMAGES, expected, strict=True):
        x[0] = image
        np.testing.assert_array_equal(model.predict(x)[0], result)


def test_predictions_of_several_batches_are_those_of_each() -> None:
    model, x = predictor(), np.random.default_rng(9).random((33, 2, 3), np.float32)
    expected = np.concatenate([np.array(model.forward(x[i : i + 4])) for i in range(0, 33, 4)])
    for data in (x, np.asfortranarray(x)):
        for _ in range(3):
            np.testing.assert_array_equal(model.predict(data, batch_size=4), expected)


def test_inputs_too_large_to_be_copied_are_followed_too() -> None:
    rng = np.random.default_rng(0)
    model = compiled_model([lm.Dense(5), lm.ReLU(), lm.Dense(2)], in_shape=(9000,))
    x = rng.standard_normal((2, 9000)).astype("f4")
    for _ in range(5):
        x[...] = rng.standard_normal(x.shape)
        np.testing.assert_array_equal(model.predict(x), np.array(model.forward(x)))


def test_training_in_between_shows_in_the_next_prediction() -> None:
    def use() -> Any:
        model, seen = predictor(), []
        for turn in range(12):
            for _ in range(turn % 4):
                seen.append(model.predict(IMAGES[:1]))
            for _ in range(turn % 3):
                model.train_step(IMAGES, Y)
        return {**all_of(model), "seen": np.array(seen)}

    some, others = in_both_ways(use)
    assert_same(some, others)
    assert len({array.tobytes() for array in some["seen"]}) > 4


IN_PREDICTIONS = ["slope", "eps", "rule", "weights", "weights in place", "weights loaded", "layer",
                  "layer that is not marked", "build"]  # fmt: skip


@pytest.mark.parametrize("name", IN_PREDICTIONS)
def test_what_is_changed_between_predictions_takes_effect_in_the_next(name: str) -> None:
    def use(at: int) -> Any:
        model, seen = small(), []
        for turn in range(7):
            if turn == at:
                CHANGES[name](model)
            seen.append(model.predict(X[:2]))
        return np.array(seen), model.passes

    for at in (1, 2, 4):
        (some, _), (others, _) = in_both_ways(functools.partial(use, at))
        np.testing.assert_array_equal(some, others)
        assert (some[:at] == some[0]).all()
        if name != "build":  # which draws the same weights again
            assert (some[at] != some[0]).any()
    assert use(7)[1] == 2


def test_results_stay_as_they_are_when_more_is_predicted() -> None:
    model = predictor()
    results = [model.predict(IMAGES[i : i + 1]) for i in range(10)]
    copies = [result.copy() for result in results]
    for i in range(20):
        model.predict(IMAGES[i : i + 1])
        model.train_step(IMAGES, Y)
    for result, expected in zip(results, copies, strict=True):
        np.testing.assert_array_equal(result, expected)


def test_inputs_are_left_as_they_are() -> None:
    model, x = small(), X.copy()
    for _ in range(5):
        model.predict(x[:2])
        model.train_step(x, Y)
    np.testing.assert_array_equal(x, X)


def test_batch_that_is_written_anew_is_trained_on_anew() -> None:
    x, y = np.empty((8, FEATURES), "f4"), np.empty(8, np.int64)

    def train() -> Any:
        model, losses = small(), []
        for i in range(0, SAMPLES, 8):
            x[...], y[...] = X[i : i + 8], Y[i : i + 8]
            losses.append(float(model.train_step(x, y)))
        return {**all_of(model), "losses": np.array(losses)}, model.passes

    (some, passes), (others, without) = in_both_ways(train)
    assert_same(some, others)
    assert (passes, without) == (2, 5)


# ------------------------------------------------------------- copies, threads, processes


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
def alone() -> list[bytes]:
    """What each job gives with nothing beside it and without replays."""
    with never_known():
        return [job(number) for number in range(6)]


@pytest.mark.parametrize("interval", [5e-3, 1e-5])
def test_models_in_threads_have_the_bits_of_each_alone(
    interval: float, alone: list[bytes], three_threads: Any
) -> None:
    before = sys.getswitchinterval()
    sys.setswitchinterval(interval)
    try:
        with ThreadPoolExecutor(4) as several:
            for _ in range(3):
                assert list(several.map(job, range(6), timeout=PATIENCE)) == alone
    finally:
        sys.setswitchinterval(before)


def test_thread_that_records_notes_nothing_of_another() -> None:
    """One notes its step while the other trains in the middle of it."""
    inside, done = threading.Event(), threading.Event()
    found: list[bytes] = []

    class Wait(Marked):
        @replayable
        def forward(self, x: Any, training: bool) -> Any:
            inside.set()
            done.wait(PATIENCE)
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
    assert passes == 3  # it did not play the parent's tape, but noted one of its own
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


# ------------------------------------------------------------------------------- Ctrl-C

INTERRUPTED = """
import faulthandler, os, random, signal, sys, threading, time
faulthandler.dump_traceback_later(100, exit=True)
import numpy as np
import lamella as lm
from lamella.compiled.pool import get_pool
from lamella.compiled.tape import recording
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
go = threading.Event()
def bother():
    while go.wait() and not end.is_set():
        time.sleep(moments.random() * 0.004)
        if go.is_set():
            go.clear()
            os.kill(os.getpid(), signal.SIGINT)
threading.Thread(target=bother, daemon=True).start()
def play_on():
    go.set()
    try:
        while True:
            model.fit(x, y, epochs=1000, batch_size=16, verbose=False)
    except KeyboardInterrupt:
        pass
for number in range({times}):
    play_on()
    assert not get_pool().lock.locked(), "the lock is held for ever"
    assert recording() is None, "a tape is left"
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
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED.format(times=times)],
        capture_output=True, text=True, timeout=PATIENCE,
    )  # fmt: skip
    assert (done.stdout, done.returncode) == (f"done {times}\n", 0), done.stderr[-3000:]
