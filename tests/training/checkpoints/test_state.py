"""State of a training: restored into a new model, it continues with the same bits."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.backend import Backend
from lamella.core.errors import UsageError
from lamella.training.checkpoints import ResumeFolder
from lamella.training.checkpoints.state import changed_values, collect, part_values, restore
from tests.data import clouds
from tests.networks import bits_of, small_classifier, state_of
from tests.training.checkpoints.interrupting import BATCHES, finished, interrupted


class Counter(lm.Callback):
    """Keeps a number and an array."""

    def __init__(self, count: int) -> None:
        self.count, self.seen = count, np.arange(count)

    def state_dict(self) -> dict[str, Any]:
        return {"count": self.count, "seen": self.seen}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.count, self.seen = state["count"], state["seen"]


def test_restored_model_takes_the_same_steps(backend: Backend) -> None:
    x, y = clouds()
    model, other = small_classifier(backend), small_classifier(backend)
    for one in (model, other):
        one.train_step(x, y)
    model.train_step(x, y)
    counters = [Counter(3), Counter(5)]
    header, arrays = collect(model, counters)
    new = [Counter(0), Counter(0)]
    restore(other, new, json.loads(json.dumps(header)), arrays)
    np.testing.assert_equal(state_of(other), state_of(model))
    assert [counter.count for counter in new] == [3, 5]
    assert [counter.seen.tolist() for counter in new] == [[0, 1, 2], [0, 1, 2, 3, 4]]
    for one in (model, other):
        one.train_step(x, y)
    np.testing.assert_equal(state_of(other), state_of(model))


def test_missing_last_callback_is_left_out(backend: Backend) -> None:
    model = small_classifier(backend)
    model.train_step(*clouds())
    header, arrays = collect(model, [Counter(3), Counter(5)])
    kept = Counter(0)
    restore(model, [kept], header, arrays)
    assert kept.count == 3


def made() -> lm.Sequential:
    layers = [lm.Dense(4, regularizer=lm.L2(0.1)), lm.Dropout(0.5), lm.Dense(3)]
    model = lm.Sequential(layers, seed=1, backend="numpy")
    schedule = lm.Warmup(lm.StepDecay(0.1, 2), epochs=3)
    return model.compile(lm.SoftmaxCrossEntropy(), lm.Adam(schedule), ["accuracy"], in_shape=(2,))


def saved(model: lm.Sequential) -> Any:
    return json.loads(json.dumps(part_values(model)))


def test_nothing_is_assigned_where_nothing_changed() -> None:
    model = made()
    model.layers[1].note = float("nan")
    model.train_step(np.ones((2, 2)), np.array([0, 1]))
    assert changed_values(model, saved(model)) == []


def test_changes_in_objects_within_objects_are_found() -> None:
    model, fresh = made(), made()
    model.layers[0].regularizer.rate = 0.2
    model.layers[1].rate = 0.25
    model.layers[2].note = "mine"
    model.optimizer.lr.schedule.lr = np.float64(0.3)
    model.optimizer.clip_norm = 2.0
    changes = changed_values(fresh, saved(model))
    for part, name, value in changes:
        setattr(part, name, value)
    assert {(name, value) for _, name, value in changes} == {
        ("rate", 0.2),
        ("rate", 0.25),
        ("note", "mine"),
        ("lr", 0.3),
        ("clip_norm", 2.0),
    }
    assert part_values(fresh) == part_values(model)
    assert fresh.optimizer.lr(5) == model.optimizer.lr(5)


def test_objects_of_another_class_are_refused() -> None:
    model, fresh = made(), made()
    model.optimizer.lr = lm.CosineDecay(0.1, 4)
    with pytest.raises(UsageError, match=r"replaced Adam\.lr, Warmup\(.*\), by a CosineDecay"):
        changed_values(fresh, saved(model))
    model.optimizer.lr = 0.5
    assert changed_values(fresh, saved(model)) == [(fresh.optimizer, "lr", 0.5)]


class Changing(lm.Callback):
    """Change values of all parts of a model, some in the middle of an epoch."""

    def on_epoch_begin(self, model: lm.Sequential, epoch: int) -> None:
        if epoch == 1:
            model.optimizer.lr = 0.0025

    def on_batch_end(self, model: lm.Sequential, batch: int, log: Any) -> None:
        if model.optimizer.t == BATCHES + 3:
            model.layers[3].rate = 0.1
            model.layers[1].momentum = 0.5
            model.layers[0].regularizer.rate = 0.05
            model.optimizer.beta1 = 0.8
            model.optimizer.clip_norm = 1.0
            model.layers[4].scale = 0.5


class Scaled(lm.Dense):
    """Scale the outputs by a number that is no argument."""

    def __init__(self, units: int) -> None:
        super().__init__(units)
        self.scale = 1.0

    def forward(self, x: Any, training: bool) -> Any:
        return super().forward(x, training) * self.scale

    def backward(self, dy: Any) -> Any:
        return super().backward(dy * self.scale)


@pytest.mark.parametrize("rate", [0.01, lm.CosineDecay(0.01, epochs=4)], ids=["number", "schedule"])
@pytest.mark.parametrize("after", [BATCHES + 1, BATCHES + 4, 3 * BATCHES])
@pytest.mark.slow
def test_values_that_a_callback_changed_are_restored(
    tmp_path: Path, after: int, rate: float | lm.Schedule
) -> None:
    def regularized() -> lm.Sequential:
        layers = [lm.Dense(8, regularizer=lm.L2(0.01)), lm.BatchNorm(), lm.ReLU(), lm.Dropout(0.4)]
        model = lm.Sequential([*layers, Scaled(3)], seed=1, backend="numpy")
        return model.compile(lm.SoftmaxCrossEntropy(), lm.Adam(rate))

    whole = finished(regularized(), callbacks=[Changing()])
    assert whole.history["learning_rate"][-1] == 0.0025
    assert whole.layers[4].scale == 0.5
    interrupted(regularized(), after, ResumeFolder(tmp_path, seconds=0), callbacks=[Changing()])
    assert bits_of(finished(regularized(), tmp_path, callbacks=[Changing()])) == bits_of(whole)


def test_an_object_set_by_a_callback_that_cannot_be_restored_is_refused(tmp_path: Path) -> None:
    class Replacing(lm.Callback):
        def on_epoch_begin(self, model: lm.Sequential, epoch: int) -> None:
            model.optimizer.lr = lm.StepDecay(0.1, 1)

    def plain() -> lm.Sequential:
        model = lm.Sequential([lm.Dense(3)], seed=1, backend="numpy")
        return model.compile(lm.SoftmaxCrossEntropy(), lm.Adam(0.01))

    interrupted(plain(), BATCHES + 1, tmp_path, callbacks=[Replacing()])
    model = plain()
    with pytest.raises(UsageError, match=r"replaced Adam\.lr, 0\.01, by a StepDecay"):
        finished(model, tmp_path, callbacks=[Replacing()])
    assert model.epochs_done == 0
