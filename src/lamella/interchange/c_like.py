"""Predictor in the common words of C and JavaScript, which differ in declarations only.

The text has REAL for a number that changes, INT for an index, and ``ARRAY name[size];``. Functions
of the mathematical library end in F, such as expF.
"""

import math
import re
from collections.abc import Callable, Sequence

from lamella.backend.elementwise import OPERATIONS
from lamella.core.typing import Shape
from lamella.interchange.graph import Graph
from lamella.interchange.numpy_source import OPERATORS, strip

LIBRARY = {"absolute": "fabsF", "power": "powF"}
LIBRARY.update((name, f"{name}F") for name in ("sqrt", "exp", "expm1", "log", "log1p", "tanh"))
FUNCTIONS = """\
static REAL maximum(REAL a, REAL b) { return a > b || a != a ? a : b; }
static REAL minimum(REAL a, REAL b) { return a < b || a != a ? a : b; }
static REAL sign(REAL a) { return (a > 0) - (a < 0); }
static REAL square(REAL a) { return a * a; }
static void matmul(const REAL *x, int n, const REAL *W, REAL *y, int m) {
    for (INT j = 0; j < m; j++) y[j] = 0;
    for (INT i = 0; i < n; i++)
        if (x[i] != 0)
            for (INT j = 0; j < m; j++) y[j] += x[i] * W[i * m + j];
}
static void sum(const REAL *x, int n, int width, REAL *y) {
    for (INT k = 0; k < n; k += width) {
        y[k / width] = 0;
        for (INT i = k; i < k + width; i++) y[k / width] += x[i];
    }
}
static void max(const REAL *x, int n, int width, REAL *y) {
    for (INT k = 0; k < n; k += width) {
        y[k / width] = x[k];
        for (INT i = k; i < k + width; i++) if (x[i] > y[k / width]) y[k / width] = x[i];
    }
}
"""


def body(graph: Graph, number: Callable[[float], str]) -> list[str]:
    """Return statements that compute an array ``y`` from an array ``x``.

    Elementwise results that are used once stand where they are used; all others are arrays.
    """
    operations, count, lines = graph.operations, graph.uses(), []
    inline = {
        i
        for operation in operations
        for i in operation.inputs
        if isinstance(i, int) and {operation.kind, operations[i].kind} <= OPERATIONS.keys()
        if operation.shape == operations[i].shape and count[i] == 1 and not operations[i].label
    }
    texts = ["x"]  # expressions if inline, else names of arrays

    def operand(value: int | float | str, shape: Shape) -> str:
        """Return number ``i`` of an input as text, for results of ``shape``."""
        if isinstance(value, float):
            return number(value)
        if isinstance(value, str):
            size = graph.arrays[value].size
            return f"{value}[{'i' if size == math.prod(shape) else f'i % {size}'}]"
        if value in inline:
            return texts[value]
        width = shape[-1]
        same = operations[value].shape == shape
        return f"{texts[value]}[{'i' if same else f'(i - i % {width}) / {width}'}]"

    for i, operation in enumerate(operations[1:], 1):
        kind, inputs, size = operation.kind, operation.inputs, math.prod(operation.shape)
        name = "y" if i == len(operations) - 1 else f"h{i}"
        comment = f"  /* {operation.label} */" if operation.label else ""
        if kind in OPERATIONS:
            values = [operand(value, operation.shape) for value in inputs]
            call = f"{LIBRARY.get(kind, kind)}({', '.join(values)})"
            text = OPERATORS[kind].format(*values) if kind in OPERATORS else call
            if i in inline:
                texts.append(text)
                continue
            call = f"for (INT i = 0; i < {size}; i++) {name}[i] = {strip(text)};"
        else:
            first = int(inputs[0])
            given, width = math.prod(operations[first].shape), operations[first].shape[-1]
            if kind == "reshape":
                texts.append(texts[first])
                continue
            detail = f"{inputs[1]}, {name}, {size}" if kind == "matmul" else f"{width}, {name}"
            call = f"{kind}({texts[first]}, {given}, {detail});"
        lines += [f"ARRAY {name}[{size}];"] * (name != "y") + [f"{call}{comment}"]
        texts.append(name)
    if texts[-1] != "y":
        size = math.prod(operations[-1].shape)
        lines.append(f"for (INT i = 0; i < {size}; i++) y[i] = {texts[-1]}[i];")
    return lines


def functions(text: str) -> str:
    """Return those of `FUNCTIONS` that a text calls."""
    blocks = re.split(r"\n(?=static)", FUNCTIONS)
    called = [block for block in blocks if f"{block.split('(')[0].split()[-1]}(" in text]
    return "".join(f"{block.rstrip()}\n\n" for block in called)


def function(signature: str, lines: Sequence[str]) -> str:
    """Return the text of a function."""
    return "\n".join([f"{signature} {{", *(f"    {line}" for line in lines), "}", "", ""])
