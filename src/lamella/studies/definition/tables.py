"""Plain tables, as TOML and JSON hold them, and the objects they stand for."""

import difflib
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from lamella.core.config import to_json
from lamella.core.errors import ArgumentError, LamellaError

Table = dict[str, Any]
Known = Mapping[str, Callable[..., Any]]


def plain(value: Any) -> Any:
    """Return a value as a table holds it: objects become ``{"class": name, **arguments}``."""
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return _flat(to_json(value))


def _flat(value: Any) -> Any:
    if isinstance(value, list):
        return [_flat(item) for item in value]
    if isinstance(value, dict) and "class" in value:
        config = {name: _flat(item) for name, item in value["config"].items()}
        return {"class": value["class"], **config}
    return value


def make(value: Any, known: Known, where: str) -> Any:
    """Undo `plain`: make the objects that a table names, only ever of what is in ``known``.

    Raises
    ------
    ArgumentError
        If a class or an argument is not known, or its value is refused; ``where`` is named.
    """
    if isinstance(value, list):
        return [make(item, known, f"{where}.{i}") for i, item in enumerate(value)]
    if not isinstance(value, dict):
        return value
    kind = "function" if "function" in value else "class"
    if kind not in value:
        raise ArgumentError(
            f"{where} needs a class beside {', '.join(map(repr, value)) or 'nothing'}, such as "
            f'{where} = {{ class = "Adam", lr = 5e-4 }}'
        )
    expect_known(f"{where}.{kind}", value[kind], known)
    found = known[value[kind]]
    if kind == "function":
        return found
    if inspect.isfunction(found):  # it would be called with arguments out of a file
        raise ArgumentError(f"{where}: {value[kind]} is a function, not a class")
    return call(found, made_arguments(found, value, known, where), where)


def made_arguments(found: Callable[..., Any], table: Table, known: Known, where: str) -> Table:
    """Return the arguments for ``found`` that a table holds, with all objects in them made."""
    accepted = arguments(found)
    given = {name: item for name, item in table.items() if name != "class"}
    for name in given:
        expect_known(f"{where}: the argument of {table['class']}", name, accepted)
    return {name: make(item, known, f"{where}.{name}") for name, item in given.items()}


def call(found: Callable[..., Any], given: Mapping[str, Any], where: str) -> Any:
    """Return ``found(**given)``; what it complains of is told together with ``where`` it was."""
    try:
        return found(**given)
    except (TypeError, ValueError, LamellaError) as error:
        raise ArgumentError(f"{where}: {error}") from error


def arguments(found: Callable[..., Any]) -> list[str]:
    """Return the names of the arguments a class or function takes."""
    return list(inspect.signature(found).parameters)


def expand(fields: Mapping[str, Any]) -> Table:
    """Return ``fields`` as a table of tables: the key "optimizer.lr" reaches into "optimizer"."""
    table: Table = {}
    for name in sorted(fields, key=lambda name: name.count(".")):  # parts first, then their parts
        value = plain(fields[name])
        for part in reversed(name.split(".")):
            value = {part: value}
        table = merge(table, value)
    return table


def merge(old: Any, new: Any) -> Any:
    """Return ``old`` changed by ``new``: a table with a class replaces, one without is merged in.

    Numbers as keys reach into lists: ``{"layers": {"1": {"units": 30}}}``.
    """
    if not isinstance(new, dict) or "class" in new or "function" in new:
        return new
    if isinstance(old, dict):
        return {**old, **{name: merge(old.get(name), item) for name, item in new.items()}}
    if isinstance(old, list) and new and set(new) <= {str(i) for i in range(len(old))}:
        return [merge(item, new[str(i)]) if str(i) in new else item for i, item in enumerate(old)]
    return new


def differing(a: Any, b: Any, path: str = "") -> list[str]:
    """Return the dotted keys by which two tables differ; of other classes, the whole is named."""
    if isinstance(a, dict) and isinstance(b, dict) and a.get("class") == b.get("class"):
        pairs = [(name, a.get(name), b.get(name)) for name in dict.fromkeys([*a, *b])]
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b) and _holds_tables(a):
        pairs = [(str(i), *pair) for i, pair in enumerate(zip(a, b, strict=True))]
    else:
        return [] if a == b else [path]
    inside = [differing(x, y, f"{path}.{name}" if path else name) for name, x, y in pairs]
    return [found for each in inside for found in each]


def _holds_tables(values: list[Any]) -> bool:
    return any(isinstance(value, dict) for value in values)


def expect_known(what: str, name: Any, known: Iterable[str]) -> None:
    """Raise an ArgumentError that names the nearest known word, unless ``name`` is one."""
    words = list(known)
    if isinstance(name, str) and name in words:
        return
    lower = {word.lower(): word for word in words}
    near = difflib.get_close_matches(str(name).lower(), lower, 1, 0.5)
    hint = f": did you mean {lower[near[0]]!r}?" if near else f"; known are {', '.join(words)}"
    raise ArgumentError(f"{what} {name!r} is not known{hint}")
