"""Memory of a model: parameters as views into two flat vectors, and states."""

import itertools
import math
import os
from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter, itemgetter
from typing import Any

import numpy as np

from lamella.backend import ALIGNMENT, Backend
from lamella.core.errors import ArgumentError, ShapeError, UsageError
from lamella.core.seeds import Streams
from lamella.core.typing import Array, Initializer, Shape
from lamella.core.validation import expect_unmasked, positive


class Allocated:
    """Base of parameters and states, which have no arrays before the model is built."""

    name: str
    _value: Array
    _grad: Array

    def __getattr__(self, name: str) -> Any:
        if name not in ("_value", "_grad"):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        raise UsageError(
            f"{self.name} has no numbers yet: build the model first, with compile(..., in_shape=) "
            "or fit"
        )

    def _set_value(self, new: Any) -> None:
        _copy_into(self.value, new, self.name)

    value = property(attrgetter("_value"), _set_value, doc="The array, of shape ``shape``.")


class State(Allocated):
    """Array of a layer that is saved but not trained, such as a running mean.

    Assigning to ``value`` copies into the existing memory.
    """

    def __init__(self, name: str, shape: Shape, fill: float) -> None:
        self.name = name
        self.shape = shape
        self.fill = fill

    def wrap_views(self, wrap: Callable[[Array], Array]) -> None:
        """Replace the array by a view of the same memory."""
        self._value = wrap(self._value)

    def allocate(self, backend: Backend, dtype: np.dtype) -> None:
        """Allocate the memory and fill it with ``fill``."""
        self._value = backend.xp.full(self.shape, self.fill, dtype)


def _fixed_with_values(name: str, remedy: str, check: Callable[..., Any] | None = None) -> Any:
    """Return a property of a parameter, None by default, that is fixed once there are values."""

    def set_value(parameter: Any, new: Any) -> None:
        if "_value" in vars(parameter):
            raise UsageError(
                f"the {name} of {parameter.name} is fixed once the model is built: {remedy}"
            )
        vars(parameter)[f"_{name}"] = new if check is None or new is None else check(name, new)

    return property(lambda parameter: vars(parameter).get(f"_{name}"), set_value)


class Parameter(Allocated):
    """Trainable array: its value and gradient are views into the model's vectors.

    Assigning to ``value`` or ``grad`` copies into the view, so the model always sees it.

    Attributes
    ----------
    name : str
        Unique in the model, such as "2.Dense.W".
    shape : tuple of int
    init : Initializer
    regularizer : Regularizer or None
        Adds a penalty on this parameter to the loss.
    max_norm : float or None
        Largest norm of each column, over all axes but the last, see `lamella.layers.Dense`.
    stream : str
        Name of the random stream of its initial value, such as "Dense 1.W"; ``name`` by default.
    """

    def __init__(
        self, name: str, shape: Shape, init: Initializer, regularizer: Any = None, stream: str = ""
    ) -> None:
        self.name = name
        self.stream = stream or name
        self.shape = shape
        self.init = init
        self.regularizer = regularizer
        self.size = math.prod(shape)
        self._trainable = True

    regularizer = _fixed_with_values("regularizer", "change its rate, or make a new model")
    max_norm = _fixed_with_values("max_norm", "make a new model", positive)

    @property
    def trainable(self) -> bool:
        """Whether steps of training change it; that of its layer, `Layer.trainable`."""
        return self._trainable

    def follow_layer(self, trainable: bool) -> None:
        """Set ``trainable``; only its layer does."""
        self._trainable = trainable

    @property
    def is_matrix(self) -> bool:
        """Whether it has two or more axes, as weights do, unlike biases and scales."""
        return len(self.shape) >= 2

    def _set_grad(self, new: Any) -> None:
        _copy_into(self.grad, new, f"gradient of {self.name}")

    grad = property(
        attrgetter("_grad"),
        _set_grad,
        doc="Gradient of the loss; each backward pass overwrites it.",
    )

    def point_to(self, value: Array, grad: Array) -> None:
        """Set both views; only the store of its model does, once."""
        if "_value" in vars(self):  # the optimizer and replayed steps would use the old ones
            raise UsageError(f"{self.name} has its memory already: set {self.name}.value")
        self._value, self._grad = value, grad

    def wrap_views(self, wrap: Callable[[Array], Array]) -> None:
        """Replace both arrays by views of the same memory."""
        self._value, self._grad = wrap(self._value), wrap(self._grad)

    def __repr__(self) -> str:
        return f"Parameter({self.name!r}, shape={self.shape})"


