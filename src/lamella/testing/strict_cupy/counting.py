"""Counts of a device's work, and the dtypes it refuses."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np


class StrictError(TypeError):
    """CuPy would refuse this operation, or copy or wait without notice."""


@dataclass
class Counts:
    """Numbers of kernel launches, synchronisations and allocations, and of launches of graphs.

    ``nodes`` are the kernels that launched graphs did; they are no launches.
    """

    launches: int = 0
    syncs: int = 0
    allocations: int = 0
    graph_launches: int = 0
    nodes: int = 0

    def reset(self) -> None:
        self.__init__()  # type: ignore[misc]


counts = Counts()
forbidden: list[np.dtype] = []


@contextmanager
def forbid(dtype: Any) -> Iterator[None]:
    """Refuse new device arrays of ``dtype`` in this block, to find accidental widening."""
    forbidden.append(np.dtype(dtype))
    try:
        yield
    finally:
        forbidden.pop()
