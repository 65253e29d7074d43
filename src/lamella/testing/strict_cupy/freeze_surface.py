"""Write surface.json anew: which functions, methods and keywords the installed CuPy has.

Run it where cupy is installed (no GPU is needed): python freeze_surface.py surface.json
"""

import inspect
import json
import re
import sys
from typing import Any

import cupy
import numpy


def from_signature(function: Any) -> dict[str, Any]:
    parameters = inspect.signature(function).parameters.values()
    return {
        "params": [p.name for p in parameters if p.kind in (0, 1, 3) and p.name != "self"],
        "varargs": any(p.kind == p.VAR_POSITIONAL for p in parameters),
        "varkw": any(p.kind == p.VAR_KEYWORD for p in parameters),
    }


def from_docstring(function: Any) -> dict[str, Any] | None:
    """Cython methods have no signature, but their docstring begins with one."""
    line = (function.__doc__ or "").strip().split("\n")[0]
    match = re.match(r"[\w.]+\((.*)\)", line)
    if match is None:
        return None
    parts = [part.strip() for part in re.split(r",\s*(?![^(\[]*[)\]])", match.group(1))]
    names = [part.split("=")[0].split()[-1] for part in parts if part and part[0] not in "*/\\"]
    return {
        "params": [name for name in names if name != "self"],
        "varargs": any(part.startswith("*") and part[1:2].isalpha() for part in parts),
        "varkw": any(part.startswith("**") for part in parts),
    }


def describe(item: Any) -> dict[str, Any]:
    if not callable(item):
        return {"kind": "attr"}
    if type(item).__name__ == "ufunc":
        return {"kind": "ufunc", "params": ["out", "dtype", "casting"]}
    try:
        return {"kind": "func", **from_signature(item)}
    except (ValueError, TypeError):
        found = from_docstring(item)
        return {"kind": "func", **found} if found else {"kind": "opaque"}


def main(path: str) -> None:
    public = [name for name in dir(cupy) if not name.startswith("_")]
    kinds = [name for name in public if isinstance(getattr(cupy, name), type)]
    surface: dict[str, Any] = {
        "cupy": cupy.__version__,
        "numpy": numpy.__version__,
        "module": {
            name: describe(getattr(cupy, name))
            for name in public
            if callable(getattr(cupy, name)) and name not in kinds
        },
        "types": kinds,
        "ndarray": {
            name: describe(item)
            if callable(item := getattr(cupy.ndarray, name))
            else {"kind": "attr"}
            for name in dir(cupy.ndarray)
            if not name.startswith("_") or name.endswith("__")
        },
    }
    with open(path, "w") as file:
        json.dump(surface, file, indent=0, sort_keys=True)


if __name__ == "__main__":
    main(sys.argv[1])
