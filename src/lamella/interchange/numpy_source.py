"""Predictor as one file of Python that needs numpy only."""

import base64

import numpy as np

from lamella.interchange.description import Description
from lamella.interchange.graph import Graph

# Operators of numpy, C and JavaScript; all other operations are functions.
_SIGNS = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/"}
COMPARISONS = {"greater": ">", "greater_equal": ">=", "less": "<", "less_equal": "<="}
OPERATORS = {name: f"({{}} {sign} {{}})" for name, sign in (_SIGNS | COMPARISONS).items()}
OPERATORS["negative"] = "(-{})"
LONG = 200  # characters of an expression; one that is longer becomes a statement
SOURCE = '''"""{head}
"""

import base64

import numpy as np

DTYPE = "{dtype}"
CLASS_NAMES = {class_names}


def predict(x):
    """Return the outputs of samples x (N, ...)."""
    x = np.asarray(x)
    if x.ndim < 2 or np.prod(x.shape[1:]) != {size}:
        raise ValueError(f"x must have shape (N, {in_shape}), got {{x.shape}}")
    divisor = np.asarray(255 if x.dtype == np.uint8 else 1, DTYPE)
    x = x.reshape(-1, {in_shape}).astype(DTYPE) / divisor
{statements}


def array(text, *shape):
    """Return an array of base64."""
    return np.frombuffer(base64.b64decode(text), DTYPE).reshape(shape)


{arrays}'''


def numpy_source(description: Description) -> str:
    """Return the predictor as the text of a Python module."""
    d = description
    arrays = [
        f'{name} = array("""\n{base64_lines(array, d.dtype)}""", {str(array.shape)[1:-1]})\n'
        for name, array in d.graph.arrays.items()
    ]
    return SOURCE.format(
        head=d.head("predict(x) takes samples x of shape (N, ...)."),
        dtype=d.dtype.newbyteorder("<").str,
        class_names=ascii(d.class_names),
        size=d.sizes[0],
        in_shape=str(d.shapes[0])[1:-1].rstrip(","),
        statements=_statements(d.graph),
        arrays="".join(arrays),
    )


def base64_lines(array: np.ndarray, dtype: np.dtype) -> str:
    """Return the bytes of an array, little-endian, as lines of base64."""
    text = base64.b64encode(array.astype(dtype.newbyteorder("<")).tobytes()).decode()
    return "\n".join(text[i : i + 100] for i in range(0, len(text), 100))


def _statements(graph: Graph) -> str:
    """Return statements; results that are used once stand where they are used."""
    texts, lines, uses = ["x"], [], graph.uses()
    for number, operation in enumerate(graph.operations[1:], 1):
        kind = operation.kind
        inputs = [texts[i] if isinstance(i, int) else str(i) for i in operation.inputs]
        if kind == "matmul":
            text = f"({inputs[0]} @ {inputs[1]})"
        elif kind == "reshape":
            text = f"{inputs[0]}.reshape(-1, {str(operation.shape)[1:-1].rstrip(',')})"
        elif kind in ("max", "sum"):
            text = f"{inputs[0]}.{kind}(axis=-1, keepdims=True)"
        elif kind in OPERATORS:
            text = OPERATORS[kind].format(*inputs) + ".astype(DTYPE)" * (kind in COMPARISONS)
        else:
            text = f"np.{kind}({', '.join(inputs)})"
        if operation.label or uses[number] > 1 or len(text) > LONG:
            comment = f"  # {operation.label}" if operation.label else ""
            lines.append(f"    h{number} = {strip(text)}{comment}")
            text = f"h{number}"
        texts.append(text)
    return "\n".join([*lines, f"    return {texts[-1]}"])


def strip(text: str) -> str:
    """Return an expression without the parentheses around all of it."""
    depth = [text.count("(", 0, i) - text.count(")", 0, i) for i in range(1, len(text))]
    return text[1:-1] if text[0] == "(" and min(depth) > 0 else text
