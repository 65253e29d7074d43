"""Predictor as one file of C99 that needs the standard library only."""

import math
import re

import numpy as np

from lamella.backend.elementwise import OPERATIONS
from lamella.core.typing import Shape
from lamella.interchange.description import Description
from lamella.interchange.graph import Graph
from lamella.interchange.numpy_source import LONG, OPERATORS, strip

STACK = 2**16  # numbers; larger arrays of a function are static
LIBRARY = {name: name for name in ("sqrt", "exp", "expm1", "log", "log1p", "tanh")}
LIBRARY |= {"absolute": "fabs", "power": "pow"}
FUNCTIONS = """\
static REAL maximum(REAL a, REAL b) { return a > b || a != a ? a : b; }
static REAL minimum(REAL a, REAL b) { return a < b || a != a ? a : b; }
static REAL sign(REAL a) { return (a > 0) - (a < 0); }
static void matmul(const REAL *x, int n, const REAL *W, REAL *y, int m) {
    for (int j = 0; j < m; j++) y[j] = 0;
    for (int i = 0; i < n; i++)
        if (x[i] != 0)
            for (int j = 0; j < m; j++) y[j] += x[i] * W[i * m + j];
}
static void sum(const REAL *x, int n, int width, REAL *y) {
    for (int k = 0; k < n; k += width) {
        y[k / width] = 0;
        for (int i = k; i < k + width; i++) y[k / width] += x[i];
    }
}
static void max(const REAL *x, int n, int width, REAL *y) {
    for (int k = 0; k < n; k += width) {
        y[k / width] = x[k];
        for (int i = k; i < k + width; i++) if (x[i] > y[k / width]) y[k / width] = x[i];
    }
}
"""


def c_source(description: Description, name: str) -> str:
    """Return the predictor as the text of a C file; its functions begin with ``name``."""
    d, (size, out_size) = description, description.sizes
    real, suffix = ("float", "f") if d.dtype == np.float32 else ("double", "")
    names = f"const char *const {name}_class_names[{len(d.class_names)}]"
    texts = ",\n".join(f"    {_string(text)}" for text in d.class_names)
    arrays = {f"static const {real} {key}[{a.size}]": a for key, a in d.graph.arrays.items()}
    predict = f"void {name}_predict(const {real} *x, {real} *y)"
    of_pixels = f"void {name}_predict_uint8(const unsigned char *pixels, {real} *y)"
    usage = [
        f"x has {size} numbers, and y gets {out_size}. Link with -lm, and declare:",
        *(f"  {predict};", f"  {of_pixels};"),
        *([f"  extern {names};"] if texts else []),
    ]
    parts = [
        f"/*\n{d.head(*usage)}\n*/\n\n#include <math.h>\n",
        *(f"{signature};" for signature in arrays),
        f"\n{functions(d.graph, predict, real, suffix)}{of_pixels} {{",
        f"    {_local('x', size, real)}",
        f"    for (int i = 0; i < {size}; i++) x[i] = pixels[i] / {255.0}{suffix};",
        f"    {name}_predict(x, y);\n}}\n",
        *([f"{names} = {{\n{texts}\n}};\n"] if texts else []),
        *(f"{key} = {{\n{_numbers(a.astype(d.dtype), suffix)}\n}};\n" for key, a in arrays.items()),
    ]
    return "\n".join(parts)


def functions(graph: Graph, signature: str, real: str, suffix: str) -> str:
    """Return a function that computes an array ``y`` of an array ``x``, after those that it calls.

    Elementwise results that are used once stand where they are used; all others are arrays.
    """
    operations, count = graph.operations, graph.uses()
    user = {i: operation for operation in operations for i in operation.sources}
    texts, lines = ["x"], []  # names of arrays; or expressions, if inline
    inline: set[int] = set()

    def operand(value: int | float | str, shape: Shape) -> str:
        """Return number ``i`` of an input as text, for results of ``shape``."""
        if isinstance(value, float):
            text = f"{graph.dtype.type(value)!s}{suffix}"
            return f"({text})" if value < 0 else text
        if isinstance(value, str):
            size = graph.arrays[value].size
            return f"{value}[{'i' if size == math.prod(shape) else f'i % {size}'}]"
        if value in inline:
            return texts[value]
        width, same = shape[-1], operations[value].shape == shape
        return f"{texts[value]}[{'i' if same else f'(i - i % {width}) / {width}'}]"

    for i, operation in enumerate(operations[1:], 1):
        kind, shape, first, name = operation.kind, operation.shape, operation.sources[0], f"h{i}"
        given, size = operations[first].shape, math.prod(shape)
        if kind == "reshape":
            texts.append(texts[first])
            continue
        if kind in OPERATIONS:
            values = [operand(value, shape) for value in operation.inputs]
            function = LIBRARY[kind] + suffix if kind in LIBRARY else kind
            text = f"{function}({', '.join(values)})"
            text = OPERATORS[kind].format(*values) if kind in OPERATORS else text
            fits = i in user and user[i].kind in OPERATIONS and user[i].shape == shape
            if fits and count[i] == 1 and not operation.label and len(text) < LONG:
                inline.add(i)
                texts.append(text)
                continue
            call = f"for (int i = 0; i < {size}; i++) {name}[i] = {strip(text)};"
        elif kind == "matmul":
            matrix = operation.inputs[1]
            call = f"matmul({texts[first]}, {math.prod(given)}, {matrix}, {name}, {size});"
        else:
            call = f"{kind}({texts[first]}, {math.prod(given)}, {given[-1]}, {name});"
        comment = f"  /* {operation.label} */" if operation.label else ""
        lines += [_local(name, size, real), f"{call}{comment}"]
        texts.append(name)
    size = math.prod(operations[-1].shape)
    lines.append(f"for (int i = 0; i < {size}; i++) y[i] = {texts[-1]}[i];")
    body = f"{signature} {{\n" + "".join(f"    {line}\n" for line in lines) + "}\n\n"
    blocks = re.split(r"\n(?=static)", FUNCTIONS.replace("REAL", real))
    called = [block for block in blocks if f"{block.split('(')[0].split()[-1]}(" in body]
    return "".join(f"{block.rstrip()}\n\n" for block in called) + body


def _local(name: str, size: int, real: str) -> str:
    return f"{'static ' * (size > STACK)}{real} {name}[{size}];"


def _numbers(array: np.ndarray, suffix: str) -> str:
    """Return numbers with all their digits, eight a line."""
    flat = array.reshape(-1)
    rows = (flat[i : i + 8] for i in range(0, flat.size, 8))
    return ",\n".join(", ".join(f"{value!s}{suffix}" for value in row) for row in rows)


def _string(text: str) -> str:
    """Return a string literal of UTF-8, in which only letters and digits stand for themselves."""
    codes = (
        chr(c) if chr(c).isalnum() and c < 128 else f"\\{c:03o}"
        for c in text.encode("utf-8", "replace")
    )
    return f'"{"".join(codes)}"'
