"""Hyper-parameters are checked whenever they are set, and an invalid value changes nothing."""

import math
from typing import Any

import pytest

import lamella as lm
from lamella.core.descriptors import Checked
from lamella.core.errors import ArgumentError, UsageError
from lamella.core.signatures import arguments_of
from lamella.layers import regularizers
from lamella.optimizers import schedules

GIVEN: dict[str, Any] = {
    "Dense": {"units": 3},
    "Dropout": {"rate": 0.5},
    "L1": {"rate": 0.1},
    "L2": {"rate": 0.1},
    "L1L2": {"l1": 0.1, "l2": 0.1},
    "ExponentialDecay": {"lr": 0.1, "factor": 0.5},
    "InverseDecay": {"lr": 0.1, "decay": 0.5},
    "InverseTimeDecay": {"lr": 0.1, "decay": 0.5},
    "PiecewiseConstant": {"boundaries": [1], "values": [0.1, 0.01]},
    "StepDecay": {"lr": 0.1, "every": 2},
    "Warmup": {"schedule": 0.1, "epochs": 2},
}
BASES = ("Layer", "Activation", "Loss", "Optimizer", "Regularizer", "Schedule")
PARTS: list[type] = [
    *(
        getattr(part, name)
        for part in (lm.layers, lm.losses, lm.optimizers)
        for name in part.__all__
    ),
    *(regularizers.L1, regularizers.L2, regularizers.L1L2),
    *(getattr(schedules, name) for name in schedules.__all__),
]


def make(kind: type) -> Any:
    decays = {"lr": 0.1, "epochs": 3} if kind.__name__ in schedules.__all__ else {}
    return kind(**GIVEN.get(kind.__name__, decays))


def numbers_of(kind: type) -> list[str]:
    """The arguments of a class that are numbers, by their annotations."""
    arguments = arguments_of(kind)
    return [name for name in arguments if {"float", "int"} & words(arguments[name])]


def words(argument: Any) -> set[str]:
    text = argument.annotation
    text = text.__name__ if isinstance(text, type) else str(text)
    return set(text.replace("|", " ").replace("[", " ").replace("]", " ").split())


CASES = [
    (kind, name)
    for kind in dict.fromkeys(PARTS)
    if kind.__name__ not in BASES
    for name in numbers_of(kind)
]


def test_the_cases_cover_every_kind_of_part() -> None:
    found = {(kind.__name__, name) for kind, name in CASES}
    assert {
        ("Adam", "clip_norm"),
        ("Adam", "beta1"),
        ("Momentum", "beta"),
        ("Dropout", "rate"),
        ("Dense", "units"),
        ("SoftmaxCrossEntropy", "label_smoothing"),
        ("L1L2", "l2"),
        ("StepDecay", "factor"),
        ("Warmup", "schedule"),
    } <= found
    assert len(found) > 40


@pytest.mark.parametrize(("kind", "name"), CASES, ids=lambda x: getattr(x, "__name__", x))
def test_a_number_is_checked_when_it_is_assigned(kind: type, name: str) -> None:
    part = make(kind)
    before = getattr(part, name)
    for wrong in (-3, math.nan, "a"):
        with pytest.raises(ArgumentError, match=name):
            setattr(part, name, wrong)
    assert getattr(part, name) == before
    setattr(part, name, before)
    assert part.config()[name] == before


def test_the_upper_limit_holds_for_an_assignment_too() -> None:
    optimizer, layer = lm.Adam(), lm.Dropout(0.1)
    for part, name in ((optimizer, "beta1"), (layer, "rate")):
        with pytest.raises(ArgumentError, match=rf"{name} must be in \[0, 1\), got 1.5"):
            setattr(part, name, 1.5)
    optimizer.clip_norm = 2.0
    optimizer.clip_norm = None
    assert optimizer.clip_norm is None


def test_reading_a_number_is_reading_a_plain_attribute() -> None:
    assert not hasattr(Checked, "__get__")
    assert vars(lm.Dropout(0.5))["rate"] == 0.5


def test_an_argument_that_is_not_stored_is_an_error_of_its_class() -> None:
    class Forgets(lm.Dropout):
        def __init__(self, rate: float) -> None:
            pass

    with pytest.raises(UsageError, match=r"write self\.rate = rate"):
        Forgets(0.5).config()
