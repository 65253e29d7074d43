"""Base of layers, losses and metrics: an array module, and memory that is used again."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from lamella.backend import Backend, get_backend
from lamella.backend.rules import TracedRule
from lamella.backend.scratch import Scratch
from lamella.core.config import Configured
from lamella.core.errors import UsageError
from lamella.core.signatures import unknown_attribute
from lamella.core.typing import Array, Shape

# Attributes that a model gives to its parts when it is built.
GIVEN = ("backend", "xp", "dtype", "rng", "parameters", "states", "_scratch", "_rules")
Method = TypeVar("Method", bound=Callable[..., Any])


def replayable(method: Method) -> Method:
    """Mark a method that works on arrays by the methods of its workspace alone.

    It calls ``self.dot``, ``self.map``, ``self.sum_rows``, ``self.mean_rows``, ``self.rng`` and
    compiled loops, on its arguments and on scratch memory, and does the same in each call. Steps
    are then replayed without calling it, see `lamella.network.replay`. Any other operation of
    numpy on these arrays ends the capture, and each step runs as usual. A method that overrides
    a marked one needs a mark of its own.
    """
    method.is_replayable = method  # type: ignore[attr-defined]
    return method


def is_marked(method: Any) -> bool:
    """Whether this very function is marked. A wrapper copies the mark but does more."""
    return method is not None and getattr(method, "is_replayable", None) is method


class Workspace(Configured):
    """Base of layers, losses and metrics, which compute on arrays.

    It provides ``backend``, ``xp``, ``dtype`` and scratch memory. A model attaches its parts when
    it is built; call `attach` to use one on its own.
    """

    backend: Backend
    xp: Any
    dtype: np.dtype
    _owner: object = None

    def attach(
        self, owner: object = None, backend: str | Backend = "numpy", dtype: Any = "float32"
    ) -> None:
        """Provide array module, dtype and memory.

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
        self.expect_free(owner)
        self._owner = owner
        self.backend = get_backend(backend)
        self.xp = self.backend.xp
        self.dtype = np.dtype(dtype)
        self._scratch = Scratch(self.backend)
        self._rules: dict[tuple[Any, int], TracedRule] = {}

    def expect_free(self, owner: object) -> None:
        """Raise a UsageError if it belongs to another model than ``owner``."""
        if self._owner is not None and self._owner is not owner:
            raise UsageError(
                f"this {type(self).__name__} already belongs to another model, whose memory it "
                "uses: make a new one for each model"
            )

    @replayable
    def scratch(self, name: str, shape: Shape, dtype: Any = None) -> Array:
        """Return memory for a result: uninitialised, and the same each time for the same name.

        Use it as ``out=self.scratch("y", x.shape)``. Its content is valid until the next call
        with that name.
        """
        dtype = self.dtype if dtype is None else dtype
        view = self._scratch.views.get((name, shape, dtype))
        return self._scratch.get(name, shape, dtype) if view is None else view

    @replayable
    def dot(self, a: Array, b: Array, out: Array, bias: Array | None = None) -> Array:
        """Write ``a b + bias`` into ``out`` and return it, for matrices ``a`` (M, K), ``b`` (K, N).

        Either factor may be the transposed view of a matrix, ``x.T``; ``out`` (M, N) must not
        overlap with them; ``bias`` (N,) is added to each row. With the extra ``fast``, on x86 and
        64-bit ARM, this is faster than ``numpy.dot``, above all where ``a`` holds many zeros, and
        its bits do not depend on how many threads there are.
        """
        return self.backend.dot(a, b, out, bias)

    @replayable
    def sum_rows(self, matrix: Array, out: Array) -> Array:
        """Write the sum of a matrix's rows (N, D) into ``out`` (D,) and return it."""
        return self.backend.sum_rows(matrix, out)

    @replayable
    def mean_rows(self, name: str, matrix: Array) -> Array:
        """Return the mean of a matrix's rows (N, D) in the scratch memory ``name``, (D,)."""
        total = self.sum_rows(matrix, out=self.scratch(name, matrix.shape[1:]))
        return self.map(total, lambda total, n: total / n, total, scalars=(float(len(matrix)),))

    @replayable
    def row_totals(self, name: str, matrix: Array) -> Array:
        """Return a matrix (N, D) whose elements are the sum of their row of ``matrix`` (N, D).

        It is in the scratch memory ``name``, and stands beside ``matrix`` in `map`.
        """
        samples, size = matrix.shape
        ones = self.scratch("ones of row_totals", (size, 1))
        self.map(ones, lambda x: 1.0, ones)
        totals = self.dot(matrix, ones, out=self.scratch("totals of row_totals", (samples, 1)))
        return self.dot(totals, ones.T, out=self.scratch(name, matrix.shape))

    @replayable
    def map(
        self,
        out: str | Array,
        rule: Callable[..., Any],
        *arrays: Array,
        scalars: Sequence[float] = (),
    ) -> Array:
        """Return ``rule`` applied to every element: one pass, into memory that is there.

        Parameters
        ----------
        out : str or array
            Destination, which may be one of ``arrays``; or the name of scratch memory.
        rule : function (*numbers, *scalars) -> number
            A formula for one number, see `lamella.backend.elementwise`; a lambda will do. Numbers
            that change belong in ``scalars``.
        *arrays : array
            All of the model's dtype and of one shape. If the first is (N, D), others may be (D,):
            they serve every row.
        scalars : sequence of float
            Numbers shared by all elements.
        """
        key = getattr(rule, "__code__", rule), len(arrays)
        traced = self._rules.get(key)
        if traced is None:
            traced = TracedRule(rule, len(arrays), len(scalars), self.backend.map)
            self._rules[key] = traced
        elif not traced.serves(rule):
            traced.follow(rule)
        if isinstance(out, str):
            out = self.scratch(out, arrays[0].shape)
        traced.run(out, arrays, scalars)
        return out

    def __getattr__(self, name: str) -> Any:
        if name in GIVEN:
            raise UsageError(
                f"this {type(self).__name__} has no {name.lstrip('_')} yet, which a model gives it "
                "when it is built; to use it alone, call its attach() first"
            )
        raise AttributeError(unknown_attribute(self, name), name=name, obj=self)
