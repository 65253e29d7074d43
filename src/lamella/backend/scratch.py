"""Named memory that is used again."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from lamella.backend.base import Backend
from lamella.core.typing import Array, Shape

MOST_SIZES = 64  # views kept for each name, 0.4 KB each; a training with one batch size uses four


class Scratch:
    """Named memory that is used again: a leading slice of the largest ever asked for.

    ``buffers`` has the whole memory by name and dtype; checks fill it with NaN.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._wrap: Callable[[Array], Array] | None = None
        self.buffers: dict[tuple[str, np.dtype], Array] = {}
        self.views: dict[tuple[str, Shape, Any], Array] = {}

    def get(self, name: str, shape: Shape, dtype: Any) -> Array:
        """Return an uninitialised contiguous array; the same memory for the same name."""
        view = self.views.get((name, shape, dtype))
        if view is None:
            view = self.views[name, shape, dtype] = self._cut(name, shape, np.dtype(dtype))
        return view

    def _cut(self, name: str, shape: Shape, dtype: np.dtype) -> Array:
        size = math.prod(shape)
        buffer = self.buffers.get((name, dtype))
        if buffer is None or buffer.size < size:
            self.views = {key: view for key, view in self.views.items() if key[0] != name}
            del buffer
            self.buffers.pop((name, dtype), None)  # gives the smaller memory back first
            buffer = self.buffers[name, dtype] = self._backend.zeros(size, dtype)
        elif len(self.views) >= MOST_SIZES * len(self.buffers):
            self.views = {}
        view = buffer[:size].reshape(shape)
        return view if self._wrap is None else self._wrap(view)

    def wrap_views(self, wrap: Callable[[Array], Array]) -> None:
        """Replace all views, and those yet to be made, by views of the same memory."""
        self._wrap = wrap
        self.views = {key: wrap(view) for key, view in self.views.items()}
