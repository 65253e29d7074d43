"""Digests of the user's own code, so that a training is not resumed with other code.

They are taken from bytecode: comments, docstrings, formatting and the place in a file do not count,
and code typed into a session has a digest too.
"""

import dis
import hashlib
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from functools import cached_property
from types import CodeType, FunctionType
from typing import Any

from lamella.network.reads import users_classes

PLAIN = (bool, int, float, complex, str, bytes, type(None))
# Bytecode is another in each version.
PYTHON = ".".join(map(str, sys.version_info[:2]))
LIBRARIES = tuple(sysconfig.get_paths()[name] for name in ("stdlib", "purelib", "platlib"))


def code_digests(parts: Iterable[Any], *, numbers: bool = True) -> dict[str, str]:
    """Return Python's version and a SHA-256 for each class and function of the user's, by name.

    Parameters
    ----------
    parts : iterable of class and function
        Bases of a class count as well; lamella's own classes and functions are left out.
    numbers : bool
        Whether numbers and strings count that the code reads from globals and closures. Those of
        callbacks are often counters.
    """
    lines: dict[str, list[str]] = {}
    for part in parts:
        if isinstance(part, type):
            own = (k for k in users_classes(part) if _package(k) not in sys.stdlib_module_names)
            for kind in own:
                lines.setdefault(kind.__name__, [*_class_lines(kind, numbers)])
        elif isinstance(part, FunctionType) and _is_users(part):
            lines.setdefault(part.__name__, [*_function_lines(part, numbers, [])])
    return {name: f"{PYTHON} {_sha256(found)}" for name, found in lines.items()}


def changed_code(there: dict[str, str], here: dict[str, str]) -> list[str]:
    """Return the names of which the code has changed, as far as one version of Python can tell."""
    return [
        name
        for name, digest in here.items()
        if there.get(name) != digest and there.get(name, PYTHON).split()[0] == PYTHON
    ]


def _class_lines(kind: type, numbers: bool) -> Iterator[str]:
    """Yield a text for each method and each number or text of a class."""
    for name, value in sorted(vars(kind).items()):
        for function in _functions(value):
            yield f"{name}: {_sha256(_function_lines(function, numbers, []))}"
        if not name.startswith("__") and _is_plain(value):
            yield f"{name} = {value!r}"


def _functions(value: Any) -> Iterator[FunctionType]:
    if isinstance(value, property):
        parts = [value.fget, value.fset]
    elif isinstance(value, cached_property):
        parts = [value.func]
    else:
        parts = [getattr(value, "__func__", value)]  # a static method or class method has one
    return (part for part in parts if isinstance(part, FunctionType))


def _function_lines(
    function: FunctionType, numbers: bool, seen: list[FunctionType]
) -> Iterator[str]:
    """Yield a text for each part of a function, and of the functions and numbers it reads."""
    if function in seen:
        return
    seen.append(function)
    yield from _code_lines(function.__code__)
    defaults = [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).items()]
    yield repr([value for value in defaults if _is_plain(value)])
    for name, value in _outer_values(function):
        if isinstance(value, FunctionType):
            yield from _function_lines(value, numbers, seen) if _is_users(value) else ()
        elif numbers and _is_plain(value):
            yield f"{name} = {value!r}"


def _outer_values(function: FunctionType) -> Iterator[tuple[str, Any]]:
    """Yield names and values of the globals and the closure that a function reads."""
    for name in _global_names(function.__code__):
        if name in function.__globals__:
            yield name, function.__globals__[name]
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        yield name, cell.cell_contents


def _global_names(code: CodeType) -> Iterator[str]:
    for step in dis.get_instructions(code):
        if step.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            yield step.argval
        elif isinstance(step.argval, CodeType):
            yield from _global_names(step.argval)


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


def _is_plain(value: Any) -> bool:
    return isinstance(value, PLAIN) or (isinstance(value, tuple) and all(map(_is_plain, value)))


def _is_users(function: FunctionType) -> bool:
    is_library = function.__code__.co_filename.startswith(LIBRARIES)
    return not is_library and _package(function) != "lamella"


def _package(part: type | FunctionType) -> str:
    return part.__module__.partition(".")[0]


def _sha256(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
