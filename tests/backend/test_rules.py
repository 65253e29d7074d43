"""Rules as users write them: which are pure, and that changed numbers take effect."""

import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from lamella.backend import Backend
from lamella.backend.rules import TracedRule, bind_rule, is_pure
from lamella.core.errors import UsageError

FACTOR = 2.0
TABLE = {"factor": 2.0}
PLACE = SimpleNamespace(factor=2.0)


def scaled(factor: Any) -> Callable[[Any], Any]:
    return lambda x: x * factor


def twice(x: Any) -> Any:
    return 2 * x


def composed(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda x: function(x) + abs(x)


class Owner:
    """Has numbers in every place that a rule can read."""

    factor = 2.0

    def __init__(self) -> None:
        self.own = 2.0

    def unused(self, x: Any) -> Any:
        return np.tanh(x)

    def attribute(self, x: Any) -> Any:
        return x * self.own

    def own_class(self, x: Any) -> Any:
        return x * type(self).factor

    def named_class(self, x: Any) -> Any:
        return x * Owner.factor

    def global_number(self, x: Any) -> Any:
        return x * FACTOR

    def global_table(self, x: Any) -> Any:
        return x * TABLE["factor"]

    def global_object(self, x: Any) -> Any:
        return x * PLACE.factor

    def own_table(self, x: Any) -> Any:
        return x * vars(self)["own"]

    def imported(self, x: Any) -> Any:
        from tests.backend.test_rules import FACTOR as number

        return x * number

    def helper(self, x: Any) -> Any:
        return self.attribute(x)

    @classmethod
    def of_class(cls, x: Any) -> Any:
        return x * cls.factor


READING = [name for name in vars(Owner) if name[0] != "_" and name not in ("factor", "unused")]


def test_pure_rules_are_those_of_their_arguments_alone() -> None:
    pure = [twice, np.exp, lambda x: np.maximum(x, 0) / 2, composed(twice), Owner().unused]
    assert [rule for rule in pure if not is_pure(rule)] == []
    others = [scaled(2.0), composed(scaled(2.0)), lambda x, k=2.0: x * k, lambda x: twice(x), math]
    others += [getattr(Owner(), name) for name in READING]
    assert [rule for rule in others if is_pure(rule)] == []


@pytest.mark.parametrize("name", READING)
def test_changed_numbers_take_effect(
    name: str, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = Owner()
    x, out = backend.asarray(np.array([1.0, 3.0])), backend.zeros(2, "float64")
    owner.rule = getattr(owner, name)  # type: ignore[attr-defined]
    run = bind_rule(owner, backend, [x], {"y": out}, 0)
    run()
    assert backend.to_host(out).tolist() == [2, 6]
    for number in (5.0, -7.0):
        owner.own = number
        monkeypatch.setattr(Owner, "factor", number)
        monkeypatch.setitem(globals(), "FACTOR", number)
        monkeypatch.setitem(TABLE, "factor", number)
        monkeypatch.setattr(PLACE, "factor", number)
        run()
        assert backend.to_host(out).tolist() == [number, 3 * number]


def test_a_replaced_rule_takes_effect(backend: Backend) -> None:
    owner = SimpleNamespace(rule=twice)
    x, out = backend.asarray(np.array([3.0])), backend.zeros(1, "float64")
    run = bind_rule(owner, backend, [x], {"y": out}, 0)
    owner.rule = lambda x: x * x
    run()
    assert backend.to_host(out).tolist() == [9]


def test_equal_functions_of_two_modules_are_two_rules() -> None:
    source = compile("def rule(x): return x * NUMBER", "config.py", "exec")
    rules = []
    for number in (2.0, 5.0):
        table = {"NUMBER": number}
        exec(source, table)
        rules.append(table["rule"])
    traced = TracedRule(rules[0], 1, 0, lambda program: lambda: program.constants.copy())
    assert not traced.serves(rules[1])
    traced.follow(rules[1])
    assert [*traced.run().values()] == [5.0]


def test_other_numbers_need_no_other_program() -> None:
    compiled: list[Any] = []
    traced = TracedRule(scaled(2.0), 1, 0, lambda program: compiled.append(program) or len)
    traced.follow(scaled(3.0))
    assert len(compiled) == 1
    assert [*compiled[0].constants.values()] == [3.0]
    traced.follow(lambda x: x + 3.0)
    assert len(compiled) == 2


def test_code_edited_in_place_takes_effect(backend: Backend) -> None:
    def slope(x: Any) -> Any:
        return x * 2.0

    def edited(x: Any) -> Any:
        return x * 3.0

    owner = SimpleNamespace(rule=composed(slope))
    x, out = backend.asarray(np.array([1.0])), backend.zeros(1, "float64")
    run = bind_rule(owner, backend, [x], {"y": out}, 0)
    slope.__code__ = edited.__code__
    run()
    assert backend.to_host(out).tolist() == [4]


def test_as_many_results_as_outputs(backend: Backend) -> None:
    x = backend.asarray(np.array([3.0]))
    with pytest.raises(UsageError, match="the rule of SimpleNamespace must return y, z, got 1"):
        bind_rule(SimpleNamespace(rule=twice), backend, [x], {"y": x, "z": x}, 0)
