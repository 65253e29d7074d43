"""Tell whether the parts of a network are as they were: attributes, properties, methods, classes.

A replay repeats the numbers that it was captured with, so a change of any of these ends it. Values
whose changes cannot be seen, such as lists or objects of other libraries, rule out a replay.
"""

from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter, itemgetter
from types import FunctionType
from typing import Any

import numpy as np

from lamella.backend import Backend
from lamella.backend.elementwise import Read
from lamella.backend.parameters import Parameter, State
from lamella.backend.random import Noise
from lamella.backend.rules import reads_of
from lamella.backend.workspace import is_marked
from lamella.layers.regularizers import Regularizer

Calls = Sequence[tuple[Any, Sequence[str]]]  # objects, and names of methods of each
# Set when a part is attached to its model, and by nobody else.
ATTACHED = (
    "_owner", "_rules", "_scratch", "backend", "dtype", "label", "parameters", "states", "stream",
    "xp",
)  # fmt: skip
NUMBERS = (int, float, complex, str, bytes, type(None), np.generic, np.dtype)
FIXED = (Parameter, State, Noise, Backend, Regularizer)
LIBRARY = ("lamella", "abc", "builtins")  # modules of classes that are not users'
CODE = (FunctionType, staticmethod, classmethod, property)


class Fingerprint:
    """All that marked methods of a network and its parts depend on, but the numbers in arrays.

    Parameters
    ----------
    network : Network
        Of its own attributes, only methods are looked at.
    calls : sequence of (object, names)
        The network and its parts, and the names of the methods that are called of each.

    Attributes
    ----------
    is_marked : bool
        Whether all these methods, and those they override, are marked as replayable.
    """

    def __init__(self, network: Any, calls: Calls) -> None:
        self.is_marked = all(_is_marked(part, names) for part, names in calls)
        self.parts = [part for part, _ in calls if part is not network]
        self._network = network
        self._methods = [name for part, names in calls if part is network for name in names]
        kinds = dict.fromkeys((type(part), tuple(names)) for part, names in calls)
        self._kinds = [(kind, [*names, *_class_values(kind)]) for kind, names in kinds]
        self._properties = [(part, name) for part in self.parts for name in _properties(part)]
        self._reads = [read for kind, names in kinds for read in _reads(kind, names)]
        self._held: list[tuple[Callable[[Any], Any], Any, Any]] = []
        self._tables: list[dict[str, Any]] = []
        self._classes = [vars(base) for kind, _ in kinds for base in _users_classes(kind)]

    def values(self) -> list[Any] | None:
        """Return all values, to be compared with ==; None if changes of one cannot be seen."""
        try:
            attributes = [_comparable(pair) for part in self.parts for pair in _attributes(part)]
            shared = [_comparable(x) for kind, _ in self._kinds for x in _shared(kind)]
            computed = [_comparable(getattr(part, name)) for part, name in self._properties]
            reads = [_comparable(read.now()) for read in self._reads]
        except (_UnseenError, AttributeError):
            return None
        return [*attributes, *shared, *computed, *reads]

    def hold(self) -> None:
        """Keep the present values for `is_current`. Arrays are left out: the work sets them."""
        sources: list[tuple[Any, Any, Sequence[str]]] = [
            (attrgetter, kind, names) for kind, names in self._kinds
        ]
        for part in self.parts:
            names = [name for name, x in _attributes(part) if not isinstance(x, np.ndarray)]
            sources.append((itemgetter, vars(part), names))
        readers = [(get(*names), owner) for get, owner, names in sources if names]
        self._held = [(read, owner, read(owner)) for read, owner in readers]
        self._tables = [vars(part) for part in self.parts]
        self._shapes = self._shape()
        self._computed = self._compute()

    def is_current(self) -> bool:
        """Whether all values are the ones that were kept."""
        try:
            for read, owner, held in self._held:
                if read(owner) != held:
                    return False
            if self._shape() != self._shapes or not all(read.is_current() for read in self._reads):
                return False
            return not self._properties or self._compute() == self._computed
        except (KeyError, AttributeError, _UnseenError, ValueError):  # a value is gone, or an array
            return False

    def _shape(self) -> list[Any]:
        """Return classes, how many attributes there are (one may hide a method), and methods."""
        own = map(vars(self._network).get, self._methods)
        return [*map(type, self.parts), *map(len, self._tables), *map(len, self._classes), *own]

    def _compute(self) -> list[Any]:
        return [_comparable(getattr(part, name)) for part, name in self._properties]


class _UnseenError(Exception):
    """Changes of a value cannot be seen."""


def _comparable(value: Any) -> Any:
    """Return a value to compare with ==, and with the type of each number in it."""
    if isinstance(value, tuple):
        return tuple(np.ndarray if type(x) is np.ndarray else _comparable(x) for x in value)
    if type(value) is np.ndarray:
        return np.ndarray
    if isinstance(value, NUMBERS) and not isinstance(value, np.void):
        return type(value), value
    if isinstance(value, FIXED) or (type(value) is FunctionType and not value.__closure__):
        return value
    raise _UnseenError


def _attributes(part: Any) -> Iterator[tuple[str, Any]]:
    return ((name, value) for name, value in vars(part).items() if name not in ATTACHED)


def _is_marked(part: Any, names: Sequence[str]) -> bool:
    """Whether the methods of a part are marked, and not replaced by attributes of the part."""
    kind = type(part)
    above = [name for base in kind.__mro__ for name, it in vars(base).items() if is_marked(it)]
    by_hand = [
        name
        for name, it in vars(part).items()
        if callable(it) and callable(getattr(kind, name, None))
    ]
    tables = [vars(base) for base in _users_classes(kind)]
    if any("__slots__" in table or "__getattr__" in table for table in tables):
        return False  # attributes that are not in the object's dictionary
    # Attributes of a network are not looked at, and a regularizer may hold others.
    is_whole = not (hasattr(part, "passes") or isinstance(part, Regularizer))
    if not (is_whole or all(name not in table for table in tables for name in names)):
        return False
    return not by_hand and all(is_marked(getattr(kind, name, None)) for name in (*names, *above))


def _users_classes(kind: type) -> Iterator[type]:
    return (b for b in kind.__mro__ if b.__module__.partition(".")[0] not in LIBRARY)


def _properties(part: Any) -> list[str]:
    """Return the names of properties that users' classes compute."""
    tables = [vars(base) for base in _users_classes(type(part))]
    return [name for table in tables for name, it in table.items() if isinstance(it, property)]


def _shared(kind: type) -> Iterator[Any]:
    """Yield the values that users' classes define for all their objects."""
    for base in _users_classes(kind):
        for name, value in vars(base).items():
            if not name.startswith("__") and name != "_abc_impl" and not isinstance(value, CODE):
                yield value


def _reads(kind: type, names: Sequence[str]) -> Iterator[Read]:
    """Yield the globals and closures that methods of users' classes read."""
    for base in _users_classes(kind):
        for value in vars(base).values():
            function = value.__func__ if isinstance(value, staticmethod) else value
            yield from reads_of(function)


def _class_values(kind: type) -> list[str]:
    """Return the names of methods and values that users' classes define."""
    tables = [vars(base) for base in _users_classes(kind)]
    return [name for table in tables for name in table if not name.startswith("__")]
