"""What is changed between two steps takes effect in the next, and can be seen after each."""

import functools
from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.training.callbacks import Callback
from tests.data import clouds
from tests.network.replay.changes import CHANGES
from tests.network.replay.networks import (
    X,
    Y,
    assert_same,
    in_both_ways,
    small,
    train_with,
    trained,
)


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_between_steps_takes_effect_in_the_next(name: str) -> None:
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


def test_attribute_that_is_gone_is_missed_in_the_next_step() -> None:
    model = small()
    for _ in range(4):
        model.train_step(X, Y)
    del model.layers[1].gamma  # type: ignore[attr-defined]
    with pytest.raises(AttributeError, match="gamma"):
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
    assert (steps, passes) == (30, 11)  # each change captures a step anew


def test_after_each_step_all_can_be_seen_as_without_replays() -> None:
    """What layers keep, what the network gave, the gradients, the loss."""

    def train() -> Any:
        model, seen = small(), []
        for _ in range(5):
            loss = model.train_step(X, Y)
            parts: list[Any] = model.layers
            dense, norm, leaky, dropout, last = parts
            kept = [loss, model.pred, *model.layer_outputs, *[p.grad for p in model.parameters]]
            kept += [dense.x, norm.n, norm.inv_std, leaky.x, leaky.y, dropout.mask, last.x]
            seen.append([np.array(array) for array in kept])
        return seen, model.passes

    (some, passes), (others, _) = in_both_ways(train)
    assert passes == 2
    for step, other in zip(some, others, strict=True):
        for array, expected in zip(step, other, strict=True):
            np.testing.assert_array_equal(array, expected)


class Doubled(lm.Dense):
    def forward(self, x: Any, training: bool) -> Any:
        return 2 * super().forward(x, training)


def other_class(layer: Any) -> None:
    layer.__class__ = Doubled


def other_parameter(layer: Any) -> None:
    made = lm.Sequential([lm.Dense(8)], seed=9, backend="numpy").build((6,))
    layer.W = made.layers[0].W


def no_bias(layer: Any) -> None:
    layer.b = None


@pytest.mark.parametrize("change", [other_class, other_parameter, no_bias])
def test_replaced_classes_and_arrays_show_in_the_loss_of_the_next_step(change: Any) -> None:
    x, y = clouds()

    def model() -> lm.Sequential:
        made = lm.Sequential([lm.Dense(8), lm.Dense(3)], seed=1, backend="numpy")
        return made.compile(lm.SoftmaxCrossEntropy(), lm.SGD(0.1), in_shape=(6,))

    replayed, fresh = model(), model()
    for _ in range(8):
        replayed.train_step(x, y)
    replayed.layers[0].b.value = 1  # type: ignore[attr-defined]  # so that a bias counts
    fresh.load_state_dict(replayed.state_dict())
    for each in (replayed, fresh):
        change(each.layers[0])
    assert float(replayed.train_step(x, y)) == float(fresh.train_step(x, y))
