"""Whose arrays: numpy on the host or cupy on a GPU, and the few things that differ between them."""

from lamella.backend.base import Backend
from lamella.backend.choice import cupy_problem, get_backend
from lamella.backend.device import CupyBackend
from lamella.backend.host import ALIGNMENT, NumpyBackend

__all__ = [
    "ALIGNMENT",
    "Backend",
    "CupyBackend",
    "NumpyBackend",
    "cupy_problem",
    "get_backend",
]
