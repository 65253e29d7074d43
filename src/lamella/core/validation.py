"""Checks of arguments: most return the valid value or raise an ArgumentError."""

import math
from collections.abc import Iterable, Mapping, Set
from numbers import Integral, Real
from types import ModuleType
from typing import TypeVar

import numpy as np

from lamella.core.errors import ArgumentError, DataError
from lamella.core.names import OBJECTS, did_you_mean, object_named

T = TypeVar("T")


def number(name: str, value: object) -> float:
    """Return ``value`` as a finite float; booleans and strings are not numbers."""
    try:
        x = float(value) if isinstance(value, Real) and not isinstance(value, bool) else math.nan
    except OverflowError:
        x = math.inf
    if not math.isfinite(x):
        raise ArgumentError(f"{name} must be a finite number, got {value!r}")
    return x


def positive(name: str, value: object) -> float:
    """Return ``value`` as a float if it is a finite number above 0."""
    x = number(name, value)
    if x <= 0:
        raise ArgumentError(f"{name} must be greater than 0, got {value!r}")
    return x


def not_negative(name: str, value: object) -> float:
    """Return ``value`` as a float if it is a finite number of at least 0."""
    x = number(name, value)
    if x < 0:
        raise ArgumentError(f"{name} must be at least 0, got {value!r}")
    return x


def in_range(
    name: str,
    value: object,
    low: float,
    high: float,
    *,
    left_open: bool = False,
    right_open: bool = False,
) -> float:
    """Return ``value`` as a float if it lies in [low, high], without ends that are open."""
    x = number(name, value)
    if not low <= x <= high or (left_open and x == low) or (right_open and x == high):
        left, right = "(" if left_open else "[", ")" if right_open else "]"
        raise ArgumentError(f"{name} must be in {left}{low:g}, {high:g}{right}, got {value!r}")
    return x


def at_least(name: str, value: object, low: int) -> int:
    """Return ``value`` as an int if it is a whole number of at least ``low``."""
    if isinstance(value, bool) or not isinstance(value, Integral) or value < low:
        raise ArgumentError(f"{name} must be a whole number of at least {low}, got {value!r}")
    return int(value)


def flag(name: str, value: object) -> bool:
    """Return ``value`` as a bool if it is one; texts such as "no" would count as True."""
    if not isinstance(value, bool | np.bool_):
        raise ArgumentError(f"{name} must be a bool, True or False; got {value!r:.200}")
    return bool(value)


def sizes(name: str, value: object) -> tuple[int, ...]:
    """Return ``value`` as a tuple if it is a list of sizes, whole numbers of at least 1."""
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise ArgumentError(
            f"{name} must be a tuple of the sizes of one sample, such as (28, 28), got {value!r}"
        )
    value = tuple(value)
    if None in value:
        raise ArgumentError(f"{name} has the sizes of one sample, no batch axis; got {value!r}")
    return tuple(at_least(name, size, 1) for size in value)


def texts(name: str, value: object) -> list[str]:
    """Return the strings of a list, array or other iterable that has an order."""
    if isinstance(value, Iterable) and not isinstance(value, str | Set | Mapping):
        found = [*value]
        if all(isinstance(text, str) for text in found):
            return [*map(str, found)]
    raise ArgumentError(f"{name} must be a list of strings, got {value!r:.200}")


def expect_unmasked(name: str, data: object) -> None:
    """Raise a DataError if ``data``, or a row of a list, is an array with masked values.

    A conversion to a plain array would drop the mask, and use the values under it.
    """
    rows = data if isinstance(data, list | tuple) else [data]
    masked = sum(int(row.mask.sum()) for row in rows if isinstance(row, np.ma.MaskedArray))
    if masked:
        raise DataError(
            f"{name} has {masked:,} masked value{'s' * (masked > 1)}: leave those samples out, or "
            "fill them, as in array.filled(0)"
        )


def one_of(name: str, value: T, choices: Iterable[T]) -> T:
    """Return ``value`` if it is among ``choices``."""
    known = list(choices)
    if value not in known:
        listed, hint = ", ".join(map(repr, known)), did_you_mean(value, known)
        raise ArgumentError(f"{name} must be one of {listed}; got {value!r}{hint}")
    return value


def instance(name: str, value: object, kind: type[T], hint: str) -> T:
    """Return ``value`` if it is an instance of ``kind``; ``hint`` is an example for the message."""
    if isinstance(value, type) and issubclass(value, kind):
        raise ArgumentError(f"{name} must be an object, got the class {value.__name__}: add ()")
    if not isinstance(value, kind):
        remedy = _remedy(kind.__name__, value) if isinstance(value, str) else ""
        article = "an" if kind.__name__[0] in "AEIOU" else "a"
        raise ArgumentError(
            f"{name} must be {article} {kind.__name__} such as {hint}, got {value!r:.200}{remedy}"
        )
    return value


def named_instance(name: str, value: object, kind: type[T], hint: str, module: ModuleType) -> T:
    """Return ``value`` as `instance` does; a name of a class of ``module`` makes its object."""
    written = object_named(kind.__name__, value, 1) if isinstance(value, str) else None
    cls = getattr(module, written.removesuffix("()"), None) if written else None
    return instance(name, value if cls is None else cls(), kind, hint)


def _remedy(kind: str, value: str) -> str:
    """Return the end of a message on a string in place of an object of a kind."""
    if meant := object_named(kind, value):
        return f": write {meant}"
    others = [other for other in OBJECTS if object_named(other, value, 1)]
    return f": that names an object of class {others[0]}: check the order" if others else ""
