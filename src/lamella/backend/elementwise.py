"""A rule of arithmetic: one function of numbers, traced into a list of operations.

Activations, update rules and regularizers are such functions. A trace (one run on symbols) gives a
`Program`, the list of operations. Each backend executes it in its own way: numpy without
temporaries (`lamella.backend.numpy_elementwise`), numba as one compiled loop
(`lamella.backend.numba.elementwise`), a GPU as one kernel (`to_c`).
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from lamella.core.errors import UsageError

# The operations a rule may use, and how each is written in C.
OPERATIONS = {
    "add": "{} + {}",
    "subtract": "{} - {}",
    "multiply": "{} * {}",
    "divide": "{} / {}",
    "negative": "-{}",
    "positive": "{}",
    "absolute": "fabs({})",
    "sign": "sign({})",
    "square": "{0} * {0}",
    "sqrt": "sqrt({})",
    "power": "pow({}, {})",
    "exp": "exp({})",
    "expm1": "expm1({})",
    "log": "log({})",
    "log1p": "log1p({})",
    "tanh": "tanh({})",
    "maximum": "max({}, {})",
    "minimum": "min({}, {})",
    "greater": "{} > {}",
    "greater_equal": "{} >= {}",
    "less": "{} < {}",
    "less_equal": "{} <= {}",
}
# Python's operators give numpy's bits for floats, much faster than numpy's functions do.
PLAIN: dict[np.ufunc, Callable[..., Any]] = {
    np.add: operator.add,
    np.subtract: operator.sub,
    np.multiply: operator.mul,
}


@dataclass(frozen=True)
class Step:
    """One operation: ``values[result] = ufunc(*values[inputs])``."""

    ufunc: np.ufunc
    inputs: tuple[int, ...]
    result: int


@dataclass
class Program:
    """The operations of a rule. Its values are numbered: arrays, scalars, then all others.

    ``is_fixed`` is False if the constants can change from run to run.
    """

    arrays: int
    scalars: int
    constants: dict[int, float] = field(default_factory=dict)
    scalar_steps: list[Step] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    outputs: list[int] = field(default_factory=list)
    size: int = 0
    is_fixed: bool = True

    def is_like(self, other: "Program") -> bool:
        """Whether another program has the same operations, whatever its constants are."""
        same = other.constants.keys() == self.constants.keys()
        return same and self == replace(other, constants=self.constants)

    @property
    def shared(self) -> list[int]:
        """The values that are the same for all elements, by number."""
        return [i for i in range(self.size) if self.is_scalar(i)]

    def is_scalar(self, value: int) -> bool:
        """Whether a value is the same for all elements, and so computed only once."""
        made = {step.result for step in self.scalar_steps}
        inputs = range(self.arrays, self.arrays + self.scalars)
        return value in self.constants or value in made or value in inputs

    def scalar_values(self, scalars: Sequence[float]) -> dict[int, float]:
        """Return every scalar value by number: given, constant or computed, in double precision."""
        if len(scalars) != self.scalars:
            raise UsageError(f"the rule takes {self.scalars} scalars, got {len(scalars)}")
        values = dict(self.constants)
        values.update(enumerate(map(float, scalars), self.arrays))
        for step in self.scalar_steps:
            compute = PLAIN.get(step.ufunc, step.ufunc)
            values[step.result] = float(compute(*[values[i] for i in step.inputs]))
        return values


class Symbol(NDArrayOperatorsMixin):
    """Stand-in for a number while a rule is traced; appends each operation to the program."""

    def __init__(self, program: Program, value: int) -> None:
        self.program = program
        self.value = value

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method != "__call__" or kwargs or ufunc.__name__ not in OPERATIONS:
            raise _not_elementwise(ufunc.__name__)
        return _trace(self.program, ufunc, inputs)

    def __array_function__(self, function: Any, *_: Any) -> Any:
        raise _not_elementwise(function.__name__)

    def __bool__(self) -> bool:
        raise UsageError(
            "a rule is one formula for all numbers and cannot branch on one: write "
            "(g > 0) * a + (g <= 0) * b, or numpy.maximum, instead of if"
        )

    def __float__(self) -> float:
        raise UsageError(
            "a rule is traced with symbols, which are no floats: use numpy's functions, such as "
            "numpy.sqrt, not those of math"
        )


def _not_elementwise(name: str) -> UsageError:
    return UsageError(
        f"a rule cannot use numpy.{name}: it may use + - * / ** and comparisons, and numpy's "
        f"{', '.join(OPERATIONS)}; a rule that needs more sets elementwise = False"
    )


def trace(rule: Callable[..., Any], arrays: int, scalars: int) -> Program:
    """Trace ``rule``, a function of ``arrays`` array arguments followed by ``scalars`` numbers.

    Raise a UsageError if it branches on them, or uses a function that is not elementwise.
    """
    program = Program(arrays, scalars, size=arrays + scalars)
    results = rule(*(Symbol(program, i) for i in range(arrays + scalars)))
    for result in results if isinstance(results, tuple) else (results,):
        if not isinstance(result, Symbol | int | float):
            raise UsageError(
                f"a rule must return one number, or several as a tuple; got {result!r:.60}"
            )
        if (
            not isinstance(result, Symbol)
            or result.value < arrays
            or program.is_scalar(result.value)
        ):
            result = _trace(program, np.positive, (result,), force_array=True)
        program.outputs.append(result.value)
    return program


def _trace(
    program: Program, ufunc: np.ufunc, inputs: Sequence[Any], *, force_array: bool = False
) -> Symbol:
    if ufunc is np.power and isinstance(inputs[1], int | float) and inputs[1] in (0.5, 2):
        ufunc, inputs = (np.square if inputs[1] == 2 else np.sqrt), inputs[:1]
    numbers = []
    for item in inputs:
        if not isinstance(item, Symbol):
            if np.ndim(item):
                raise UsageError(
                    f"a rule works on single numbers, got an array of shape {np.shape(item)}: pass "
                    "arrays as arguments of the rule"
                )
            program.constants[program.size] = float(item)
            program.size += 1
        numbers.append(item.value if isinstance(item, Symbol) else program.size - 1)
    step = Step(ufunc, tuple(numbers), program.size)
    once = not force_array and all(program.is_scalar(i) for i in numbers)
    (program.scalar_steps if once else program.steps).append(step)
    program.size += 1
    return Symbol(program, step.result)


def to_c(program: Program, operations: Mapping[str, str] = OPERATIONS) -> str:
    """Write a program as the body of an elementwise C kernel of type ``T``.

    Arrays are ``a0, a1, ...``, scalar values ``s<number>``, results ``o0, o1, ...``.
    ``operations`` says how each is written.
    """
    names = {i: f"a{i}" for i in range(program.arrays)}
    names.update((i, f"s{i}") for i in range(program.size) if program.is_scalar(i))
    lines = []
    for step in program.steps:
        names[step.result] = f"t{step.result}"
        formula = operations[step.ufunc.__name__].format(*(names[i] for i in step.inputs))
        lines.append(f"T t{step.result} = {formula};")
    lines += [f"o{number} = {names[value]};" for number, value in enumerate(program.outputs)]
    return "\n".join(lines)
