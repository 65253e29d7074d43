"""Conversion between objects and the plain tables of TOML and JSON."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from lamella.core.config import Configured, to_json
from lamella.core.errors import ArgumentError, LamellaError
from lamella.core.names import expect_known
from lamella.training.callbacks import Callback

Table = dict[str, Any]
Known = Mapping[str, Callable[..., Any]]


def to_table(value: Any) -> Any:
    """Turn a value into tables, lists and scalars; objects become ``{"class": name, **arguments}``.

    The format is flatter than that of model files, `to_json`, so that people can write it.
    """
    if isinstance(value, Mapping):
        return {str(name): to_table(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_table(item) for item in value]
    if isinstance(value, Callback):
        return {"class": type(value).__name__, **to_table(arguments_of_callback(value))}
    saved = to_json(value)
    if isinstance(value, Configured):
        return {"class": saved["class"], **to_table(value.config())}
    return saved


def arguments_of_callback(callback: Callback) -> Table:
    """Return the arguments of a callback by name, from attributes of the same names."""
    return Configured.config(callback)  # type: ignore[arg-type]


def from_table(value: Any, known: Known, where: str) -> Any:
    """Undo `to_table`: create the objects in a table, using only the classes in ``known``.

    Raises
    ------
    ArgumentError
        If a class or an argument is unknown, or a value is invalid; the message has ``where``.
    """
    if isinstance(value, list):
        return [from_table(item, known, f"{where}.{i}") for i, item in enumerate(value)]
    if not isinstance(value, dict):
        return value
    kind = "function" if "function" in value else "class"
    if kind not in value:
        raise ArgumentError(
            f'{where} needs a class, such as {where} = {{ class = "Adam", lr = 5e-4 }}; got '
            f"{value!r:.200}"
        )
    expect_known(f"{where}.{kind}", value[kind], known)
    found = known[value[kind]]
    if kind == "function":
        return found
    if inspect.isfunction(found):  # a file must not call functions
        raise ArgumentError(f"{where}: {value[kind]} is a function, not a class")
    return call(found, arguments_from_table(found, value, known, where), where)


def arguments_from_table(
    found: Callable[..., Any], table: Table, known: Known, where: str
) -> Table:
    """Return the arguments for ``found`` from its table, with all objects created."""
    accepted = arguments(found)
    given = {name: item for name, item in table.items() if name != "class"}
    for name in given:
        expect_known(f"{where}: the argument of {table['class']}", name, accepted)
    return {name: from_table(item, known, f"{where}.{name}") for name, item in given.items()}


def call(found: Callable[..., Any], given: Mapping[str, Any], where: str) -> Any:
    """Return ``found(**given)``; errors become an ArgumentError that begins with ``where``."""
    try:
        return found(**given)
    except (TypeError, ValueError, LamellaError) as error:
        raise ArgumentError(f"{where}: {error}") from error


def arguments(found: Callable[..., Any]) -> list[str]:
    """Return the argument names of a class or function."""
    return list(inspect.signature(found).parameters)


def expand(fields: Mapping[str, Any]) -> Table:
    """Return ``fields`` as nested tables: the key "optimizer.lr" reaches into "optimizer"."""
    table: Table = {}
    for name in sorted(fields, key=lambda name: name.count(".")):  # parts first, then their parts
        value = to_table(fields[name])
        for part in reversed(name.split(".")):
            value = {part: value}
        table = merge(table, value)
    return table


def merge(old: Any, new: Any) -> Any:
    """Return ``old`` updated by ``new``: a table with a class replaces, one without is merged.

    Numbers as keys reach into lists: ``{"layers": {"1": {"units": 30}}}``.
    """
    if not isinstance(new, dict) or "class" in new or "function" in new:
        return new
    if isinstance(old, dict):
        return {**old, **{name: merge(old.get(name), item) for name, item in new.items()}}
    if isinstance(old, list) and new and set(new) <= {str(i) for i in range(len(old))}:
        return [merge(item, new[str(i)]) if str(i) in new else item for i, item in enumerate(old)]
    return new


def part_text(table: Any) -> str:
    """Return a value of an experiment's table as text: a part as "Adam(lr=0.001)"."""
    if isinstance(table, list):
        return ", ".join(map(part_text, table))
    if not isinstance(table, dict) or "class" not in table:
        return str(table)
    given = [f"{name}={part_text(value)}" for name, value in table.items() if name != "class"]
    return f"{table['class']}({', '.join(given)})"


def differing(a: Any, b: Any, path: str = "") -> list[str]:
    """Return the dotted keys in which two tables differ; different classes count as one."""
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
