"""Rules as users write them: functions, lambdas and methods.

A pure rule depends on its arguments alone. It is traced once. Any other rule may read numbers that
change: attributes, globals, variables of its closure. It is traced anew whenever it is applied,
which takes some 50 us, and its numbers are passed to the program compiled before.
"""

import dis
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import CodeType, FunctionType, MethodType
from typing import Any

import numpy as np

from lamella.backend.base import Backend
from lamella.backend.elementwise import OPERATIONS, Program, trace
from lamella.core.errors import UsageError
from lamella.core.typing import Array

Rule = Callable[..., Any]


class TracedRule:
    """A rule with its program, and the function ``run`` that the backend compiled from it.

    ``arrays`` and ``scalars`` count the arguments of ``rule(*numbers, *scalars)`` of each kind.
    """

    def __init__(
        self, rule: Rule, arrays: int, scalars: int, compile_program: Callable[[Program], Rule]
    ) -> None:
        self._counts, self._compile, self.run = (arrays, scalars), compile_program, rule
        self._program: Program | None = None
        self.follow(rule)

    def serves(self, rule: Any) -> bool:
        """Whether the program holds for a function or method of the same code."""
        return (
            self._is_pure
            and getattr(rule, "__globals__", None) is self._globals  # a ufunc has none
            and (not self._held or _closure(rule) == self._held)
        )

    def follow(self, rule: Any) -> None:
        """Trace a rule. Compile its program only if it has other operations than before."""
        program, old = trace(rule, *self._counts), self._program
        self._is_pure = is_pure(rule)
        self._globals, self._held = getattr(rule, "__globals__", None), _closure(rule)
        program.is_fixed = self._is_pure
        if old is not None and not (old.is_fixed or program.is_fixed) and old.is_like(program):
            old.constants.update(program.constants)
        else:
            self._program, self.run = program, self._compile(program)


def is_pure(rule: Any) -> bool:
    """Whether a rule depends on its arguments alone, and on functions that do."""
    if isinstance(rule, np.ufunc):
        return True
    function = getattr(rule, "__func__", rule)
    if not isinstance(function, FunctionType) or function.__defaults__ or function.__kwdefaults__:
        return False
    ignored = function.__code__.co_varnames[:1] if isinstance(rule, MethodType) else ()
    for name, value in _outer_names(function.__code__, ignored):
        found = function.__globals__.get(value) if name == "global" else None
        if not (
            (name == "attribute" and value in OPERATIONS)
            or found is np
            or isinstance(found, np.ufunc)
            or (found is None and value == "abs")
        ):
            return False
    return all(is_pure(value) for value, _ in _closure(function))


def _closure(rule: Any) -> list[Any]:
    """Return the values that a rule closes over, each with its code, which may be edited."""
    values = [cell.cell_contents for cell in getattr(rule, "__closure__", None) or ()]
    return [(value, getattr(value, "__code__", None)) for value in values]


def _outer_names(code: CodeType, ignored: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield globals, attributes and other names that code uses, and uses of ``ignored`` ones."""
    for instruction in dis.get_instructions(code):
        kind, value = instruction.opname, instruction.argval
        if kind in ("LOAD_GLOBAL", "LOAD_NAME"):
            yield "global", value
        elif kind in ("LOAD_ATTR", "LOAD_METHOD"):
            yield "attribute", value
        elif kind.startswith(("IMPORT", "LOAD_SUPER")) or "GLOBAL" in kind:
            yield "other", str(value)
        elif "_FAST" in kind or "DEREF" in kind or "CLOSURE" in kind:
            names = value if isinstance(value, tuple) else (value,)
            yield from (("other", name) for name in names if name in ignored)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _outer_names(constant, ignored)


def expect_results(owner: Any, names: Iterable[str], count: int) -> None:
    """Raise a UsageError unless a rule has returned as many results as it must."""
    if count != len(wanted := [*names]):
        kind = type(owner).__name__
        raise UsageError(f"the rule of {kind} must return {', '.join(wanted)}, got {count} results")


def bind_rule(
    owner: Any,
    backend: Backend,
    arrays: Sequence[Array],
    outputs: Mapping[str, Array],
    scalars: int,
) -> Callable[..., None]:
    """Return ``run(*scalars)``, which applies ``owner.rule`` to vectors.

    Replaced rules and changed values that a rule reads take effect in the next run. Raise a
    UsageError if the rule does not return one result for each of ``outputs``.
    """

    def compile_program(program: Program) -> Callable[..., None]:
        expect_results(owner, outputs, len(program.outputs))
        return backend.compile_rule(program, arrays, [*outputs.values()])

    rule = owner.rule
    traced = TracedRule(rule, len(arrays), scalars, compile_program)
    kind = type(owner)
    if kind.__module__.startswith("lamella.") and isinstance(kind.rule, FunctionType):
        return traced.run

    code = rule.__code__

    def run(*values: float) -> None:
        nonlocal code
        rule = owner.rule
        if rule.__code__ is not code or not traced.serves(rule):
            code = rule.__code__
            traced.follow(rule)
        traced.run(*values)

    return run
