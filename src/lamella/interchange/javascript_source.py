"""Predictor as one file of plain JavaScript, for pages and for node."""

import json
import re

import numpy as np

from lamella.interchange.c_source import LIBRARY, functions
from lamella.interchange.description import Description
from lamella.interchange.graph import Graph
from lamella.interchange.numpy_source import base64_lines

MOST_BYTES = 390_000_000  # of weights, whose base64 fits into a string of 2^29 characters
SOURCE = """\
/*
{head}
*/
"use strict";
(() => {{
const classNames = {class_names};

function predict(given) {{
    const y = new {type}({out_size});
    compute(input(given), y);
    return y;
}}

function layers(given) {{
    return compute(input(given), new {type}({out_size}));
}}

function input(given) {{
    if (given.length !== {size}) throw new RangeError("expected {size} numbers");
    const bytes = given instanceof Uint8Array || given instanceof Uint8ClampedArray;
    const x = new {type}({size});
    for (let i = 0; i < {size}; i++) x[i] = bytes ? given[i] / 255 : given[i];
    return x;
}}

{code}function array(text) {{
    const letters = atob(text), bytes = new Uint8Array(letters.length);
    for (let i = 0; i < bytes.length; i++) bytes[i] = letters.charCodeAt(i);
    return new {type}(bytes.buffer);
}}

{arrays}
const model = {{ predict, layers, classNames }};
if (typeof module === "object" && module.exports) module.exports = model;
else globalThis.{name} = model;
}})();
"""


def javascript_source(description: Description, name: str) -> str:
    """Return the predictor as the text of a script, which defines ``name`` in a page."""
    d, (size, out_size) = description, description.sizes
    d.expect_size(MOST_BYTES, "and node reads scripts of up to 0.5 GB of text, a third longer")
    kind = "Float32Array" if d.dtype == np.float32 else "Float64Array"
    # JavaScript differs from C in declarations and in the names of functions.
    code = functions(d.graph, "void compute(double *x, double *y)", "double", "")
    code = re.sub(r"^(?:static )?\w+ (\w+)\((.*?)\) {", _signature, code, flags=re.M)
    code = re.sub(r"(?:static )?double (\w+)\[(\d+)\];", rf"const \1 = new {kind}(\2);", code)
    code = re.sub(rf"\b({'|'.join(LIBRARY.values())})\(", r"Math.\1(", code)
    code = re.sub(r"\bint\b", "let", code.replace("Math.fabs(", "Math.abs("))
    code = code.rstrip().removesuffix("}") + f"    {_outputs(d.graph)}\n}}\n\n"
    usage = [
        f"In a page, this script defines {name}; in node, write {name} = require(its path).",
        f"{name}.predict(x) takes one sample x, an array of {size} numbers, and returns an",
        f"array of {out_size}. {name}.layers(x) returns the outputs of each layer by its name, and",
        f"{name}.classNames are the names of the classes.",
    ]
    arrays = [
        f"const {key} = array(`\n{base64_lines(array, d.dtype)}`);"
        for key, array in d.graph.arrays.items()
    ]
    return SOURCE.format(
        head=d.head(*usage),
        class_names=json.dumps(d.class_names).replace("<", "\\u003c"),
        code=code,
        type=kind,
        arrays="\n".join(arrays),
        size=size,
        out_size=out_size,
        name=name,
    )


def _outputs(graph: Graph) -> str:
    """Return the statement that returns the outputs of each layer that computes something."""
    outputs = [
        f'"{operation.label}": h{i}'
        for i, operation in enumerate(graph.operations)
        if operation.label and operation.kind != "reshape"
    ]
    return f"return {{ {', '.join(outputs)} }};"


def _signature(match: re.Match[str]) -> str:
    """Return the signature of a function without types."""
    names = re.findall(r"(\w+)(?:,|$)", match[2])
    return f"function {match[1]}({', '.join(names)}) {{"
