"""Fingerprint of the sources of lamella that decide the numbers of a training.

Docstrings, comments, annotations, the texts of errors and warnings, and the version of Python do
not count: a release that changes only those has the same fingerprint.
"""

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from lamella.core.version import __version__

SOURCES = Path(__file__).parents[1]
STEPS = "batch_replay", "fit", "loop", "splits", "epoch_log"
COMPUTING = {
    "backend": ("backend",),
    "layers": ("layers",),
    "losses": ("losses",),
    "optimizers": ("optimizers",),
    "network": ("network",),
    "models": ("models/sequential.py", "models/classifiers.py"),
    "random streams": ("core/seeds.py",),
    "training": tuple(f"training/{name}.py" for name in STEPS),
    "callbacks": ("training/callbacks/stopping.py", "training/callbacks/plateau.py"),
    "studies": ("studies/running/run.py", "studies/running/fitting.py"),
}
CHECKS = ("attributes.py", "metric_checks.py", "model_file.py")
"""Files in the folders above that refuse, save and load, and compute nothing."""
ANNOTATIONS = ("annotation", "returns", "type_params", "type_comment")


@cache
def numerics() -> dict[str, str]:
    """Return a digest of each part of lamella that computes."""
    return {part: fingerprint(_read(places)) for part, places in COMPUTING.items()}


def changed_numerics(there: Any) -> list[str]:
    """Return the parts of lamella that compute otherwise here than by the fingerprint there."""
    known = there if isinstance(there, dict) else {}
    return [part for part, digest in numerics().items() if known.get(part) != digest]


def fingerprint(sources: list[str]) -> str:
    """Return a digest of the computations in Python sources."""
    lines = [line for source in sources for line in _lines(ast.parse(source))]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def _read(places: tuple[str, ...]) -> list[str]:
    """Return the sources of files, and of all files in folders, in order of their names."""
    files: list[Path] = []
    for place in places:
        path = SOURCES / place
        files += [path] if path.suffix else sorted(path.rglob("*.py"))
    sources = [f.read_text(encoding="utf-8") for f in files if f.name not in CHECKS and f.exists()]
    return sources or [repr(__version__) + " + 0"]  # an installation without sources


def _lines(node: ast.AST) -> Iterator[str]:
    """Yield the syntax below a node as lines that are the same in every version of Python."""
    yield type(node).__name__
    if isinstance(node, ast.Raise) or _is_warning(node):
        return
    for name, value in ast.iter_fields(node):
        if name in ANNOTATIONS or value is None or value == []:
            continue
        yield name
        for item in value if isinstance(value, list) else [value]:
            if not isinstance(item, ast.AST):
                yield repr(item)
            elif not (name == "body" and _is_docstring(item)):
                yield from _lines(item)


def _is_docstring(node: ast.AST) -> bool:
    value = node.value if isinstance(node, ast.Expr) else None
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


def _is_warning(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and getattr(node.func, "id", "") == "warn_user"
