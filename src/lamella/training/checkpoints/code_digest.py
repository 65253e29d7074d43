"""Digests of the user's own code: trainings and results of other code are not taken for its own.

They are taken from bytecode: comments, docstrings, formatting and the place in a file do not count,
and code typed into a session has a digest too. They cover all that the code reads: base classes,
helpers, defaults, and numbers, arrays and objects in globals, closures and the user's modules.
"""

import dis
import hashlib
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from functools import cached_property, partial
from importlib.util import find_spec
from types import (
    BuiltinFunctionType,
    CodeType,
    FunctionType,
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodType,
    ModuleType,
)
from typing import Any

import numpy as np

from lamella.core.config import Configured
from lamella.network.reads import users_classes

PLAIN = (bool, int, float, complex, str, bytes, type(None), type(...), range, np.generic, np.dtype)
# Bytecode is another in each version.
PYTHON = ".".join(map(str, sys.version_info[:2]))
LIBRARIES = tuple(sysconfig.get_paths()[name] for name in ("stdlib", "purelib", "platlib"))
STATELESS = ("dataclasses", "logging", "types", "typing")  # their objects compute nothing
UNSEEN = "unseen: "


def code_digests(parts: Iterable[Any], *, numbers: bool = True) -> dict[str, str]:
    """Return Python's version and a SHA-256 for each class and function of the user's, by name.

    Bases of a class count as well; lamella's own classes and functions are left out. ``numbers``
    says whether numbers and strings count that the code reads from globals and closures: those of
    callbacks are often counters.
    """
    lines: dict[str, list[str]] = {}
    for part in parts:
        for each in _own_parts(part):
            lines.setdefault(each.__name__, []).extend(_Code(part, numbers).lines_of(each))
    return {name: f"{PYTHON} {_sha256(found)}" for name, found in lines.items()}


def code_digest(part: Any) -> str:
    """Return one digest of a class or function of the user's, with its bases."""
    return f"{PYTHON} {_sha256(map(str, code_digests([part]).items()))}"


def unseen_values(part: Any) -> list[str]:
    """Return the values that a class or function reads and that have no digest, by name."""
    lines = [line for each in _own_parts(part) for line in _Code(part, True).lines_of(each)]
    return list(dict.fromkeys(line[len(UNSEEN) :] for line in lines if line.startswith(UNSEEN)))


def changed_code(there: dict[str, str], here: dict[str, str]) -> list[str]:
    """Return the names of which the code has changed, as far as one version of Python can tell."""
    return [
        name
        for name, digest in here.items()
        if there.get(name) != digest and there.get(name, PYTHON).split()[0] == PYTHON
    ]


def _own_parts(part: Any) -> list[Any]:
    """Return a class with its bases, or a function, without those of libraries."""
    package = _package(getattr(part, "__module__", ""))
    if isinstance(part, type):
        return [k for k in users_classes(part) if not _is_library(k.__module__, package)]
    return [part] if isinstance(part, FunctionType) and package != "lamella" else []


class _Code:
    """Reader of the code of ``part`` and of all that it reads, as lines of text."""

    def __init__(self, part: Any, numbers: bool) -> None:
        self._package, self._numbers = _package(part.__module__), numbers
        self._seen: dict[int, tuple[int, Any]] = {}  # place and object, which keeps its id

    def lines_of(self, part: Any) -> Iterator[str]:
        """Yield the lines of one class without its bases, or of a function."""
        self._seen[id(part)] = len(self._seen), part
        if isinstance(part, type):
            for name, value in sorted(vars(part).items()):
                if not _is_pythons(name, value):
                    yield from self._value(name, value)
        else:
            yield from self._function(part)

    def _value(self, name: str, value: Any) -> Iterator[str]:
        if isinstance(value, PLAIN):
            if self._numbers:
                yield f"{name} = {value!r}"
        elif id(value) in self._seen:
            yield f"{name}: again {self._seen[id(value)][0]}"
        else:
            if not isinstance(value, tuple):  # equal ones may be one object
                self._seen[id(value)] = len(self._seen), value
            yield from self._part(name, value)

    def _part(self, name: str, value: Any) -> Iterator[str]:
        """Yield the lines of anything but a number or text."""
        if isinstance(value, type):
            yield f"{name}: {value.__module__}.{value.__qualname__}"
            for kind in users_classes(value):
                if not _is_library(kind.__module__, self._package):
                    yield from self.lines_of(kind)
        elif isinstance(value, ModuleType):
            yield f"{name}: module {value.__name__}"
        elif isinstance(value, FunctionType) and not self._is_librarys(value):
            yield f"{name}:"
            yield from self._function(value)
        elif (inside := _inside(value)) is not None:
            yield f"{name}: {type(value).__name__}"
            for key, item in inside:
                yield from self._value(f"{name}.{key}", item)
        elif isinstance(value, np.ndarray) and value.dtype != object:
            if self._numbers:
                yield f"{name}: {value.dtype.str} {value.shape} {_sha256([value.tobytes().hex()])}"
        elif _is_librarys_part(value):
            yield f"{name}: {value.__module__}.{value.__name__}"
        elif _package(type(value).__module__) in STATELESS:
            yield f"{name}: {type(value).__name__}"
        elif _package(type(value).__module__) == "lamella" or not self._has_library(type(value)):
            yield from self._object(name, value)
        else:
            yield f"{UNSEEN}{name}, of type {type(value).__name__}"

    def _object(self, name: str, value: Any) -> Iterator[str]:
        yield from self._value(f"{name}.class", type(value))
        if not hasattr(value, "__dict__"):
            yield f"{UNSEEN}{name}, of type {type(value).__name__}"
            return
        for key, item in (value.config() if isinstance(value, Configured) else vars(value)).items():
            yield from self._value(f"{name}.{key}", item)

    def _function(self, function: FunctionType) -> Iterator[str]:
        """Yield a text for each part of a function, and of all that it reads."""
        yield from _code_lines(function.__code__)
        defaults = {"defaults": function.__defaults__ or (), "named": function.__kwdefaults__ or {}}
        for name, value in [*defaults.items(), *vars(function).items(), *_outer_values(function)]:
            yield from self._value(name, value)
            if isinstance(value, ModuleType):
                yield from self._module(value, sorted(_names(function.__code__)), [])
        for name in _imports(function.__code__):
            if name in sys.modules:
                yield from self._module(sys.modules[name], sorted(_names(function.__code__)), [])
            elif not _is_found_in_library(name):
                yield f"{UNSEEN}{name}, a module that is not imported yet"

    def _module(
        self, module: ModuleType, read: Sequence[str], seen: list[ModuleType]
    ) -> Iterator[str]:
        """Yield the lines of all values of a user's module whose names a function reads."""
        if module in seen or self._has_library(module):
            return
        seen.append(module)
        for name in read:
            if name in vars(module):
                yield from self._value(f"{module.__name__}.{name}", vars(module)[name])
                if isinstance(vars(module)[name], ModuleType):
                    yield from self._module(vars(module)[name], read, seen)

    def _is_librarys(self, function: FunctionType) -> bool:
        return _is_library(str(function.__globals__.get("__name__", "")), self._package)

    def _has_library(self, part: type | ModuleType) -> bool:
        name = part.__name__ if isinstance(part, ModuleType) else part.__module__
        return _is_library(name, self._package)


