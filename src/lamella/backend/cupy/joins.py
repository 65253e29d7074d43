"""Join the tasks of a tape into fewer kernels. Each number is computed as before: the bits stay."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lamella.backend.cupy.rule_tasks import after_product, is_rule
from lamella.backend.cupy.task import LARGE_PRODUCT, Function, Span

RULE_AT = 12  # word of a product from which on those of the rule begin
MOST_TASKS = 4  # of a kernel
MOST_TILES = 4  # of a task that one block does: it takes little longer than a launch


@dataclass
class Node:
    """Tasks that one kernel does, side by side or in a row.

    ``function``, ``tiles`` and ``words`` have one for each task. ``reads`` includes ``writes``.
    """

    functions: list[Function]
    dtype: Any
    tiles: list[int]
    words: list[np.ndarray]
    reads: list[Span]
    writes: list[Span]
    beside: bool = False


def kind_of(nodes: Sequence[Node]) -> tuple[Any, ...]:
    """Return all but the words of nodes: networks of one kind can share their launches."""
    return tuple(
        (tuple(each.name for each in node.functions), node.dtype, tuple(node.tiles), node.beside)
        for node in nodes
    )


def join(nodes: Sequence[Node]) -> list[Node]:
    """Join nodes of one task each, in their order."""
    found = _neighbours(nodes, _fuse)
    found = _neighbours(found, _in_a_row)
    return _neighbours(found, _side_by_side)


def _neighbours(nodes: Sequence[Node], pair: Any) -> list[Node]:
    """Replace each two nodes in a row by the node that ``pair`` returns, unless it is None."""
    found: list[Node] = []
    for node in nodes:
        both = pair(found[-1], node) if found else None
        found[-1:] = [both] if both else [*found[-1:], node]
    return found


def _fuse(first: Node, second: Node) -> Node | None:
    """Give a product the sum of its second factor's rows, or a rule for its result."""
    if first.functions[0].name != "product" or first.dtype != second.dtype:
        return None
    (function,), product, words = second.functions, first.words[0]["w"][0], second.words[0]["w"][0]
    joined = first.words[0].copy()
    if function.name == "sum_rows":
        same = product[1] == words[1] and (product[6:8] == words[6:8]).all()
        is_whole = product[10] == product[6] and product[11] == 1  # its rows lie one after another
        is_free = _apart(second.writes, first.reads)
        if not (same and is_whole and is_free) or product[4]:
            return None
        joined["w"][0, 4] = words[4]
        fused = first.functions[0]
    elif is_rule(function):
        # A block has its own numbers of the result alone, and others may still read the factors.
        out, end = _result(first), second.writes
        others = [span for span in second.reads if span != out]
        is_of_result = out in second.reads and words[5] == product[5] * product[6]
        is_free = len(end) == 1 and (end == [out] or _apart(end, first.reads))
        fits = not words[32 - RULE_AT :].any()
        if not (is_of_result and is_free and fits and _apart(others, first.writes)):
            return None
        joined["w"][0, RULE_AT:] = words[: 32 - RULE_AT]
        fused = after_product(function)
    else:
        return None
    return Node(
        [fused], first.dtype, first.tiles, [joined],
        [*first.reads, *second.reads], [*first.writes, *second.writes],
    )  # fmt: skip


def _result(product: Node) -> Span:
    address = int(product.words[0]["w"][0, 2])
    return next(span for span in product.writes if span[0] == address)


def _in_a_row(first: Node, second: Node) -> Node | None:
    """Let one block do small tasks one after another."""
    small = [
        tiles <= MOST_TILES and not function.name.startswith("product")
        for node in (first, second)
        for function, tiles in zip(node.functions, node.tiles, strict=True)
    ]
    return _several(first, second, beside=False) if all(small) else None


def _side_by_side(first: Node, second: Node) -> Node | None:
    """Let blocks of one kernel do tasks that do not depend on each other."""
    if any(len(node.functions) > 1 and not node.beside for node in (first, second)):
        return None
    apart = _apart(first.writes, second.reads) and _apart(second.writes, first.reads)
    return _several(first, second, beside=True) if apart else None


def _several(first: Node, second: Node, beside: bool) -> Node | None:
    dtypes = {node.dtype for node in (first, second)} - {None}
    functions = [*first.functions, *second.functions]
    if len(dtypes) > 1 or len(functions) > MOST_TASKS or LARGE_PRODUCT in functions:
        return None
    return Node(
        functions,
        next(iter(dtypes), None),
        [*first.tiles, *second.tiles],
        [*first.words, *second.words],
        [*first.reads, *second.reads],
        [*first.writes, *second.writes],
        beside,
    )


def _apart(some: Sequence[Span], others: Sequence[Span]) -> bool:
    """Whether no memory of some lies in that of others."""
    return all(a[1] <= b[0] or b[1] <= a[0] for a in some for b in others)
