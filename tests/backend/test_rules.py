"""Traced rules: which of them are equal, and which values they read."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lamella.backend import Backend
from lamella.backend.rules import bind_rule, key_of, reads_of, trace_rule
from lamella.core.errors import UsageError

FACTOR = 2.0


def scaled(factor: Any) -> Callable[[Any], Any]:
    return lambda x: x * factor


class Power:
    """A rule that reads an attribute, a global and a helper method."""

    def __init__(self, exponent: float) -> None:
        self.exponent = exponent

    def raised(self, x: Any) -> Any:
        return x**self.exponent

    def rule(self, x: Any) -> Any:
        return self.raised(x) * FACTOR


def test_lambdas_of_one_line_are_equal_while_their_closures_are() -> None:
    assert key_of(scaled(3.0), 1) == key_of(scaled(3.0), 1)
    assert key_of(scaled(3.0), 1) != key_of(scaled(4.0), 1)
    assert key_of(scaled(3.0), 1) != key_of(scaled(3), 1)  # another type computes otherwise
    assert key_of(scaled(3.0), 1) != key_of(scaled(3.0), 2)


def test_trace_lists_attributes_globals_and_the_methods_called() -> None:
    program = trace_rule(Power(3.0).rule, 1, 0)
    assert {read.name for read in program.reads} == {"exponent", "raised", "FACTOR"}
    assert program.is_current()


def test_bound_rule_follows_a_changed_attribute(backend: Backend) -> None:
    power = Power(2.0)
    x = backend.asarray(np.array([1.0, 3.0]))
    out = backend.zeros(2, "float64")
    run = bind_rule(power.rule, backend, [x], {"y": out}, 0)
    for exponent, expected in ((2.0, [2, 18]), (1.0, [2, 6]), (3.0, [2, 54])):
        power.exponent = exponent
        run()
        np.testing.assert_allclose(backend.to_host(out), expected, rtol=1e-15)


def test_bound_rule_follows_a_changed_global(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, out = backend.asarray(np.array([3.0])), backend.zeros(1, "float64")
    run = bind_rule(Power(1.0).rule, backend, [x], {"y": out}, 0)
    monkeypatch.setitem(globals(), "FACTOR", 5.0)
    run()
    assert backend.to_host(out).tolist() == [15]


def test_reads_of_a_function_are_its_numbers_and_functions() -> None:
    assert {read.name: read.value for read in reads_of(Power.rule)} == {"FACTOR": FACTOR}
    assert [read.value for read in reads_of(scaled(3.0))] == [3.0]
    assert list(reads_of(np.sqrt)) == []


@pytest.mark.parametrize(
    "value", [[1.0], {"k": 1.0}, np.ones(2), Power(1.0)], ids=lambda v: type(v).__name__
)
def test_values_whose_changes_are_invisible_are_refused(value: Any) -> None:
    with pytest.raises(UsageError, match=r"variable factor of its closure, a .*scalars="):
        key_of(scaled(value), 1)
    with pytest.raises(UsageError, match=r"the attribute exponent, a .* tracing cannot see"):
        trace_rule(Power(value).rule, 1, 0)


def test_number_of_results_is_that_of_the_outputs(backend: Backend) -> None:
    x, out = backend.zeros(2, "float64"), backend.zeros(2, "float64")
    with pytest.raises(UsageError, match="the rule of Power must return y, z, got 1 results"):
        bind_rule(Power(1.0).rule, backend, [x], {"y": out, "z": x}, 0)


@pytest.mark.parametrize("rule", [3, "x * 2", Power(1.0)], ids=["number", "text", "object"])
def test_objects_that_are_no_functions_are_refused(rule: Any) -> None:
    with pytest.raises(UsageError, match="a rule must be a function or a method, got"):
        trace_rule(rule, 1, 0)