def _inside(value: Any) -> list[tuple[Any, Any]] | None:
    """Return the items of a container, or the functions that another one consists of."""
    if isinstance(value, Mapping):
        return [(repr(key), item) for key, item in value.items()]
    if isinstance(value, Set):
        return [("items", item) for item in sorted(value, key=repr)]
    if isinstance(value, list | tuple):
        return [*enumerate(value)]
    if isinstance(value, property):
        return [("get", value.fget), ("set", value.fset)]
    if isinstance(value, cached_property):
        return [("function", value.func)]
    if isinstance(value, partial):
        return [("function", value.func), ("args", value.args), ("named", value.keywords)]
    if isinstance(value, MethodType):
        return [("function", value.__func__), ("self", value.__self__)]
    if isinstance(value, slice):
        return [("slice", (value.start, value.stop, value.step))]
    for name in ("__wrapped__", "__func__"):  # of decorators, and of static methods
        if hasattr(value, name):
            return [("function", getattr(value, name))]
    return None


def _outer_values(function: FunctionType) -> Iterator[tuple[str, Any]]:
    """Yield names and values of the globals and the closure that a function reads."""
    for name in _global_names(function.__code__):
        if name in function.__globals__:
            yield name, function.__globals__[name]
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            yield name, cell.cell_contents
        except ValueError:  # it is empty
            continue


def _global_names(code: CodeType) -> Iterator[str]:
    for step in dis.get_instructions(code):
        if step.opname in ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"):
            yield step.argval
        elif isinstance(step.argval, CodeType):
            yield from _global_names(step.argval)


def _imports(code: CodeType) -> Iterator[str]:
    for step in dis.get_instructions(code):
        if step.opname == "IMPORT_NAME":
            yield step.argval
        elif isinstance(step.argval, CodeType):
            yield from _imports(step.argval)


def _names(code: CodeType) -> set[str]:
    inside = [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    return {*code.co_names, *(name for each in inside for name in _names(each))}


def _code_lines(code: CodeType) -> Iterator[str]:
    """Yield a text for each instruction; a docstring is none."""
    yield f"{code.co_argcount} {code.co_kwonlyargcount} {code.co_names}"
    yield code.co_exceptiontable.hex()
    for step in dis.get_instructions(code):
        if step.opcode not in dis.hasconst:
            yield f"{step.opname} {step.arg}"
        elif isinstance(step.argval, CodeType):
            yield from _code_lines(step.argval)
        elif isinstance(step.argval, frozenset):  # its order varies
            yield f"{step.opname} {sorted(map(repr, step.argval))}"
        else:
            yield f"{step.opname} {step.argval!r}"


def _is_pythons(name: str, value: Any) -> bool:
    """Whether Python puts an attribute into a class, which then computes nothing."""
    is_data = not isinstance(value, FunctionType | classmethod | staticmethod | property)
    descriptors = (GetSetDescriptorType, MemberDescriptorType)
    return (name.startswith(("__", "_abc_")) and is_data) or isinstance(value, descriptors)


def _is_librarys_part(value: Any) -> bool:
    """Whether a value is a function or ufunc that belongs to a library and to no object."""
    owner = getattr(value, "__self__", None)
    is_free = owner is None or isinstance(owner, ModuleType | type)
    return isinstance(value, FunctionType | np.ufunc | BuiltinFunctionType) and is_free


def _is_library(module: str, package: str) -> bool:
    """Whether a module is of lamella or Python, or is installed and not of this package."""
    root = _package(module)
    if root in ("lamella", "builtins") or root in sys.stdlib_module_names:
        return root != "__main__"
    file = getattr(sys.modules.get(module), "__file__", None) or ""
    return root not in ("__main__", package) and file.startswith(LIBRARIES)


def _is_found_in_library(module: str) -> bool:
    root = _package(module)
    if root in ("lamella", "") or root in sys.stdlib_module_names:
        return bool(root)
    found = find_spec(root)
    return bool(found and (found.origin or "").startswith(LIBRARIES))


def _package(module: str | None) -> str:
    return (module or "").partition(".")[0]


def _sha256(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
