"""Docstrings name their subject with a noun; ``python -m tests.test_prose`` lists the others."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

SOURCES = Path(__file__).parents[1] / "src" / "lamella"
HEADLESS = re.compile(r"\bwhat\b|\bwhoever\b|\bis another\b|\btold\b", re.IGNORECASE)
MOST = 20  # of about 1,000; version 0.1.0 had 266


def headless_docstrings() -> Iterator[str]:
    """Yield the place and text of each docstring with a headless "what" or a similar word."""
    for path in sorted(SOURCES.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                text = ast.get_docstring(node) or ""
                if HEADLESS.search(text):
                    line = getattr(node, "lineno", 1)
                    yield f"{path.relative_to(SOURCES)}:{line}: {text.splitlines()[0]}"


def test_docstrings_name_their_subject() -> None:
    found = list(headless_docstrings())
    assert len(found) <= MOST, "\n".join(found)


if __name__ == "__main__":
    listed = list(headless_docstrings())
    print("\n".join([*listed, f"{len(listed)} docstrings; at most {MOST} are allowed"]))
