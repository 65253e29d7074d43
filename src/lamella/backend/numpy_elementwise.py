"""Run rules with numpy, operation by operation, in preallocated memory."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from lamella.backend.elementwise import Program
from lamella.backend.scratch import MOST_SIZES
from lamella.core.typing import Shape

BLOCK_BYTES = 128 * 1024  # so that the blocks of six arrays fit the L2 cache of one core
COMPARISONS = (np.greater, np.greater_equal, np.less, np.less_equal)
EXTREMES = (np.maximum, np.minimum)


def run_in_blocks(
    program: Program, arrays: Sequence[np.ndarray], outputs: Sequence[np.ndarray]
) -> Callable[..., None]:
    """Compile a program for these vectors; the returned ``run(*scalars)`` allocates nothing.

    All steps pass over one block of the vectors while it is in the cache. Each step writes into an
    output whose old content is no longer needed, or into one of a few block-sized temporaries.
    ``arrays`` are vectors of one length and dtype; ``outputs``, one per result, may be among them.
    """
    dtype = arrays[0].dtype
    places, temporaries = _assign_places(program, arrays, outputs)
    block = BLOCK_BYTES // dtype.itemsize
    memory = [np.empty(min(block, len(arrays[0])), dtype) for _ in range(temporaries)]
    cells = {i: np.empty((), dtype) for i in program.shared}
    calls: list[Callable[[], Any]] = []
    for start in range(0, len(arrays[0]), block):
        span = slice(start, min(start + block, len(arrays[0])))
        here: dict[int, np.ndarray] = dict(cells)
        here.update((i, array[span]) for i, array in enumerate(arrays))
        for step in program.steps:
            kind, number = places[step.result]
            target = outputs[number][span] if kind == "output" else memory[number]
            here[step.result] = target[: span.stop - span.start]
            inputs = (here[i] for i in step.inputs)
            calls.append(partial(step.ufunc, *inputs, out=here[step.result]))
        for value, output in zip(program.outputs, outputs, strict=True):
            if not np.shares_memory(here[value], output[span]):
                calls.append(partial(np.positive, here[value], out=output[span]))

    def run(*scalars: float) -> None:
        for i, x in program.scalar_values(scalars).items():
            cells[i][...] = x
        for call in calls:
            call()

    return run


def run_whole(program: Program) -> Callable[..., None]:
    """Return ``run(out, arrays, scalars)``, which applies a rule to whole arrays of any shape.

    Unlike in `run_in_blocks`, the arrays may differ from call to call. All calls share the
    temporaries of the largest.
    """
    places, _ = _assign_places(program, (), (None,))
    memory = _Values(program, places)

    def run(out: np.ndarray, arrays: Sequence[np.ndarray], scalars: Sequence[float]) -> None:
        values = memory.views.get((out.shape, out.dtype))
        values = [*arrays, *(memory.cut(out) if values is None else values)]
        if program.scalars or not program.is_fixed:
            for i, x in program.scalar_values(scalars).items():
                values[i][...] = x
        for step in program.steps:
            target = out if places[step.result][0] == "output" else values[step.result]
            step.ufunc(*map(values.__getitem__, step.inputs), out=target)

    return run


class _Values:
    """Memory for the values of a program but its arguments: that of the largest call.

    ``views`` has an array for each value, a leading slice of this memory, for results of some
    shapes and dtypes.
    """

    def __init__(self, program: Program, places: Mapping[int, tuple[str, int]]) -> None:
        booleans = _boolean_values(program)
        compared = [i for step in program.steps if step.ufunc in EXTREMES for i in step.inputs]
        self._numbers = program.scalar_values([1.0] * program.scalars)
        self._names: list[Any] = []  # of the memory of each value
        for i in range(program.arrays, program.size):
            kind, slot = places.get(i, ("number", i))
            if i in program.constants and i in compared:
                # numpy compares with an array several times faster than with a single number.
                kind = "constants"
            self._names.append((kind, slot, i in booleans))
        self._memory: dict[np.dtype, tuple[int, dict[Any, np.ndarray]]] = {}
        self.views: dict[tuple[Shape, np.dtype], list[np.ndarray]] = {}

    def cut(self, out: np.ndarray) -> list[np.ndarray]:
        """Return arrays for a result like ``out``, and keep them."""
        size, memory = self._memory.get(out.dtype, (-1, {}))
        if size < out.size or len(self.views) >= MOST_SIZES:
            self.views.clear()
        if size < out.size:
            self._memory.pop(out.dtype, None)
            memory = {}  # gives the smaller memory back first
            memory = {name: self._allocate(name, out) for name in self._names}
            self._memory[out.dtype] = out.size, memory
        cut = {
            name: whole[: out.size].reshape(out.shape) if whole.ndim else whole
            for name, whole in memory.items()
        }
        self.views[out.shape, out.dtype] = values = [cut[name] for name in self._names]
        return values

    def _allocate(self, name: tuple[str, int, bool], out: np.ndarray) -> np.ndarray:
        kind, slot, is_boolean = name
        if kind == "temporary":
            return np.empty(out.size, bool if is_boolean else out.dtype)
        shape = (out.size,) if kind == "constants" else ()
        return np.full(shape, self._numbers.get(slot, np.nan), out.dtype)


def _boolean_values(program: Program) -> set[int]:
    """Return the comparisons that only multiply numbers: their results can stay boolean."""
    booleans = {step.result for step in program.steps if step.ufunc in COMPARISONS}
    for step in program.steps:
        if step.ufunc is not np.multiply or booleans.issuperset(step.inputs):
            booleans -= set(step.inputs)
    return booleans - set(program.outputs)


def _assign_places(
    program: Program, arrays: Sequence[Any], outputs: Sequence[Any]
) -> tuple[dict[int, tuple[str, int]], int]:
    """Assign each result to an output or a numbered temporary; return also the number of those."""
    last_use = {i: at for at, step in enumerate(program.steps) for i in step.inputs}
    last_use.update((value, len(program.steps)) for value in program.outputs)
    places: dict[int, tuple[str, int]] = {}
    free: list[int] = []
    temporaries = 0
    for at, step in enumerate(program.steps):
        for i in set(step.inputs):
            if last_use[i] == at and places.get(i, ("", 0))[0] == "temporary":
                free.append(places[i][1])
        if step.result in program.outputs:
            number = program.outputs.index(step.result)
            held = [i for i, array in enumerate(arrays) if array is outputs[number]]
            if all(last_use.get(i, -1) <= at for i in held):
                places[step.result] = ("output", number)
                continue
        if not free:
            free.append(temporaries)
            temporaries += 1
        places[step.result] = ("temporary", free.pop())
    return places, temporaries
