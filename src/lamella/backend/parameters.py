"""Where the numbers of a model live: parameters as views into two flat vectors, and states."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from lamella.backend import ALIGNMENT, Backend
from lamella.core.errors import ShapeError, UsageError
from lamella.core.seeds import Streams
from lamella.core.typing import Array, Initializer, Shape


class State:
    """An array of a layer that is saved with the model but not trained, as a running mean is.

    Assigning to ``value`` copies into the memory that is there.
    """

    def __init__(self, name: str, shape: Shape, fill: float) -> None:
        self.name = name
        self.shape = shape
        self.fill = fill
        self._value: Array | None = None

    @property
    def value(self) -> Array:
        """The numbers, of shape ``shape``."""
        return _there(self._value, self.name)

    @value.setter
    def value(self, new: Any) -> None:
        _copy_into(self.value, new, self.name)

    def allocate(self, backend: Backend, dtype: np.dtype) -> None:
        """Make the memory and fill it with ``fill``."""
        self._value = backend.xp.full(self.shape, self.fill, dtype)


class Parameter:
    """An array that is trained: value and gradient, both views into the model's vectors.

    Assigning to ``value`` or ``grad`` copies into the view, so the model always sees it.

    Attributes
    ----------
    name : str
        Unique in the model, such as "2.Dense.W".
    shape : tuple of int
    init : Initializer
    regularizer : Regularizer or None
        Its penalty on this parameter is part of what is minimised.
    stream : str
        Names the random numbers it starts with, such as "Dense 1.W"; its name, if left out.
    """

    def __init__(
        self,
        name: str,
        shape: Shape,
        init: Initializer,
        regularizer: Any = None,
        stream: str = "",
    ) -> None:
        self.name = name
        self.stream = stream or name
        self.shape = shape
        self.init = init
        self.regularizer = regularizer
        self.size = math.prod(shape)
        self._value: Array | None = None
        self._grad: Array | None = None

    @property
    def is_matrix(self) -> bool:
        """Whether it has two or more axes: weights have, biases and scales do not."""
        return len(self.shape) >= 2

    @property
    def value(self) -> Array:
        """The numbers, of shape ``shape``."""
        return _there(self._value, self.name)

    @value.setter
    def value(self, new: Any) -> None:
        _copy_into(self.value, new, self.name)

    @property
    def grad(self) -> Array:
        """Gradient of the loss with respect to the value; overwritten by each backward pass."""
        return _there(self._grad, self.name)

    @grad.setter
    def grad(self, new: Any) -> None:
        _copy_into(self.grad, new, f"gradient of {self.name}")

    def point_to(self, value: Array, grad: Array) -> None:
        """Make the two views; called once by the store."""
        self._value, self._grad = value, grad

    def __repr__(self) -> str:
        return f"Parameter({self.name!r}, shape={self.shape})"


class ParameterStore:
    """All parameters of a model in one contiguous vector, all gradients in another.

    Weights come first, then biases and scales, each in the order of declaration, so that what an
    optimizer treats differently is one slice. Each parameter begins on a 64-byte boundary; the
    gaps are zero and stay zero.

    Parameters
    ----------
    parameters : sequence of Parameter
        In the order of declaration; that order is kept when iterating.
    backend : Backend
    dtype : dtype
        float32 or float64, the same for all.
    """

    def __init__(self, parameters: Sequence[Parameter], backend: Backend, dtype: np.dtype) -> None:
        self.parameters = list(parameters)
        self.backend = backend
        line = ALIGNMENT // dtype.itemsize
        self.spans: list[tuple[Parameter, slice]] = []
        end = matrices = 0
        for parameter in sorted(self.parameters, key=lambda p: not p.is_matrix):
            self.spans.append((parameter, slice(end, end + parameter.size)))
            end += -(-parameter.size // line) * line
            matrices = end if parameter.is_matrix else matrices
        self.values = backend.zeros(end, dtype)
        self.grads = backend.zeros(end, dtype)
        self.matrices = slice(0, matrices)
        self.vectors = slice(matrices, end)
        for parameter, span in self.spans:
            parameter.point_to(
                self.values[span].reshape(parameter.shape),
                self.grads[span].reshape(parameter.shape),
            )

    def __iter__(self) -> Iterator[Parameter]:
        return iter(self.parameters)

    def __len__(self) -> int:
        return len(self.parameters)

    @property
    def count(self) -> int:
        """How many numbers are trained."""
        return sum(parameter.size for parameter in self.parameters)

    def initialize(self, streams: Streams) -> None:
        """Draw every start value from a stream of its own."""
        for parameter in self.parameters:
            rng = streams.generator("init", parameter.stream)
            drawn = np.asarray(parameter.init(rng, parameter.shape))
            if drawn.shape != parameter.shape:
                raise ShapeError(
                    f"the initializer of {parameter.name} gave shape {drawn.shape}, "
                    f"expected {parameter.shape}"
                )
            parameter.value = self.backend.asarray(drawn, self.values.dtype)


def _there(array: Array | None, name: str) -> Array:
    if array is None:
        raise UsageError(
            f"{name} has no numbers yet: they are there once the model is built, that is after "
            "compile(..., in_shape=) or the first fit"
        )
    return array


def _copy_into(view: Array, new: Any, name: str) -> None:
    if new is view:
        return
    shape = new.shape if hasattr(new, "shape") else np.shape(new)
    if shape not in ((), view.shape):
        raise ShapeError(f"{name} has shape {view.shape}, cannot be assigned shape {shape}")
    view[...] = new
