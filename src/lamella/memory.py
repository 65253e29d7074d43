"""Where numbers live: parameters as views into two flat vectors, and memory that is used again."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from lamella.arrays import Array, Shape
from lamella.backend import ALIGNMENT, Backend, get_backend
from lamella.configured import Configured
from lamella.errors import ShapeError, UsageError
from lamella.initializers import Initializer
from lamella.random import Streams


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
        Unique in the model, such as "0.Dense.W".
    shape : tuple of int
    init : Initializer
    regularizer : Regularizer or None
        Its penalty on this parameter is part of what is minimised.
    """

    def __init__(self, name: str, shape: Shape, init: Initializer, regularizer: Any = None) -> None:
        self.name = name
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
        """Draw every start value from a stream of its own, named after the parameter."""
        for parameter in self.parameters:
            layer, _, name = parameter.name.split(".", 2)
            drawn = np.asarray(
                parameter.init(streams.generator("init", layer, name), parameter.shape)
            )
            if drawn.shape != parameter.shape:
                raise ShapeError(
                    f"the initializer of {parameter.name} gave shape {drawn.shape}, "
                    f"expected {parameter.shape}"
                )
            parameter.value = self.backend.asarray(drawn, self.values.dtype)


class Scratch:
    """Named memory that is used again: a leading slice of the largest ever asked for."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._buffers: dict[tuple[str, np.dtype], Array] = {}
        self._views: dict[tuple[str, Shape, Any], Array] = {}

    def get(self, name: str, shape: Shape, dtype: Any) -> Array:
        """Return an uninitialised contiguous array; the same memory for the same name."""
        view = self._views.get((name, shape, dtype))
        if view is None:
            view = self._views[name, shape, dtype] = self._cut(name, shape, np.dtype(dtype))
        return view

    def _cut(self, name: str, shape: Shape, dtype: np.dtype) -> Array:
        size = math.prod(shape)
        buffer = self._buffers.get((name, dtype))
        if buffer is None or buffer.size < size:
            buffer = self._buffers[name, dtype] = self._backend.zeros(size, dtype)
            self._views = {key: view for key, view in self._views.items() if key[0] != name}
        return buffer[:size].reshape(shape)

    def buffers(self) -> Mapping[tuple[str, np.dtype], Array]:
        """Return every buffer by name and dtype; checks fill them with NaN."""
        return self._buffers


class Workspace(Configured):
    """Base of what computes on arrays: layers, losses, metrics.

    It lends ``backend``, ``xp``, ``dtype`` and scratch memory. A model binds its parts when it is
    built; `bind` is for using one on its own.
    """

    backend: Backend
    xp: Any
    dtype: np.dtype
    _owner: object = None

    def bind(
        self, owner: object = None, backend: str | Backend = "numpy", dtype: Any = "float32"
    ) -> None:
        """Lend array module, dtype and memory.

        Parameters
        ----------
        owner : object
            The model it belongs to; it can belong to one only.
        backend : str or Backend
        dtype : str or dtype
            float32 or float64.

        Raises
        ------
        UsageError
            If it belongs to another model already.
        """
        if self._owner is not None and self._owner is not owner:
            raise UsageError(
                f"this {type(self).__name__} already belongs to another model, whose memory it "
                "uses: make a new one for each model"
            )
        self._owner = owner
        self.backend = get_backend(backend)
        self.xp = self.backend.xp
        self.dtype = np.dtype(dtype)
        self._scratch = Scratch(self.backend)

    def scratch(self, name: str, shape: Shape, dtype: Any = None) -> Array:
        """Return memory for a result: uninitialised, and the same each time for the same name.

        Use it as ``out=self.scratch("y", x.shape)``. What was written there is valid until the
        next call with that name.
        """
        return self._scratch.get(name, shape, self.dtype if dtype is None else dtype)

    def __getattr__(self, name: str) -> Any:
        if name in ("backend", "xp", "dtype", "_scratch"):
            raise UsageError(
                f"this {type(self).__name__} has no {name.lstrip('_')} yet: it gets it from the "
                "model when the model is built; to use it alone, call its bind() first"
            )
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")


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
    shape = getattr(new, "shape", ())
    if shape not in ((), view.shape):
        raise ShapeError(f"{name} has shape {view.shape}, cannot be assigned shape {shape}")
    view[...] = new
