"""Rules as tasks of the GPU: CUDA source from a program, and the words that it reads."""

import hashlib
from collections.abc import Sequence

from lamella.backend.cupy.task import THREADS, Function, Task
from lamella.backend.elementwise import OPERATIONS, Program, to_c
from lamella.core.typing import Array

PLACES = 6  # words before the addresses of the arrays
# CUDA's own max and min leave out NaN.
CUDA = {**OPERATIONS, "maximum": "maximum({}, {})", "minimum": "minimum({}, {})"}


class RuleTasks:
    """Makes a task of a program for each set of arrays.

    words: size of a row, table, count, width, column, size, arrays, results, scalar values. Where
    there is a table, its row of the step has the scalar values.
    """

    def __init__(self, program: Program) -> None:
        self._program = program
        used = {i for step in program.steps for i in step.inputs}
        self._shared = [i for i in program.shared if i in used]
        self._functions: dict[tuple[int, ...], Function] = {}
        self._numbers_at = PLACES + program.arrays + len(program.outputs)

    @property
    def fits(self) -> bool:
        """Whether there are enough words for a task."""
        return self._numbers_at + len(self._shared) <= 32

    def task(
        self, outputs: Sequence[Array], arrays: Sequence[Array], scalars: Sequence[float]
    ) -> Task:
        """Return the task that applies the rule to whole arrays of one dtype.

        Arrays of the shape of a result's rows serve all rows.
        """
        out = outputs[0]
        rows = tuple([i for i, array in enumerate(arrays) if array.size != out.size])
        function = self._functions.get(rows)
        if function is None:
            function = self._functions[rows] = self._write(rows)
        row = arrays[rows[0]].size if rows else out.size
        return Task(
            function,
            out.dtype,
            -(-out.size // THREADS),
            (row, None, None, 0, 0, out.size, *arrays, *outputs),
            writes=outputs,
            numbers=self.numbers(scalars),
            numbers_at=self._numbers_at,
        )

    def numbers(self, scalars: Sequence[float]) -> list[float]:
        """Return the values that are the same for all elements, for these scalars."""
        values = self._program.scalar_values(scalars)
        return [values[i] for i in self._shared]

    def _write(self, rows: Sequence[int]) -> Function:
        """Write the functions for arrays of which those numbered ``rows`` serve all rows."""
        program, first = self._program, self._numbers_at
        lines = ["    const double* row = row_of(w);"] * bool(self._shared)
        lines += [
            f"    const T s{i} = (T)(row ? row[{k}] : __longlong_as_double(w[{first + k}]));"
            for k, i in enumerate(self._shared)
        ]
        for i in sorted({i for step in program.steps for i in step.inputs if i < program.arrays}):
            index = "i % SIZE(0)" if i in rows else "i"
            lines.append(f"    const T a{i} = AT(const T, {PLACES + i})[{index}];")
        for line in to_c(program, CUDA).split("\n"):
            target, _, formula = line.partition(" = ")
            if target.startswith("o"):
                place = PLACES + program.arrays + int(target[1:])
                lines.append(f"    AT(T, {place})[i] = {formula}")
            else:
                lines.append(f"    const {line}")
        body = "\n".join(lines)
        name = f"rule_{hashlib.sha256(body.encode()).hexdigest()[:16]}"
        source = f"__device__ __forceinline__ void {name}_at(const i64* w, int i) {{\n{body}\n}}\n"
        source += f"TASK({name}) {{ EACH(i, SIZE(5)) {name}_at(w, i); }}\n"
        return Function(name, source)


def after_product(rule: Function) -> Function:
    """Return the function of a product whose every number a rule is applied to."""
    name = f"product_{rule.name}"
    task = f"TASK({name}) {{ product_then<{rule.name}_at>(w, tile, memory); }}\n"
    return Function(name, rule.source + task)


def is_rule(function: Function) -> bool:
    """Whether a function is that of a rule alone."""
    return function.name.startswith("rule_")
