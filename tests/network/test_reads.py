"""Values that methods read from outside: each is found, and invisible ones are refused."""

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.network.reads import UnseenError, readers_of, users_classes

FACTOR = 2.0
LIST = [2.0]
ARRAY = np.ones(3, np.float32)


def helper(x: Any) -> Any:
    return x + FACTOR


def scaling(factor: float) -> Callable[..., Any]:
    def forward(self: Any, x: Any, training: bool, shift: float = 3.0) -> Any:
        return abs(x) * factor + shift

    return forward


class Base(lm.Layer):
    """Has one method for each way to read a value."""

    def plain(self, x: Any) -> Any:
        return np.exp(x) * self.map("y", lm.ReLU.derivative, x, x)

    def global_number(self, x: Any) -> Any:
        return x * FACTOR

    def through_helper(self, x: Any) -> Any:
        return helper(x)

    def through_method(self, x: Any) -> Any:
        return self.global_number(x)

    closure = scaling(5.0)

    def global_list(self, x: Any) -> Any:
        return x * LIST[0]

    def global_array(self, x: Any) -> Any:
        return x * ARRAY[0]

    def imported(self, x: Any) -> Any:
        from math import sqrt

        return sqrt(x)

    def unknown(self, x: Any) -> Any:
        return undefined(x)  # type: ignore[name-defined]  # noqa: F821

    def random_number(self, x: Any) -> Any:
        return x * random.random()

    def through_another(self, x: Any) -> Any:
        return self.global_list(x)


class Derived(Base):
    pass


def values(name: str, kind: type = Base) -> list[Any]:
    """Return the numbers that a method reads now."""
    return [
        value for value in (read() for read in readers_of(kind, [name])) if type(value) is float
    ]


def test_classes_of_lamella_and_of_python_are_not_the_users() -> None:
    assert list(users_classes(Derived)) == [Derived, Base]
    assert list(users_classes(lm.Dense)) == []
    assert readers_of(lm.Dense, ["forward", "backward"]) == []


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("plain", []),
        ("global_number", [2.0]),
        ("through_helper", [2.0]),
        ("through_method", [2.0]),
        ("closure", [3.0, 5.0]),
    ],
)
def test_numbers_are_found_in_globals_closures_defaults_and_helpers(
    name: str, numbers: list[float]
) -> None:
    assert sorted(values(name)) == numbers
    assert sorted(values(name, Derived)) == numbers


def test_readers_follow_a_changed_global(monkeypatch: pytest.MonkeyPatch) -> None:
    readers = readers_of(Base, ["through_helper"])
    monkeypatch.setitem(globals(), "FACTOR", 7.0)
    assert 7.0 in [read() for read in readers]


def test_readers_follow_replaced_code(monkeypatch: pytest.MonkeyPatch) -> None:
    readers = readers_of(Base, ["through_helper"])
    before = [read() for read in readers]
    monkeypatch.setattr(helper, "__code__", (lambda x: x - FACTOR).__code__)
    assert [read() for read in readers] != before


@pytest.mark.parametrize(
    "name",
    ["global_list", "global_array", "imported", "unknown", "random_number", "through_another"],
)
def test_values_whose_changes_are_invisible_are_refused(name: str) -> None:
    with pytest.raises(UnseenError):
        readers_of(Base, [name])
