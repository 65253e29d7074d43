"""Values that methods of users' classes read from globals, closures and helper functions."""

import builtins
import dis
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from operator import itemgetter
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

LIBRARIES = ("lamella", "numpy", "math")
BUILTINS = (
    "abs", "all", "any", "bool", "divmod", "enumerate", "float", "getattr", "hasattr", "int",
    "isinstance", "len", "list", "max", "min", "pow", "range", "reversed", "round", "slice",
    "sorted", "str", "sum", "super", "tuple", "type", "zip",
)  # fmt: skip
FIXED = (int, float, str, bool, type(None))
Reader = Callable[[], Any]


class UnseenError(Exception):
    """Changes of a value cannot be seen."""


def users_classes(kind: type) -> Iterator[type]:
    """Yield the classes that ``kind`` inherits from and that are not lamella's or Python's."""
    for base in kind.__mro__:
        library = base.__module__.partition(".")[0] in ("lamella", "abc")
        if not library and getattr(builtins, base.__name__, None) is not base:
            yield base


def readers_of(kind: type, names: Sequence[str]) -> list[Reader]:
    """Return functions that read all outer values of a class's methods, and of their helpers.

    ``names`` are the methods that are called; the methods that these call are found by name. Raise
    an UnseenError if one reads a value whose changes cannot be seen, such as an object or a list.
    """
    methods: dict[str, list[Any]] = {}
    for base in kind.__mro__ if any(users_classes(kind)) else ():
        for name, value in vars(base).items():
            methods.setdefault(name, []).append(value)
    properties = [name for name, found in methods.items() if isinstance(found[0], property)]
    waiting = [f for name in (*names, *properties) for f in methods.get(name, ())]
    seen: list[Any] = []
    readers: list[Reader] = []
    while waiting:
        function = waiting.pop()
        if isinstance(function, property):
            function = function.fget
        function = getattr(function, "__func__", function)
        if not isinstance(function, FunctionType) or function in seen:
            continue
        seen.append(function)
        waiting += [f for name in _names(function.__code__) for f in methods.get(name, ())]
        if _is_of_library(function):
            continue
        readers.append(partial(getattr, function, "__code__"))
        for read in _outer(function):
            value = read()
            if isinstance(value, FunctionType) and not _is_of_library(value):
                waiting.append(value)
            elif not (type(value) in FIXED or _is_base(value, kind) or _is_of_library(value)):
                raise UnseenError
            readers.append(read)
    return readers


def _outer(function: FunctionType) -> Iterator[Reader]:
    """Yield readers of a function's globals, closure and defaults, without Python's builtins."""
    for name in _global_names(function.__code__):
        if name in function.__globals__:
            yield partial(function.__globals__.get, name)
        elif name not in BUILTINS:
            raise UnseenError
    for cell in function.__closure__ or ():
        yield partial(getattr, cell, "cell_contents")
    for value in (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()):
        yield partial(itemgetter(0), (value,))


def _is_base(value: Any, kind: type) -> bool:
    return isinstance(value, type) and value in kind.__mro__


def _is_of_library(value: Any) -> bool:
    """Whether a value is a module of a library, or a class or function from it."""
    if isinstance(value, np.ufunc):
        return True
    if not isinstance(value, ModuleType | type | FunctionType) and not callable(value):
        return False
    name = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", "")
    return str(name).partition(".")[0] in LIBRARIES and "random" not in str(name)


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _global_names(code: CodeType) -> Iterator[str]:
    for instruction in dis.get_instructions(code):
        if instruction.opname.startswith("IMPORT") or instruction.argval == "random":
            raise UnseenError
        if "GLOBAL" in instruction.opname or instruction.opname == "LOAD_NAME":
            yield instruction.argval
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _global_names(constant)
