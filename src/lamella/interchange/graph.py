"""Trace of a network's inference: the operations from which all exports are written."""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partialmethod
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from lamella.backend.elementwise import OPERATIONS
from lamella.core.errors import UsageError
from lamella.core.typing import Shape

Input = int | float | str


@dataclass
class Operation:
    """One operation on a batch; its result has ``shape`` for one sample.

    ``kind`` is the name of a function of numpy; "max" and "sum" are over the last axis, which
    remains; "input" begins the network, and "reshape" arranges features anew. Each input is the
    number of an earlier operation (int), the name of an array, or a constant (float). ``label``
    names the layer whose result this is.
    """

    kind: str
    inputs: tuple[Input, ...]
    shape: Shape
    label: str = ""

    @property
    def sources(self) -> list[int]:
        """Numbers of the operations whose results this one takes."""
        return [i for i in self.inputs if isinstance(i, int)]


class Graph:
    """Operations in order, and arrays by names that are identifiers in all languages.

    ``known`` are the parameters and states of the model by name.
    """

    def __init__(self, in_shape: Shape, dtype: np.dtype, known: Mapping[str, np.ndarray]) -> None:
        self.operations = [Operation("input", (), in_shape)]
        self.arrays: dict[str, np.ndarray] = {}
        self.dtype, self.known, self.part = dtype, known, ""

    def add(self, kind: str, inputs: tuple[Input, ...], shape: Shape) -> "Symbol":
        """Add an operation and return its result."""
        self.operations.append(Operation(kind, inputs, shape))
        return Symbol(self, len(self.operations) - 1)

    def apply(
        self, function: Callable[[Any], Any], x: "Symbol", shape: Shape, label: str
    ) -> "Symbol":
        """Return the result of a layer, whose samples have ``shape``."""
        self.part = label.partition(" ")[0]
        y = function(x)
        if not isinstance(y, Symbol):
            raise UsageError(f"the result does not depend on the input: {y!r:.80}")
        if np.prod(y.shape) != np.prod(shape):
            raise UsageError(f"the result must have shape {shape} for a sample, got {y.shape}")
        y = y if y.shape == shape else self.add("reshape", (y.number,), shape)
        if y.number != x.number:
            self.operations[y.number].label = label
        return y

    def evaluate(self, x: "Symbol", rows: np.ndarray, y: "Symbol") -> np.ndarray:
        """Return the result ``y`` for samples whose result ``x`` is ``rows``."""
        values = {x.number: rows}
        for i in range(x.number + 1, y.number + 1):
            operation = self.operations[i]
            kind, shape = operation.kind, (len(rows), *operation.shape)
            inputs: list[Any] = [
                values[item] if isinstance(item, int) else self.arrays.get(str(item), item)
                for item in operation.inputs
            ]
            if kind == "reshape":
                found = inputs[0].reshape(shape)
            elif kind in ("max", "sum"):
                found = getattr(inputs[0], kind)(axis=-1, keepdims=True)
            else:
                found = getattr(np, kind)(*inputs)
            values[i] = np.asarray(found, self.dtype)
        return values[y.number]

    def name(self, array: np.ndarray) -> str:
        """Return the name of an array, such as layer2_W, and add the array if it is new."""
        for name, other in self.arrays.items():
            if other is array:
                return name
        own = next((key for key, value in self.known.items() if value is array), "constant")
        name = re.sub(r"\W", "_", f"layer{self.part}_{own.rpartition('.')[2]}", flags=re.ASCII)
        while name in self.arrays:
            name += "_"
        self.arrays[name] = array
        return name

    def prune(self, last: "Symbol") -> None:
        """Remove operations and arrays that the result ``last`` does not need."""
        needed = {last.number}
        for i in range(last.number, 0, -1):
            needed.update(self.operations[i].sources if i in needed else ())
        new = {old: number for number, old in enumerate(sorted(needed))}
        self.operations = [
            replace(op, inputs=tuple(new[i] if isinstance(i, int) else i for i in op.inputs))
            for op in map(self.operations.__getitem__, sorted(needed))
        ]
        used = {i for op in self.operations for i in op.inputs if isinstance(i, str)}
        self.arrays = {name: array for name, array in self.arrays.items() if name in used}

    def uses(self) -> Counter[int]:
        """Count how often each operation is the input of a later one."""
        return Counter(i for operation in self.operations for i in operation.sources)


class Symbol(NDArrayOperatorsMixin):
    """Stand-in for a batch of samples; it adds each operation to the graph."""

    def __init__(self, graph: Graph, number: int) -> None:
        self.graph, self.number = graph, number
        self.shape = graph.operations[number].shape  # of one sample

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        kind, extra = ufunc.__name__, [*options, *([method] if method != "__call__" else [])]
        if extra or kind not in (*OPERATIONS, "matmul"):
            detail = f" with {', '.join(extra)}" if extra else ""
            raise UsageError(f"exports know no numpy.{kind}{detail}")
        if kind in ("positive", "square"):
            return self if kind == "positive" else self * self
        numbers = tuple(map(self._input, inputs))
        shapes = [x.shape for x in inputs if isinstance(x, Symbol)]
        others = [np.shape(x) for x in inputs if not isinstance(x, Symbol)]
        if kind == "matmul":
            if not (len(self.shape) == 1 and inputs[0] is self and [*map(len, others)] == [2]):
                raise UsageError("exports know products of rows with matrices only, x @ W")
            return self.graph.add(kind, numbers, others[0][1:])
        shape = np.broadcast_shapes(*shapes)
        fits = [s in (shape, (*shape[:-1], 1)) for s in shapes]
        # An array has one number for each feature, or for each along the last axes.
        fits += [shape[len(shape) - len(s) :] == s for s in map(_without_ones, others)]
        if not all(fits):
            raise UsageError(f"exports do not broadcast {others} to samples of shapes {shapes}")
        return self.graph.add(kind, numbers, shape)

    def __array_function__(self, function: Any, *_: Any) -> Any:
        raise UsageError(f"exports know no numpy.{function.__name__}")

    def reduce(self, kind: str, axis: Any = None, keepdims: bool = False) -> "Symbol":
        """Return the "max" or "sum" over the last axis."""
        if axis != -1 or not keepdims:
            raise UsageError(f"exports know {kind}(axis=-1, keepdims=True) only")
        return self.graph.add(kind, (self.number,), (*self.shape[:-1], 1))

    max = partialmethod(reduce, "max")
    sum = partialmethod(reduce, "sum")

    def mean(self, axis: Any = None, keepdims: bool = False) -> Any:
        """Return the mean over the last axis."""
        return self.reduce("sum", axis, keepdims) / self.shape[-1]

    def _input(self, x: Any) -> Input:
        if isinstance(x, Symbol):
            return x.number
        array = np.asarray(x)
        if not np.isfinite(array.astype(self.graph.dtype)).all():
            raise UsageError(f"exports know no NaN or infinite numbers, got {x!r:.80}")
        return self.graph.name(array) if array.ndim else float(array)


def _without_ones(shape: Shape) -> Shape:
    return shape if shape[:1] != (1,) else _without_ones(shape[1:])
