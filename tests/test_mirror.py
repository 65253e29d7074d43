"""Each module of lamella has a test file at the same place, or a row in tests/README.md."""

import ast
import re
from pathlib import Path

import lamella

TESTS = Path(__file__).parent
SOURCES = Path(lamella.__file__).parent
ROWS = dict(
    re.findall(r"^\| `(.+\.py)` \| `(.+\.py)` \|$", (TESTS / "README.md").read_text("utf-8"), re.M)
)


def defines_something(path: Path) -> bool:
    """Whether a module defines a function or class: others need no test."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return any(isinstance(node, ast.FunctionDef | ast.ClassDef) for node in nodes)


def mirrored(module: str) -> str:
    """Return the place of a module's test file, such as layers/test_dense.py."""
    path = SOURCES / module
    name = path.parent.name if path.stem == "__init__" else path.stem
    return (path.parent / f"test_{name}.py").relative_to(SOURCES).as_posix()


MODULES = {
    path.relative_to(SOURCES).as_posix()
    for path in SOURCES.rglob("*.py")
    if defines_something(path)
}


def test_every_module_has_a_test_file_or_a_row() -> None:
    untested = {name for name in MODULES if not (TESTS / mirrored(name)).exists()}
    assert untested - set(ROWS) == set()


def test_rows_name_modules_without_a_test_file_and_existing_tests() -> None:
    assert set(ROWS) <= MODULES
    assert [name for name in ROWS if (TESTS / mirrored(name)).exists()] == []
    assert [file for file in ROWS.values() if not (TESTS / file).exists()] == []
