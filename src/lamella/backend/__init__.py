"""Array backends: numpy on the host and cupy on a GPU."""

from lamella.backend.base import Backend
from lamella.backend.cupy.cupy_backend import CupyBackend, cupy_problem
from lamella.backend.numpy_backend import ALIGNMENT, NumpyBackend
from lamella.backend.selection import get_backend

__all__ = ["ALIGNMENT", "Backend", "CupyBackend", "NumpyBackend", "cupy_problem", "get_backend"]
