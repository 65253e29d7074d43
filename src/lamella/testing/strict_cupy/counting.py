"""What a device did, and what it refuses."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np


class StrictError(TypeError):
    """CuPy would refuse this, or do it behind the user's back."""


@dataclass
class Counts:
    launches: int = 0
    syncs: int = 0
    allocations: int = 0

    def reset(self) -> None:
        self.launches = self.syncs = self.allocations = 0


counts = Counts()
forbidden: list[np.dtype] = []


@contextmanager
def forbid(dtype: Any) -> Iterator[None]:
    """Refuse new device arrays of ``dtype``: finds numbers that were widened by mistake."""
    forbidden.append(np.dtype(dtype))
    try:
        yield
    finally:
        forbidden.pop()
