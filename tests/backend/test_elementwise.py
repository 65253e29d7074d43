"""Elementwise rules: the recorded program equals the formula on every backend."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lamella.backend import Backend, CupyBackend
from lamella.backend.elementwise import OPERATIONS, trace
from lamella.backend.numpy_elementwise import BLOCK_BYTES
from lamella.backend.selection import host_backend
from lamella.core.errors import UsageError
from lamella.testing import strict_cupy
from tests.backend.rule_cases import (
    ADAM_SCALARS,
    DTYPES,
    Rule,
    adam,
    adam_in_numpy,
    apply,
    operands,
    operation,
    vectors,
)


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_backend_agrees_with_the_plain_formula(
    backend: Backend, dtype: type, rng: np.random.Generator
) -> None:
    w, g, m, v = vectors(rng, 4, 1000, dtype)
    after = apply(backend, adam, [w, g, m, v], ADAM_SCALARS, outputs=(0, 2, 3))
    expected = adam_in_numpy(w, g, m, v, dtype)
    for i, array in zip((0, 2, 3), expected, strict=True):
        np.testing.assert_allclose(after[i], array, rtol=4 * np.finfo(dtype).eps)


def test_steps_can_be_repeated_with_other_scalars(backend: Backend) -> None:
    w = backend.asarray(np.full(5, 8.0))
    run = backend.compile_rule(trace(lambda w, a: a * w, 1, 1), [w], [w])
    for scalar in (0.5, 0.25, 3.0):
        run(scalar)
    np.testing.assert_array_equal(backend.to_host(w), np.full(5, 3.0))


MANY = 2 * BLOCK_BYTES // 8 + 3  # float64 numbers in three blocks, the last one short


def twice_read(w: Any, v: Any) -> Any:
    # Both results need both old values, so neither may be written too early.
    return w + 2 * v, v - 3 * w


def reused(w: Any, v: Any) -> Any:
    s, d = w + v, w - v
    product = s * d
    return product * s + d, (product - d) * s


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        pytest.param(lambda w, v: (v, w), lambda w, v: (v, w), id="swapped"),
        pytest.param(lambda w, v: (w, v), lambda w, v: (w, v), id="unchanged"),
        pytest.param(lambda w, v: (w, w), lambda w, v: (w, w), id="one input twice"),
        pytest.param(lambda w, v: (w + v, w), lambda w, v: (w + v, w), id="old value kept"),
        pytest.param(twice_read, twice_read, id="both read twice"),
        pytest.param(lambda w, v: (w * v,) * 2, lambda w, v: (w * v, w * v), id="one result twice"),
        pytest.param(
            lambda w, v: (w * v, w * v + 1), lambda w, v: (w * v, w * v + 1), id="one from other"
        ),
        pytest.param(reused, reused, id="intermediate results read again"),
        pytest.param(
            lambda w, v: (0.25, w + 1), lambda w, v: (np.full(MANY, 0.25), w + 1), id="constant"
        ),
        pytest.param(lambda w, v: (3, 1), lambda w, v: (np.full(MANY, 3.0), 1.0), id="integers"),
    ],
)
def test_results_may_be_the_inputs_in_any_order(
    backend: Backend, rule: Rule, expected: Rule, rng: np.random.Generator
) -> None:
    w, v = vectors(rng, 2, MANY, np.float64)
    after = apply(backend, rule, [w, v], outputs=(0, 1))
    for got, right in zip(after, expected(w, v), strict=True):
        # A GPU rounds a product and a sum at once: that shows where the two nearly cancel.
        np.testing.assert_allclose(got, right, rtol=1e-15, atol=0 if backend.on_host else 1e-15)


def test_a_cycle_of_three_moves_every_value(backend: Backend, rng: np.random.Generator) -> None:
    arrays = vectors(rng, 3, MANY, np.float64)
    after = apply(backend, lambda a, b, c: (b, c, a), arrays, outputs=(0, 1, 2))
    for got, right in zip(after, arrays[1:] + arrays[:1], strict=True):
        np.testing.assert_array_equal(got, right)


def test_scalars_can_be_results(backend: Backend) -> None:
    arrays = [np.zeros(4), np.zeros(4)]
    after = apply(backend, lambda w, v, lr: (lr, 1 - lr), arrays, (0.75,), outputs=(0, 1))
    np.testing.assert_array_equal(after, [[0.75] * 4, [0.25] * 4])


def test_an_output_may_be_an_array_that_is_not_read(backend: Backend) -> None:
    w, out = backend.asarray(np.arange(4.0)), backend.asarray(np.full(4, np.nan))
    backend.compile_rule(trace(lambda w: w * 2, 1, 0), [w], [out])()
    np.testing.assert_array_equal(backend.to_host(out), [0, 2, 4, 6])
    np.testing.assert_array_equal(backend.to_host(w), [0, 1, 2, 3])


def test_scalar_expressions_are_computed_once_and_in_double_precision() -> None:
    program = trace(lambda w, b: w * (1 - b) / np.sqrt(b * 2), 1, 1)
    assert [step.ufunc.__name__ for step in program.scalar_steps] == [
        "subtract",
        "multiply",
        "sqrt",
    ]
    assert [step.ufunc.__name__ for step in program.steps] == ["multiply", "divide"]
    values = program.scalar_values([0.999])
    assert [values[step.result] for step in program.scalar_steps] == [
        1 - 0.999,  # in float32, 1 - b would be off by 1e-5 of itself
        2 * 0.999,
        math.sqrt(2 * 0.999),
    ]


def test_the_number_of_scalars_is_checked(backend: Backend) -> None:
    w = backend.asarray(np.zeros(3))
    run = backend.compile_rule(trace(lambda w, a, b: w * a + b, 1, 2), [w], [w])
    with pytest.raises(UsageError, match="the rule takes 2 scalars, got 1"):
        run(1.0)


@pytest.mark.parametrize(
    "rule",
    [
        lambda w: w if w > 0 else -w,
        lambda w: max(w, 0),
        lambda w: w > 0 and w,
        lambda w: 0 < w < 1,
    ],
)
def test_branching_on_a_number_is_refused_with_an_alternative(rule: Rule) -> None:
    with pytest.raises(UsageError, match=r"cannot branch on one: write .*numpy\.maximum"):
        trace(rule, 1, 0)


@pytest.mark.parametrize(
    ("rule", "name"),
    [
        (np.sin, "sin"),
        (lambda w: w % 2, "remainder"),
        (lambda w: w == 0, "equal"),
        (lambda w: (w > 0) & (w < 1), "bitwise_and"),
        (np.add.reduce, "add"),
        (lambda w: np.add(w, w, where=True), "add"),
    ],
)
def test_functions_outside_the_list_are_refused_by_name(rule: Rule, name: str) -> None:
    with pytest.raises(UsageError, match=rf"cannot use numpy\.{name}: it may use .*sqrt, power"):
        trace(rule, 1, 0)


@pytest.mark.parametrize(
    "rule",
    [
        lambda w: np.where(w > 0, w, 0),
        lambda w: w / np.mean(w),
        lambda w: w / np.linalg.norm(w),
        lambda w: w - np.sum(w),
        lambda w: math.sqrt(w),
        lambda w: float(w) + 1,
    ],
    ids=["where", "mean", "norm", "sum", "math.sqrt", "float"],
)
def test_functions_of_whole_arrays_or_plain_numbers_are_refused(rule: Rule) -> None:
    # A rule sees one number: its "mean" would be that number, without an error.
    with pytest.raises(UsageError, match=r"^a rule "):
        trace(rule, 1, 0)


def test_powers_with_cheap_forms_are_recorded_as_those() -> None:
    def names(rule: Rule) -> list[str]:
        return [step.ufunc.__name__ for step in trace(rule, 1, 0).steps]

    assert names(lambda w: w**2) == ["square"]
    assert names(lambda w: w**0.5) == ["sqrt"]
    assert names(lambda w: w**3) == ["power"]
    assert names(lambda w: 2**w) == ["power"]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", OPERATIONS)
def test_numpy_and_the_kernel_text_agree_on_every_operation(name: str, dtype: type) -> None:
    rule, count = operation(name)
    arrays = operands(name, count, dtype)
    expected = np.asarray(getattr(np, name)(*arrays), dtype)
    for backend in (host_backend(), CupyBackend(strict_cupy)):
        np.testing.assert_array_equal(apply(backend, rule, arrays)[0], expected)


# Straight programs of exactly rounded operations: each step names an operation and two of the
# values there are by then, arguments and constants first.
EXACT = {
    "negative": 1,
    "positive": 1,
    "absolute": 1,
    "sign": 1,
    "square": 1,
    "add": 2,
    "subtract": 2,
    "multiply": 2,
    "maximum": 2,
    "minimum": 2,
    "greater": 2,
    "less_equal": 2,
}
ARRAYS = 3
places = st.integers(0, 20)
lines = st.lists(st.tuples(st.sampled_from(sorted(EXACT)), places, places), max_size=9)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(lines, st.tuples(*[places] * ARRAYS), st.permutations(range(ARRAYS)))
def test_random_rules_agree_with_numpy(
    program: list[tuple[str, int, int]], results: tuple[int, ...], order: list[int]
) -> None:
    rng = np.random.default_rng(11)
    arrays = [rng.integers(-4, 5, BLOCK_BYTES // 8 + 3) / 2.0 for _ in range(ARRAYS)]
    scalars = (0.75, -1.25)

    def rule(*arguments: Any) -> Any:
        values = [*arguments, 0.5, -1.0]
        for name, *inputs in program:
            chosen = [values[i % len(values)] for i in inputs[: EXACT[name]]]
            values.append(1.0 * getattr(np, name)(*chosen))  # comparisons give the number 0 or 1
        return tuple(values[::-1][i % len(values)] for i in results)

    expected = rule(*arrays, *scalars)
    for backend in (host_backend(), CupyBackend(strict_cupy)):
        after = apply(backend, rule, arrays, scalars, outputs=tuple(order))
        for i, right in zip(order, expected, strict=True):
            np.testing.assert_array_equal(after[i], np.broadcast_to(right, after[i].shape))
