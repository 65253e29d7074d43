"""Rules as tasks: every operation, rows that serve all rows, numbers from words and tables."""

from typing import Any

import numpy as np
import pytest

from lamella.backend.cupy.graph_backend import GraphBackend
from lamella.backend.cupy.rule_tasks import RuleTasks, after_product, is_rule
from lamella.backend.cupy.tape import copy_words
from lamella.backend.cupy.task import THREADS, Function
from lamella.backend.elementwise import OPERATIONS, trace
from lamella.testing import strict_cupy
from tests.backend.cupy.graphs import graph_backend
from tests.backend.cupy.test_cupy_backend import TRANSCENDENTAL, operands

DTYPES = [np.float32, np.float64]
BINARY = [name for name in OPERATIONS if getattr(np, name).nin == 2]
UNARY = [name for name in OPERATIONS if getattr(np, name).nin == 1]


@pytest.fixture(params=["strict", pytest.param("cupy", marks=pytest.mark.gpu)])
def backend(request: pytest.FixtureRequest) -> GraphBackend:
    return graph_backend(request.param)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("names", [UNARY, BINARY], ids=["one argument", "two arguments"])
def test_operations_are_those_of_numpy(backend: GraphBackend, names: list[str], dtype: Any) -> None:
    """All in one kernel, each of its own arguments in turn."""
    count = getattr(np, names[0]).nin
    program = trace(lambda *x: tuple(getattr(np, name)(*x) for name in names), count, 0)
    for name in names:
        arrays = operands(name, count, dtype)
        outputs = [backend.zeros(arrays[0].size, dtype) for _ in names]
        task = RuleTasks(program).task(outputs, [backend.asarray(x) for x in arrays], ())
        backend.launch(task)
        got = backend.to_host(outputs[names.index(name)])
        expected = np.asarray(getattr(np, name)(*arrays), dtype)
        rounding = 4 if name in TRANSCENDENTAL else 0
        np.testing.assert_allclose(got, expected, rtol=rounding * np.finfo(dtype).eps)


def test_rows_serve_all_rows_and_each_set_of_rows_has_a_function(backend: GraphBackend) -> None:
    x, row = np.arange(12.0).reshape(3, 4), np.array([1.0, 2, 3, 4])
    rule = RuleTasks(trace(lambda x, y: x * y, 2, 0))
    out = backend.zeros(12, "float64").reshape(3, 4)
    arrays = backend.asarray(x), backend.asarray(row)
    both = rule.task([out], arrays, ()), rule.task([out], [arrays[0]] * 2, ())
    for task, expected in zip(both, (x * row, x * x), strict=True):
        backend.launch(task)
        np.testing.assert_array_equal(backend.to_host(out), expected)
    assert both[0].function != both[1].function
    assert rule.task([out], arrays, ()).function == both[0].function


def test_scalars_are_read_from_words_or_from_the_row_of_a_table(backend: GraphBackend) -> None:
    rule = RuleTasks(trace(lambda x, a, b: a * x + b / 3, 1, 2))
    x, out = backend.asarray(np.ones(4)), backend.zeros(4, "float64")
    task = rule.task([out], [x], (2.0, 9.0))
    backend.launch(task)
    np.testing.assert_array_equal(backend.to_host(out), [5.0] * 4)
    assert task.numbers == [2.0, 3.0]  # what is computed of scalars alone is computed once
    table = np.zeros((1024, 5))
    table[7, 2:4] = 10, 1
    count = backend.asarray(np.array([1024 + 7], "i4"))  # the table is used again from its start
    words = copy_words(task, backend.asarray(table), count, 5, 2)
    backend.kernels(out.dtype).kernel([task.function])((1,), (THREADS,), (words,))
    np.testing.assert_array_equal(backend.to_host(out), [11.0] * 4)


def test_a_rule_of_more_numbers_than_words_does_not_fit() -> None:
    many = trace(lambda x, *s: sum(s, x), 1, 25)
    most = trace(lambda x, *s: sum(s, x), 1, 24)
    assert not RuleTasks(many).fits
    assert RuleTasks(most).fits
    backend = graph_backend()
    x = strict_cupy.ones(3)
    backend.map(many)(x, (x,), [1.0] * 25)  # falls back
    np.testing.assert_array_equal(x.get(), [26.0] * 3)


def test_rules_are_known_by_name() -> None:
    x = strict_cupy.ones(3)
    function = RuleTasks(trace(lambda x: 2 * x, 1, 0)).task([x], [x], ()).function
    assert is_rule(function)
    assert not is_rule(after_product(function))
    assert not is_rule(Function("product"))
