"""Trace rules as users write them: functions, lambdas with closures, methods of objects.

A trace runs a rule once on symbols, so each number that the rule reads from elsewhere becomes a
constant of the program. Closures are part of the rule's key. Attributes and globals are listed in
`Program.reads`, and a change of one of them leads to a new trace. Tracing refuses values whose
changes it cannot see.
"""

import dis
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from lamella.backend.base import Backend
from lamella.backend.elementwise import Program, Read, trace
from lamella.core.errors import UsageError
from lamella.core.typing import Array

CLOSURES = 32  # programs of one lambda: more mean that a number changes from step to step
NUMBERS = (int, float, np.number, np.bool_)
FIXED = (str, type(None), type, ModuleType, BuiltinFunctionType, np.ufunc)


def key_of(rule: Callable[..., Any], arrays: int) -> tuple[Any, ...]:
    """Return a key for a rule of ``arrays`` arrays: rules of equal keys compute the same.

    A lambda is a new object in each call of the method around it, but its code object stays.

    Raises
    ------
    UsageError
        If the rule's closure or a default holds a value whose changes tracing cannot see.
    """
    if not isinstance(rule, FunctionType):
        return rule, arrays
    values = [cell.cell_contents for cell in rule.__closure__ or ()]
    for name, value in zip(rule.__code__.co_freevars, values, strict=True):
        _expect_visible(f"the variable {name} of its closure", value)
    defaults = (*(rule.__defaults__ or ()), *(rule.__kwdefaults__ or {}).values())
    for value in defaults:
        _expect_visible("a default value", value)
    return rule.__code__, arrays, *((type(value), value) for value in (*values, *defaults))


def trace_rule(rule: Callable[..., Any], arrays: int, scalars: int) -> Program:
    """Trace a rule, see `lamella.backend.elementwise.trace`, and list the values it reads.

    Raises
    ------
    UsageError
        If the rule is no formula, or reads a value whose changes tracing cannot see.
    """
    reads: list[Read] = []
    traced, function = rule, getattr(rule, "__func__", rule)
    if isinstance(rule, MethodType) and not isinstance(rule.__self__, type):
        traced = MethodType(rule.__func__, _observer(rule.__self__, reads))
    elif not isinstance(function, FunctionType | np.ufunc):
        raise UsageError(f"a rule must be a function or a method, got {rule!r:.60}")
    reads += _reads_of(function)
    for base in type(getattr(rule, "__self__", None)).__mro__:  # super() may call them
        reads += _reads_of(vars(base).get(function.__name__))
    program = trace(traced, arrays, scalars)
    program.reads = reads
    return program


def bind_rule(
    rule: Callable[..., Any],
    backend: Backend,
    arrays: Sequence[Array],
    outputs: Mapping[str, Array],
    scalars: int,
) -> Callable[..., None]:
    """Return ``run(*scalars)``, which applies a rule to vectors, see `Backend.compile_rule`.

    A change of a value that the rule reads takes effect in the next run.

    Raises
    ------
    UsageError
        If the rule does not return one result for each of ``outputs``.
    """

    def compiled() -> tuple[Program, Callable[..., None]]:
        program = trace_rule(rule, len(arrays), scalars)
        if len(program.outputs) != len(outputs):
            owner = type(getattr(rule, "__self__", None)).__name__
            raise UsageError(
                f"the rule of {owner} must return {', '.join(outputs)}, got "
                f"{len(program.outputs)} results"
            )
        return program, backend.compile_rule(program, arrays, [*outputs.values()])

    program, run = compiled()
    if not program.reads:
        return run

    def run_current(*values: float) -> None:
        nonlocal program, run
        if not program.is_current():
            program, run = compiled()
        run(*values)

    return run_current


def _observer(owner: Any, reads: list[Read]) -> Any:
    """Return a stand-in for ``owner`` that appends each attribute read from it to ``reads``."""

    def observe(self: Any, name: str) -> Any:
        if name.startswith("__"):
            return object.__getattribute__(self, name)
        value = getattr(owner, name)
        if isinstance(value, MethodType) and value.__self__ is owner:
            reads.extend([Read(owner, name, value), *_reads_of(value.__func__)])
            return MethodType(value.__func__, self)
        _expect_visible(f"the attribute {name}", value)
        reads.extend([Read(owner, name, value), *_reads_of(value)])
        return value

    # A subclass, so that ``super()`` works in the rule.
    kind = type(type(owner).__name__, (type(owner),), {"__getattribute__": observe})
    return object.__new__(kind)


def reads_of(function: Any) -> Iterator[Read]:
    """Yield the numbers and functions that a method reads from globals and closures."""
    return (x for x in _outer(function) if isinstance(x.value, (*NUMBERS, str, FunctionType)))


def _outer(function: Any) -> Iterator[Read]:
    """Yield all globals and closures of a function; nothing for other objects."""
    if isinstance(function, FunctionType):
        names = _global_names(function.__code__)
        found: list[tuple[Any, str]] = [(function.__globals__, name) for name in names]
        for owner, name in [*found, *((x, "cell_contents") for x in function.__closure__ or ())]:
            yield Read(owner, name, Read(owner, name, None).now())


def _reads_of(function: Any, seen: tuple[Any, ...] = ()) -> Iterator[Read]:
    """Yield the globals and closures that a function and the functions it calls read."""
    for read in () if function in seen else _outer(function):
        if isinstance(read.value, FunctionType):
            yield from _reads_of(read.value, (*seen, function))
        else:
            _expect_visible(f"the global or closed-over value {read.name}", read.value)
        if not isinstance(read.value, ModuleType):
            yield read


def _global_names(code: CodeType) -> Iterator[str]:
    for instruction in dis.get_instructions(code):
        if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            yield instruction.argval
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _global_names(constant)


def _expect_visible(where: str, value: Any) -> None:
    if not isinstance(value, (*NUMBERS, *FIXED, FunctionType)):
        raise UsageError(
            f"a rule reads {where}, a {type(value).__name__}, whose changes tracing cannot see: "
            "pass arrays as arguments of the rule, and numbers through scalars=(...)"
        )
