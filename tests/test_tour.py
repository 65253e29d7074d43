"""examples/tour.ipynb: its cells run in order, and the last expression of each has a rich form."""

import ast
import json
from typing import Any

import pytest

from tests.subprocesses import ROOT

pytestmark = pytest.mark.slow

NOTEBOOK = json.loads((ROOT / "examples" / "tour.ipynb").read_text(encoding="utf-8"))
CELLS = [cell for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]


def shown(source: str, names: dict[str, Any]) -> Any:
    """Run a cell and return its last expression, which a notebook shows; None if it has none."""
    *first, last = (ast.unparse(line) for line in ast.parse(source).body)
    is_shown = isinstance(ast.parse(last).body[0], ast.Expr)
    exec("\n".join(first if is_shown else [*first, last]), names)
    return eval(last, names) if is_shown else None


def test_cells_run_and_show_tables_and_pictures() -> None:
    names: dict[str, Any] = {}
    tables, pictures = 0, 0
    for cell in CELLS:
        value = shown("".join(cell["source"]), names)
        if hasattr(value, "_repr_png_"):
            assert value._repr_png_()[0].startswith(b"\x89PNG")
            pictures += 1
        elif value is not None:
            assert value._repr_html_().startswith("<div")
            assert "\n" in repr(value) or len(repr(value)) < 200  # the text beside
            tables += 1
    assert (tables, pictures) == (5, 6)


def test_the_notebook_is_small_and_has_no_outputs() -> None:
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in CELLS)
    assert len(json.dumps(NOTEBOOK)) < 10_000
