"""Imports go down: a file imports from its own room or a lower floor, and no imports form a circle.

Lazy imports and those under ``TYPE_CHECKING`` count like all others.
"""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import lamella

SOURCES = Path(lamella.__file__).parent
FLOORS = (
    {"core"},
    {"backend"},
    {"layers", "losses", "optimizers"},
    {"network"},
    {"training"},
    {"datasets", "models"},
    {"studies", "testing"},
    {"cli"},
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
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
ROOM = {module: module.split(".")[1] for module in MODULES}


def test_every_folder_is_a_room_on_a_floor() -> None:
    folders = {path.name for path in SOURCES.iterdir() if (path / "__init__.py").exists()}
    assert folders == set(FLOOR)


def test_no_file_imports_from_a_higher_floor_or_the_room_beside_it() -> None:
    wrong = [
        f"{module} imports {other}"
        for module, others in GRAPH.items()
        for other in others
        if ROOM[module] in FLOOR  # lamella/__init__ and __main__ are the roof
        if ROOM[other] != ROOM[module]
        and FLOOR.get(ROOM[other], len(FLOORS)) >= FLOOR[ROOM[module]]
    ]
    assert not wrong, "\n".join(wrong)


def test_imports_form_no_circle() -> None:
    TopologicalSorter(GRAPH).prepare()  # raises a CycleError that names the files


def test_folders_side_by_side_form_no_circle() -> None:
    folders: dict[str, set[str]] = {}
    for module, others in GRAPH.items():
        here = module.rpartition(".")[0]
        folders.setdefault(here, set()).update(
            there
            for there in (other.rpartition(".")[0] for other in others)
            if not (f"{here}.".startswith(f"{there}.") or f"{there}.".startswith(f"{here}."))
        )
    TopologicalSorter(folders).prepare()
