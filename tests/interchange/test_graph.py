"""The trace refuses what exports do not know, instead of writing something else."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lamella.core.errors import UsageError
from lamella.interchange.graph import Graph, Symbol

W = np.ones((6, 3), "float32")


def traced(function: Callable[[Any], Any], shape: tuple[int, ...] = (6,)) -> Graph:
    graph = Graph(shape, np.dtype("float32"), {"1.Dense.W": W})
    y = function(Symbol(graph, 0))
    graph.apply(lambda _: y, Symbol(graph, 0), getattr(y, "shape", shape), "1 Dense")
    return graph


def test_operations_name_their_inputs() -> None:
    graph = traced(lambda x: np.maximum(x @ W * 2, 0))
    assert [(op.kind, op.inputs, op.shape) for op in graph.operations[1:]] == [
        ("matmul", (0, "layer_W"), (3,)),
        ("multiply", (1, 2.0), (3,)),
        ("maximum", (2, 0.0), (3,)),
    ]
    assert graph.arrays["layer_W"] is W
    assert graph.operations[-1].label == "1 Dense"


@pytest.mark.parametrize(
    ("function", "shape", "text"),
    [
        (lambda x: np.cumsum(x), (6,), "no numpy.cumsum"),
        (lambda x: np.sin(x), (6,), "no numpy.sin"),
        (lambda x: np.add.reduce(x), (6,), "no numpy.add with reduce"),
        (lambda x: W.T @ x, (6,), "x @ W"),
        (lambda x: x @ W, (2, 6), "x @ W"),
        (lambda x: x @ x, (6,), "x @ W"),
        (lambda x: x.sum(axis=0, keepdims=True), (6,), r"sum\(axis=-1, keepdims=True\) only"),
        (lambda x: x.max(axis=-1, keepdims=False), (6,), r"max\(axis=-1, keepdims=True\) only"),
        (lambda x: x + np.ones((2, 6)), (6,), "do not broadcast"),
        (lambda x: x + np.ones((4, 1)), (4, 6), "do not broadcast"),
        (lambda x: x * np.nan, (6,), "no NaN or infinite numbers"),
        (lambda x: x * 1e39, (6,), "no NaN or infinite numbers"),
        (lambda x: x * np.full(6, np.inf), (6,), "no NaN or infinite numbers"),
        (lambda x: np.ones(6), (6,), "does not depend on the input"),
    ],
)
def test_unknown_operations_are_refused(
    function: Callable[[Any], Any], shape: tuple[int, ...], text: str
) -> None:
    with pytest.raises(UsageError, match=text), np.errstate(over="ignore"):
        traced(function, shape)


def test_equal_names_of_arrays_differ_in_the_graph() -> None:
    graph = traced(lambda x: x + np.arange(6.0) - np.arange(6.0) ** 2)
    assert [*graph.arrays] == ["layer_constant", "layer_constant_"]
