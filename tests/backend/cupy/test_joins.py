"""Tasks are joined where that changes no number, and only there."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lamella.backend.cupy.cublas import cublas_of
from lamella.backend.cupy.graph_backend import GraphBackend
from lamella.backend.cupy.graphs import TapeReplay
from lamella.backend.cupy.joins import Node, join
from lamella.backend.cupy.noted_array import noted
from lamella.backend.cupy.products import large_product
from lamella.backend.cupy.tape import Tape, note_on
from lamella.backend.elementwise import trace
from lamella.testing.strict_cupy.raw_kernels import thread_order
from tests.backend.cupy.graphs import graph_backend

SIDE = 40  # several tiles
Work = Callable[[GraphBackend, dict[str, Any]], None]
DOUBLE = trace(lambda x: 2 * x, 1, 0)
SUM = trace(lambda x, y: x + y, 2, 0)


def memory(backend: GraphBackend) -> dict[str, Any]:
    """Return square matrices a to h and vectors u to w of random numbers."""
    rng = np.random.default_rng(0)
    shapes = {**dict.fromkeys("abcdefgh", (SIDE, SIDE)), **dict.fromkeys("uvw", (SIDE,))}
    return {
        name: noted(backend.asarray(rng.standard_normal(shape).astype("f4")))
        for name, shape in shapes.items()
    }


def map_to(out: str, *arrays: str) -> Work:
    program = DOUBLE if len(arrays) == 1 else SUM
    return lambda backend, m: backend.map(program)(m[out], [m[name] for name in arrays], ())


def product(a: str, b: str, out: str, bias: str | None = None) -> Work:
    return lambda backend, m: backend.dot(m[a], m[b], m[out], bias and m[bias])


def turned(a: str, b: str, out: str) -> Work:
    return lambda backend, m: backend.dot(m[a].T, m[b].T, m[out])


def sums(matrix: str, out: str) -> Work:
    return lambda backend, m: backend.sum_rows(m[matrix], m[out])


def large(a: str, b: str, out: str) -> Work:
    def do(backend: GraphBackend, m: dict[str, Any]) -> None:
        workspace = cublas_of(backend._xp).workspace()
        backend.do(large_product(m[a], m[b], m[out], workspace), m[a], m[b], m[out])

    return do


# What is done, and the names of the functions of each kernel; R is a rule, P a product.
CASES: dict[str, tuple[list[Work], list[str]]] = {
    "a rule of a product": ([product("a", "b", "c", "u"), map_to("d", "c", "a")], ["PR"]),
    "in place": ([product("a", "b", "c"), map_to("c", "c")], ["PR"]),
    "with a row": ([product("a", "b", "c"), map_to("d", "c", "u")], ["PR"]),
    "over a factor": ([product("a", "b", "c"), map_to("a", "c")], ["P", "R"]),
    "of other numbers": ([product("a", "b", "c"), map_to("d", "a")], ["P|R"]),
    "over the result": ([product("a", "b", "c"), map_to("c", "d")], ["PR"]),
    "two rules": ([product("a", "b", "c"), map_to("d", "c"), map_to("e", "d")], ["PR", "R"]),
    "sums of a factor": ([product("a", "b", "c"), sums("b", "u")], ["P"]),
    "sums of a turned factor": ([turned("a", "b", "c"), sums("b", "u")], ["P|sum_rows"]),
    "sums of the other factor": ([product("a", "b", "c"), sums("a", "u")], ["P|sum_rows"]),
    "a rule with a row of sums": (
        [product("a", "b", "c"), sums("b", "u"), map_to("d", "c", "u")], ["P", "R"],
    ),
    "a layer's gradients": (
        [turned("a", "b", "c"), sums("b", "u"), product("b", "d", "e"), map_to("f", "e", "g")],
        ["P|sum_rows|PR"],
    ),
    "side by side": ([product("a", "b", "c"), product("a", "b", "d")], ["P|P"]),
    "one after another": ([product("a", "b", "c"), product("c", "b", "d")], ["P", "P"]),
    "over what is read": ([product("a", "b", "c"), product("d", "e", "a")], ["P", "P"]),
    "small in a row": ([map_to("u", "v"), map_to("v", "u"), map_to("w", "u")], ["R;R;R"]),
    "five small": ([map_to("u", "v")] * 5, ["R;R;R;R", "R"]),
    "small and large": ([map_to("u", "v"), map_to("c", "c"), map_to("v", "u")], ["R|R", "R"]),
    "cuBLAS, then others": (
        [large("a", "b", "c"), map_to("d", "c"), sums("b", "u")], ["large_product", "R|sum_rows"],
    ),
    "cuBLAS among small": (
        [map_to("u", "v"), large("a", "b", "c"), map_to("v", "u")], ["R", "large_product", "R"],
    ),
    "cuBLAS after cuBLAS": (
        [large("a", "b", "c"), large("a", "b", "d")], ["large_product", "large_product"],
    ),
}  # fmt: skip


def kernel_names(nodes: list[Node]) -> list[str]:
    def short(name: str) -> str:
        return {"product": "P", "rule": "R"}.get(name, "PR" if "product_" in name else name)

    names = [[f.name if "_" in f.name and f.name[:4] != "rule" else f.name[:7] for f in n.functions]
             for n in nodes]  # fmt: skip
    found = []
    for node, several in zip(nodes, names, strict=True):
        words = [short("rule" if name.startswith("rule") else name) for name in several]
        found.append(("|" if node.beside else ";").join(words))
    return found


@pytest.mark.parametrize("name", CASES)
def test_tasks_are_joined_where_no_number_changes(name: str) -> None:
    work, expected = CASES[name]
    backend = graph_backend()
    eager = memory(backend)
    for each in work:
        each(backend, eager)
    found = memory(backend)
    tape = Tape(backend.zeros(1, "int32"))
    with note_on(tape):
        for each in work:
            each(backend, found)
    assert not tape.obstacle
    replay = TapeReplay(backend._xp, tape, backend.kernels)
    assert kernel_names(join(replay._list_nodes())) == expected
    for order in (0, 1, 2):
        for key, array in memory(backend).items():
            found[key].set(backend.to_host(array))
        with thread_order(order):
            replay()
        for key, array in eager.items():
            np.testing.assert_array_equal(
                backend.to_host(found[key]), backend.to_host(array), err_msg=key
            )
