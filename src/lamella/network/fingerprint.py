"""Tell whether the parts of a network are as they were: attributes, properties, methods, classes.

A replay repeats the numbers that it was captured with, so a change of any of these ends it. Values
whose changes cannot be seen, such as lists or objects of other libraries, rule out a replay.
"""

from abc import ABCMeta
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from operator import attrgetter, itemgetter
from types import FunctionType
from typing import Any

import numpy as np

from lamella.backend import Backend
from lamella.backend.parameters import Parameter, State
from lamella.backend.random import Noise
from lamella.backend.rules import is_pure
from lamella.backend.workspace import is_marked
from lamella.layers.regularizers import Regularizer
from lamella.losses.target_kind import TargetKind
from lamella.network.reads import UnseenError, readers_of, users_classes

Calls = Sequence[tuple[Any, Sequence[str]]]  # objects, and names of methods of each
# Set when a part is attached to its model, and by nobody else.
ATTACHED = (
    "_owner", "_rules", "_scratch", "backend", "dtype", "label", "parameters", "states", "stream",
    "xp",
)  # fmt: skip
NUMBERS = (int, float, bool, complex, str, bytes, type(None))
NUMPYS = (np.number, np.bool_, np.dtype)
# Regularizers are parts of their own.
FIXED = (Parameter, State, Noise, Backend, Regularizer, TargetKind)
UNSEEN_VALUE = "it depends on a value whose changes cannot be seen, such as a list or an object"
UNSEEN = {"__slots__", "__getattr__", "__getattribute__"}
CODE = (FunctionType, staticmethod, classmethod, property)
CLASS_AND_TABLE = attrgetter("__class__", "__dict__")


class Fingerprint:
    """All that marked methods of a network and its parts depend on, but the numbers in arrays.

    ``calls`` has the network and its parts, with the names of the methods that are called of each.
    Of the network's own attributes, only methods are looked at. ``obstacle`` names a part whose
    methods, or those they override, are not marked as replayable, or read values whose changes
    cannot be seen; it is empty if there is none.
    """

    def __init__(self, network: Any, calls: Calls) -> None:
        unmarked = (part for part, names in calls if not _is_marked(part, names))
        self.obstacle = next((f"{_name(x)} has methods without @replayable" for x in unmarked), "")
        parts = [part for part, _ in calls if part is not network]
        held = [x for part in parts for x in vars(part).values() if isinstance(x, Regularizer)]
        self.parts = [*parts, *(x for i, x in enumerate(held) if x not in parts + held[:i])]
        self._network = network
        self._methods = [name for part, names in calls if part is network for name in names]
        kinds = dict.fromkeys((type(part), tuple(names)) for part, names in calls)
        self._kinds = [(kind, [*names, *_class_values(kind)]) for kind, names in kinds]
        self._properties = [(part, name) for part in self.parts for name in _properties(part)]
        self._readers: list[Callable[[], Any]] = []
        try:
            self._readers = [read for kind, names in kinds for read in readers_of(kind, names)]
        except UnseenError:
            self.obstacle = self.obstacle or UNSEEN_VALUE
        self._held: tuple[list[Callable[[], Any]], list[Any]] = [], []
        self._classes = [vars(base) for kind, _ in kinds for base in users_classes(kind)]

    def values(self) -> list[Any] | None:
        """Return all values, to be compared with ==; None if changes of one cannot be seen."""
        try:
            pairs = [pair for part in self.parts for pair in _attributes(part)]
            attributes = [(name, _comparable(value)) for name, value in pairs]
            shared = [_number(x) for kind, _ in self._kinds for x in _shared(kind)]
            computed = self._compute()
        except (UnseenError, AttributeError):
            self.obstacle = UNSEEN_VALUE
            return None
        return [*attributes, *shared, *computed, *(read() for read in self._readers)]

    def hold(self) -> None:
        """Keep the present values for `is_current`. Arrays are left out: the work sets them."""
        # Functions of C that take some 40 ns each: they are called before every step.
        readers = [*self._readers, *(table.__len__ for table in self._classes)]
        readers += [partial(attrgetter(*names), kind) for kind, names in self._kinds if names]
        for part in self.parts:
            names = [name for name, x in _attributes(part) if not is_array(x)]
            table = vars(part)
            # An attribute more may hide a method.
            readers += [partial(CLASS_AND_TABLE, part), table.__len__]
            if names:
                readers.append(partial(itemgetter(*names), table))
        table = vars(self._network)
        readers += [partial(CLASS_AND_TABLE, self._network)]
        readers += [partial(table.get, name) for name in self._methods]
        if self._properties:
            readers.append(self._compute)
        self._held = readers, [read() for read in readers]

    def is_current(self) -> bool:
        """Whether all values are the ones that were kept."""
        try:
            readers, held = self._held
            return [read() for read in readers] == held
        except (KeyError, AttributeError, UnseenError, ValueError):  # a value is gone, or an array
            return False

    def _compute(self) -> list[Any]:
        return [_comparable(getattr(part, name)) for part, name in self._properties]


def is_array(value: Any) -> bool:
    """Whether a value is an array of numpy or of a device."""
    return isinstance(value, np.ndarray) or hasattr(type(value), "__cuda_array_interface__")


def _is_plain(value: Any) -> bool:
    """Whether it is an array, of no class that somebody derived from numpy's."""
    return type(value) is np.ndarray or hasattr(type(value), "__cuda_array_interface__")


def _comparable(value: Any) -> Any:
    """Return a value to compare with ==, and with the type of each number in it."""
    if type(value) is tuple:
        return tuple(np.ndarray if _is_plain(x) else _number(x) for x in value)
    if _is_plain(value):
        return np.ndarray
    if isinstance(value, FIXED) or (type(value) is FunctionType and is_pure(value)):
        return value
    return _number(value)


def _number(value: Any) -> Any:
    if type(value) is tuple:
        return tuple(map(_number, value))
    kind = type(value)
    if kind in NUMBERS or (kind.__module__.startswith("numpy") and isinstance(value, NUMPYS)):
        return kind, value
    raise UnseenError


def _name(part: Any) -> str:
    return str(getattr(part, "label", "")) or type(part).__name__


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
    tables = [vars(base) for base in users_classes(kind)]
    if type(kind) not in (type, ABCMeta) or any(UNSEEN & table.keys() for table in tables):
        return False  # attributes that are not in the object's dictionary
    # Attributes of a network are not looked at, and a regularizer may hold others.
    is_whole = not ("passes" in vars(part) or isinstance(part, Regularizer))
    if not (is_whole or all(name not in table for table in tables for name in names)):
        return False
    return not by_hand and all(is_marked(getattr(kind, name, None)) for name in (*names, *above))


def _properties(part: Any) -> list[str]:
    """Return the names of properties that users' classes compute."""
    tables = [vars(base) for base in users_classes(type(part))]
    return [name for table in tables for name, it in table.items() if isinstance(it, property)]


def _shared(kind: type) -> Iterator[Any]:
    """Yield the values that users' classes define for all their objects."""
    for base in users_classes(kind):
        for name, value in vars(base).items():
            if not name.startswith("__") and name != "_abc_impl" and not isinstance(value, CODE):
                yield value


def _class_values(kind: type) -> list[str]:
    """Return the names of methods and values that users' classes define."""
    tables = [vars(base) for base in users_classes(kind)]
    return [name for table in tables for name in table if not name.startswith("__")]
