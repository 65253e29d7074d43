"""Hyper-parameters: ``__init__`` declares them once, repr and saved files derive from it."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from lamella.core.descriptors import Checked
from lamella.core.errors import FileFormatError, UsageError
from lamella.core.signatures import KnownNames, arguments_of

MAX_VALUES, MAX_DEPTH = 20_000, 32  # a network of 1,000 layers has about 10,000, 5 deep


class Configured(KnownNames):
    """Base class of objects with hyper-parameters: layers, losses, optimizers, schedules, models.

    A subclass stores each argument of its ``__init__`` in an attribute of the same name (a
    dataclass does so by itself); printing, saving and loading need nothing else.
    """

    def config(self) -> dict[str, Any]:
        """Return the hyper-parameters by name, in the order of the ``__init__`` arguments."""
        values = {}
        for name in arguments_of(type(self)):
            if not hasattr(self, name) or isinstance(getattr(self, name), Checked):
                kind = type(self).__name__
                raise UsageError(
                    f"{kind}.__init__ takes {name!r} but does not store it: write self.{name} = "
                    f"{name}, so that {kind} can be printed and saved"
                )
            values[name] = getattr(self, name)
        return values

    def __repr__(self) -> str:
        shown: list[str] = []
        arguments = arguments_of(type(self))
        for name, value in self.config().items():
            first = not shown and arguments[name].kind is not inspect.Parameter.KEYWORD_ONLY
            if first or not _is_default(value, arguments[name].default):
                shown.append(f"{name}={_show(value)}")
        return f"{type(self).__name__}({', '.join(shown)})"


def to_json(value: Any) -> Any:
    """Convert a hyper-parameter to JSON values; classes and functions become their names."""
    if isinstance(value, Configured):
        config = {name: to_json(item) for name, item in value.config().items()}
        return {"class": type(value).__name__, "config": config}
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    if callable(value) and getattr(value, "__name__", "").isidentifier():
        return {"function": value.__name__}
    raise UsageError(
        f"a hyper-parameter of type {type(value).__name__} cannot be saved: use numbers, strings, "
        f"lists of them, functions, or lamella's own objects; got {value!r}"
    )


def from_json(value: Any, known: Mapping[str, Callable[..., Any]]) -> Any:
    """Restore a hyper-parameter from `to_json`; use only the classes and functions in ``known``.

    Raise a FileFormatError at any other name, or if the hyper-parameters do not fit the class.
    """
    if isinstance(value, list):
        return [from_json(item, known) for item in value]
    if not isinstance(value, dict):
        return value
    name = value.get("class", value.get("function"))
    if not isinstance(name, str) or name not in known:
        raise FileFormatError(
            f"the file uses {name!r}, which lamella does not know. If it is your own class or "
            f"function, pass it: lm.load(path, custom_layers=[{name}])"
        )
    if "class" not in value:
        return known[name]
    # A file could otherwise call ``ones`` with any shape and exhaust the memory.
    if inspect.isfunction(known[name]):
        raise FileFormatError(f"{name} is a function, and the file uses it as a class")
    config = value.get("config")
    if not isinstance(config, dict):
        raise FileFormatError(f"the configuration of {name} is not a table: {config!r}")
    arguments = {key: from_json(item, known) for key, item in config.items()}
    try:
        return known[name](**arguments)
    except (TypeError, ValueError) as error:
        raise FileFormatError(
            f"{name} does not accept the arguments in the file: {error}"
        ) from error


def limit_size(table: Any) -> int:
    """Return the number of values in a file's table; raise a FileFormatError if it is too large.

    An object built from a value may take a thousand times its bytes.
    """
    level, count = [table], 0
    for _ in range(MAX_DEPTH):
        tables = [value.values() if isinstance(value, dict) else value for value in level]
        level = [item for values in tables for item in values if isinstance(item, dict | list)]
        count += sum(map(len, tables))
        if count > MAX_VALUES:
            raise FileFormatError(f"it describes more than {MAX_VALUES:,} values")
        if not level:
            return count
    raise FileFormatError(f"its description is more than {MAX_DEPTH} tables and lists deep")


def named_parts(value: Any) -> dict[str, Callable[..., Any]]:
    """Return the classes and functions by name that `to_json` would write as names.

    Raise a UsageError if two different ones have the same name.
    """
    found: dict[str, Callable[..., Any]] = {}
    if isinstance(value, Configured):
        found[type(value).__name__] = type(value)
        value = list(value.config().values())
    if isinstance(value, list | tuple):
        for item in value:
            found = join_parts(found, named_parts(item))
    elif callable(value) and hasattr(value, "__name__"):
        found = join_parts(found, {value.__name__: value})
    return found


def join_parts(
    some: Mapping[str, Callable[..., Any]], others: Mapping[str, Callable[..., Any]]
) -> dict[str, Callable[..., Any]]:
    """Return both, or raise a UsageError if a name is that of two classes or functions."""
    for name, part in others.items():
        if some.get(name, part) is not part:
            raise UsageError(
                f"two different classes or functions are named {name}: give one of them another "
                "name"
            )
    return {**some, **others}


def _is_default(value: Any, default: Any) -> bool:
    return value is default or (type(value) is type(default) and bool(value == default))


def _show(value: Any) -> str:
    return str(value.__name__) if inspect.isfunction(value) else repr(value)