class ParameterStore:
    """All parameters of a model in one contiguous vector, all gradients in another.

    Weights come first, then biases and scales, each in declaration order, so that weight decay
    applies to neighbours. Each parameter begins on a 64-byte boundary; the padding stays zero.
    Iteration is in declaration order.
    """

    def __init__(self, parameters: Sequence[Parameter], backend: Backend, dtype: np.dtype) -> None:
        self.parameters = list(parameters)
        self.backend = backend
        line = ALIGNMENT // dtype.itemsize
        self.spans: list[tuple[Parameter, slice]] = []
        end = 0
        for parameter in sorted(self.parameters, key=lambda p: not p.is_matrix):
            self.spans.append((parameter, slice(end, end + parameter.size)))
            end += -(-parameter.size // line) * line
        _expect_memory(self.parameters, 2 * end * dtype.itemsize)
        self.values = backend.zeros(end, dtype)
        self.grads = backend.zeros(end, dtype)
        for parameter, span in self.spans:
            parameter.point_to(
                self.values[span].reshape(parameter.shape),
                self.grads[span].reshape(parameter.shape),
            )

    def __iter__(self) -> Iterator[Parameter]:
        return iter(self.parameters)

    def __len__(self) -> int:
        return len(self.parameters)

    def runs(self, keys: Sequence[Any]) -> Iterator[tuple[Any, slice]]:
        """Yield neighbouring parameters of equal keys as one span, with the padding behind them.

        ``keys`` has one for each of ``spans``; those of None are left out.
        """
        bounds = [*(span.start for _, span in self.spans), self.values.size]
        each = zip(keys, itertools.pairwise(bounds), strict=True)
        for key, group in itertools.groupby(each, key=itemgetter(0)):
            parts = [part for _, part in group]
            if key is not None:
                yield key, slice(parts[0][0], parts[-1][1])

    @property
    def count(self) -> int:
        """Number of trainable numbers."""
        return sum(parameter.size for parameter in self.parameters)

    def initialize(self, streams: Streams) -> None:
        """Draw each initial value from its own random stream."""
        for parameter in self.parameters:
            rng = streams.generator("init", parameter.stream)
            drawn = np.asarray(parameter.init(rng, parameter.shape))
            if drawn.shape != parameter.shape:
                raise ShapeError(
                    f"the initializer of {parameter.name} gave shape {drawn.shape}, "
                    f"expected {parameter.shape}"
                )
            parameter.value = self.backend.asarray(drawn, self.values.dtype)


def _expect_memory(parameters: Sequence[Parameter], needed: int) -> None:
    """Raise an ArgumentError if values and gradients need more bytes than the machine has."""
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # not on Windows
        return
    if needed > memory:
        largest = max(parameters, key=lambda parameter: parameter.size)
        raise ArgumentError(
            f"the model's parameters and their gradients need {needed / 1e9:,.1f} GB of memory, "
            f"this machine has {memory / 1e9:,.1f} GB; the largest is {largest.name} of shape "
            f"{largest.shape}: choose fewer units, or fewer features"
        )


def _copy_into(view: Array, new: Any, name: str) -> None:
    if new is view:
        return
    if isinstance(new, np.ma.MaskedArray):
        expect_unmasked(name, new)
    shape = new.shape if hasattr(new, "shape") else np.shape(new)
    if shape not in ((), view.shape):
        raise ShapeError(f"{name} has shape {view.shape}, cannot be assigned shape {shape}")
    if new is None or isinstance(new, str):  # NaN or a number to numpy
        raise ArgumentError(f"{name} takes numbers, got {new!r:.80}")
    if shape and hasattr(view, "set") and not hasattr(new, "__cuda_array_interface__"):
        view.set(np.ascontiguousarray(new, view.dtype))  # a device takes no other host arrays
    else:
        view[...] = new
