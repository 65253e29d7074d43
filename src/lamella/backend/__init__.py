"""Whose arrays: numpy on the host or cupy on a GPU, and the few things that differ between them."""

from lamella.backend.base import Backend
from lamella.backend.cupy_backend import CupyBackend, cupy_problem
from lamella.backend.numpy_backend import ALIGNMENT, NumpyBackend
from lamella.backend.selection import get_backend

__all__ = [
    "ALIGNMENT",
    "Backend",
    "CupyBackend",
    "NumpyBackend",
    "cupy_problem",
    "get_backend",
]
