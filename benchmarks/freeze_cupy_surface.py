"""Print the names and keywords of the installed CuPy, to which `strict_cupy` limits lamella.

Run it where cupy is installed (it needs no GPU), from the root of a checkout:

    python benchmarks/freeze_cupy_surface.py > src/lamella/testing/strict_cupy/surface.txt
"""

import inspect
import re
from collections.abc import Iterator
from typing import Any

import cupy
import numpy


def keywords(item: Any) -> list[str]:
    """Return the names of the arguments of a function, or ["*"] if it accepts or hides any."""
    if not callable(item):
        return []
    if isinstance(item, cupy.ufunc):
        return ["out", "dtype", "casting"]
    try:
        parameters = inspect.signature(item).parameters.values()
    except (ValueError, TypeError):
        return from_docstring(item)
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return ["*"]
    return [p.name for p in parameters if p.kind is not p.VAR_POSITIONAL and p.name != "self"]


def from_docstring(item: Any) -> list[str]:
    """Read the signature at the start of the docstring; methods written in Cython have no other."""
    match = re.match(r"[\w.]+\((.*)\)", (item.__doc__ or "").strip().split("\n")[0])
    if match is None or "**" in match.group(1):
        return ["*"]
    parts = [part.strip() for part in re.split(r",\s*(?![^(\[]*[)\]])", match.group(1))]
    names = [part.split("=")[0].split()[-1] for part in parts if part and part[0] not in "*/\\"]
    return [name for name in names if name != "self"]


def rows() -> Iterator[tuple[str, ...]]:
    """Yield kind, name and keywords of every public name that CuPy and numpy share."""
    for name in dir(cupy):
        item = getattr(cupy, name)
        if name.startswith("_") or not hasattr(numpy, name):
            continue
        if isinstance(item, type):
            yield "type", name
        elif callable(item):
            yield "ufunc" if isinstance(item, cupy.ufunc) else "function", name, *keywords(item)
    for name in dir(cupy.ndarray):
        if hasattr(numpy.ndarray, name) and (not name.startswith("_") or name.endswith("__")):
            yield "method", name, *keywords(getattr(cupy.ndarray, name))


if __name__ == "__main__":
    print(f"# CuPy {cupy.__version__}, names shared with numpy {numpy.__version__}:", end=" ")
    print("kind, name, keywords (* for any)")
    for row in sorted(rows()):
        print(*row)
