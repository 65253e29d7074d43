"""Imports go down: a file imports from its own folder or a lower row, and they form no cycle.

Lazy imports and those under ``TYPE_CHECKING`` count like all others.
"""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import lamella

SOURCES = Path(lamella.__file__).parent
ROWS = (
    {"core"},
    {"backend"},
    {"layers", "losses", "optimizers"},
    {"network"},
    {"training"},
    {"datasets", "interchange", "models"},
    {"sklearn", "studies", "testing"},
    {"cli"},
)
ROW = {folder: number for number, folders in enumerate(ROWS) for folder in folders}
MODULES = {
    ".".join(("lamella", *path.relative_to(SOURCES).with_suffix("").parts)): path
    for path in SOURCES.rglob("*.py")
}


def module_of(name: str) -> str | None:
    """Return the module that a dotted name is, or lies in."""
    return next((m for m in (name, f"{name}.__init__") if m in MODULES), None)


def imports_of(path: Path) -> set[str]:
    """Return the modules of lamella that a file imports anywhere."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {module_of(alias.name) for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} uses a relative import"
            for alias in node.names:
                found.add(module_of(f"{node.module}.{alias.name}") or module_of(node.module or ""))
    return {module for module in found if module}


GRAPH = {module: imports_of(path) for module, path in MODULES.items()}
FOLDER = {module: module.split(".")[1] for module in MODULES}


def test_every_folder_is_in_a_row() -> None:
    folders = {path.name for path in SOURCES.iterdir() if (path / "__init__.py").exists()}
    assert folders == set(ROW)


def test_no_file_imports_from_a_higher_row_or_a_folder_in_its_row() -> None:
    wrong = [
        f"{module} imports {other}"
        for module, others in GRAPH.items()
        for other in others
        if FOLDER[module] in ROW  # lamella/__init__ and __main__ are above all
        if FOLDER[other] != FOLDER[module]
        and ROW.get(FOLDER[other], len(ROWS)) >= ROW[FOLDER[module]]
    ]
    assert not wrong, "\n".join(wrong)


def test_imports_form_no_cycle() -> None:
    TopologicalSorter(GRAPH).prepare()  # raises a CycleError that names the files


def test_imports_between_folders_form_no_cycle() -> None:
    folders: dict[str, set[str]] = {}
    for module, others in GRAPH.items():
        here = module.rpartition(".")[0]
        folders.setdefault(here, set()).update(
            there
            for there in (other.rpartition(".")[0] for other in others)
            if not (f"{here}.".startswith(f"{there}.") or f"{there}.".startswith(f"{here}."))
        )
    TopologicalSorter(folders).prepare()
