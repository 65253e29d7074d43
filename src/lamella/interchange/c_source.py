"""Predictor as one file of C99 that needs the standard library only."""

import re

import numpy as np

from lamella.interchange.c_like import body, function, functions
from lamella.interchange.description import Description

STACK = 2**16  # numbers; larger arrays of a function are static


def c_source(description: Description, name: str) -> str:
    """Return the predictor as the text of a C file; its functions begin with ``name``."""
    d, (size, out_size) = description, description.sizes
    real, suffix = ("float", "f") if d.dtype == np.float32 else ("double", "")

    def number(value: float) -> str:
        text = f"{d.dtype.type(value)!s}{suffix}"
        return f"({text})" if value < 0 else text

    images = f"for (INT i = 0; i < {size}; i++) x[i] = pixels[i] / {number(255)};"
    made = {
        f"void {name}_predict(const {real} *x, {real} *y)": body(d.graph, number),
        f"void {name}_predict_uint8(const unsigned char *pixels, {real} *y)": [
            *(f"ARRAY x[{size}];", images, f"{name}_predict(x, y);")
        ],
    }
    code = "".join(function(signature, lines) for signature, lines in made.items())
    code = functions(code) + code
    names = f"const char *const {name}_class_names[{len(d.class_names)}]"
    texts = ",\n".join(f"    {_string(text)}" for text in d.class_names)
    arrays = {f"static const {real} {key}[{a.size}]": a for key, a in d.graph.arrays.items()}
    usage = [
        f"x has {size} numbers, and y gets {out_size}. Link with -lm, and declare:",
        *(f"  {signature};" for signature in made),
        *([f"  extern {names};"] if texts else []),
    ]
    parts = [
        f"/*\n{d.head(*usage)}\n*/\n\n#include <math.h>\n",
        *(f"{signature};" for signature in arrays),
        *("", _in_c(code, real)),
        *([f"{names} = {{\n{texts}\n}};\n"] if texts else []),
        *(f"{key} = {{\n{_numbers(a.astype(d.dtype), suffix)}\n}};\n" for key, a in arrays.items()),
    ]
    return "\n".join(parts)


def _in_c(text: str, real: str) -> str:
    """Replace the words of `lamella.interchange.c_like` by those of C."""

    def array(match: re.Match[str]) -> str:
        return f"{'static ' * (int(match[2]) > STACK)}{real} {match[1]}[{match[2]}];"

    text = re.sub(r"\bARRAY (\w+)\[(\d+)\];", array, text)
    text = re.sub(r"\b([a-z0-9]+)F\(", r"\1f(" if real == "float" else r"\1(", text)
    return re.sub(r"\bINT\b", "int", re.sub(r"\bREAL\b", real, text))


def _numbers(array: np.ndarray, suffix: str) -> str:
    """Return numbers with all their digits, eight a line."""
    texts = [f"{value!s}{suffix}" for value in array.reshape(-1)]
    return ",\n".join(", ".join(texts[i : i + 8]) for i in range(0, len(texts), 8))


def _string(text: str) -> str:
    """Return a string literal of UTF-8, in which only letters and digits stand for themselves."""
    codes = (
        chr(c) if chr(c).isalnum() and c < 128 else f"\\{c:03o}"
        for c in text.encode("utf-8", "replace")
    )
    return f'"{"".join(codes)}"'
