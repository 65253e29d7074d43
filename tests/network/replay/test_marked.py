"""What others have marked, or made of lamella's own parts, has the same bits in replayed steps."""

import functools
from typing import Any

import pytest

import lamella as lm
from tests.network.replay.custom import Marked
from tests.network.replay.networks import (
    CLASSES,
    assert_same,
    compiled_model,
    in_both_ways,
    train_with,
)


def test_layer_that_somebody_marked_is_replayed_with_the_same_bits() -> None:
    def make() -> lm.Sequential:
        return compiled_model([lm.Dense(8), Marked(1.5), lm.ReLU(), lm.Dense(CLASSES)])

    def change(model: lm.Sequential) -> None:
        model.layers[1].factor = 0.5  # type: ignore[attr-defined]

    (some, passes), (others, _) = in_both_ways(functools.partial(train_with, change, 4, make))
    assert_same(some, others)
    assert passes == 3


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
