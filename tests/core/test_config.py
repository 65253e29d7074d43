"""Hyper-parameters: declared once, printed, turned into JSON and back."""

import json
from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.core.config import Configured, from_json, to_json
from lamella.core.errors import FileFormatError, UsageError


class Spring(Configured):
    def __init__(self, stiffness: float = 1.0, length: Any = 2, *, damping: Any = None) -> None:
        self.stiffness = stiffness
        self.length = length
        self.damping = damping


class Forgetful(Configured):
    def __init__(self, stiffness: float) -> None:
        self.k = stiffness


class Plain(Configured):
    pass


def halve(x: float) -> float:
    return x / 2


KNOWN = {"Spring": Spring, "Plain": Plain, "halve": halve}


def test_config_is_in_the_order_of_the_arguments() -> None:
    spring = Spring(length=5, damping=0.1)
    assert list(spring.config().items()) == [("stiffness", 1.0), ("length", 5), ("damping", 0.1)]
    assert Plain().config() == {}


def test_config_reads_the_current_attributes() -> None:
    spring = Spring()
    spring.stiffness = 3.0
    assert spring.config()["stiffness"] == 3.0


def test_an_argument_that_is_not_kept_is_named() -> None:
    with pytest.raises(
        UsageError, match=r"Forgetful.__init__ takes 'stiffness'.* self\.stiffness = stiffness"
    ):
        Forgetful(2.0).config()


@pytest.mark.parametrize(
    ("thing", "shown"),
    [
        (Plain(), "Plain()"),
        (Spring(), "Spring(stiffness=1.0)"),  # the first argument is always shown
        (Spring(4.0), "Spring(stiffness=4.0)"),
        (Spring(4.0, 7), "Spring(stiffness=4.0, length=7)"),
        (Spring(length=2), "Spring(stiffness=1.0)"),
        (Spring(length=2.0), "Spring(stiffness=1.0, length=2.0)"),  # 2.0 is not the default 2
        (Spring(damping=0.5), "Spring(stiffness=1.0, damping=0.5)"),
        (Spring(length=[1, 2]), "Spring(stiffness=1.0, length=[1, 2])"),
        (Spring(damping=halve), "Spring(stiffness=1.0, damping=halve)"),
        (Spring(length=Plain()), "Spring(stiffness=1.0, length=Plain())"),
        (Spring(length="long"), "Spring(stiffness=1.0, length='long')"),
    ],
)
def test_repr_shows_arguments_that_differ_from_the_defaults(thing: Configured, shown: str) -> None:
    assert repr(thing) == shown


def test_to_json_writes_classes_and_functions_by_name() -> None:
    spring = Spring(np.float32(0.5), (1, np.int64(2)), damping=halve)
    assert to_json(spring) == {
        "class": "Spring",
        "config": {"stiffness": 0.5, "length": [1, 2], "damping": {"function": "halve"}},
    }


@pytest.mark.parametrize(
    "value", [None, True, 3, 0.1, "he_normal", [1, [2.5, None]], np.float64(0.25), np.bool_(True)]
)
def test_to_json_of_plain_values_survives_json(value: Any) -> None:
    assert json.loads(json.dumps(to_json(value))) == value


@pytest.mark.parametrize("value", [{"a": 1}, {1, 2}, np.ones(3), object(), 1j])
def test_to_json_refuses_values_without_a_json_form(value: Any) -> None:
    with pytest.raises(UsageError, match=f"type {type(value).__name__} cannot be saved"):
        to_json(Spring(length=value))


def test_from_json_undoes_to_json() -> None:
    spring = Spring(0.1, [Plain(), 3], damping=halve)
    again = from_json(json.loads(json.dumps(to_json(spring))), KNOWN)
    assert type(again) is Spring
    assert again.stiffness == 0.1
    assert type(again.length[0]) is Plain
    assert again.length[1] == 3
    assert again.damping is halve


@pytest.mark.parametrize(
    "value",
    [
        {"class": "Popen", "config": {"args": "true"}},
        {"function": "system"},
        {"class": ["Spring"], "config": {}},
        {"config": {}},
        {"class": "Spring", "config": {"length": {"class": "Popen", "config": {}}}},
    ],
)
def test_from_json_refuses_names_that_are_not_known(value: Any) -> None:
    with pytest.raises(FileFormatError, match=r"which lamella does not know.*custom_layers="):
        from_json(value, KNOWN)


@pytest.mark.parametrize("config", [None, [1], "stiffness"])
def test_from_json_refuses_a_configuration_that_is_no_table(config: Any) -> None:
    with pytest.raises(FileFormatError, match="configuration of Spring is not a table"):
        from_json({"class": "Spring", "config": config}, KNOWN)


@pytest.mark.parametrize("config", [{"mass": 1}, {"units": 0}, {"units": "many"}])
def test_from_json_names_arguments_that_the_class_does_not_accept(config: Any) -> None:
    with pytest.raises(FileFormatError, match="Dense does not accept the arguments in the file: "):
        from_json({"class": "Dense", "config": config}, {"Dense": lm.Dense})


@pytest.mark.parametrize(
    ("part", "shown"),
    [
        (lm.Dense(3), "Dense(units=3)"),
        (lm.Dense(3, use_bias=False), "Dense(units=3, use_bias=False)"),
        (lm.Dense(3, regularizer=lm.L2(0.1)), "Dense(units=3, regularizer=L2(rate=0.1))"),
        (lm.Dense(3, init=halve), "Dense(units=3, init=halve)"),
        (lm.Adam(), "Adam(lr=0.001)"),
        (lm.Momentum(0.1, nesterov=True), "Momentum(lr=0.1, nesterov=True)"),
        (lm.L1L2(0.1, 0.2), "L1L2(l1=0.1, l2=0.2)"),
    ],
)
def test_parts_of_lamella_print_as_they_are_written(part: Configured, shown: str) -> None:
    assert repr(part) == shown
