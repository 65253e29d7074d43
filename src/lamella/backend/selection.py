"""Select a backend by name, or take the one that works here."""

from lamella.backend.base import Backend
from lamella.backend.cupy_backend import cupy_problem, open_cupy
from lamella.backend.numpy_backend import NumpyBackend
from lamella.core.errors import BackendError


def get_backend(name: str | Backend = "auto") -> Backend:
    """Return the backend called ``name``.

    Parameters
    ----------
    name : {"auto", "numpy", "cupy"} or Backend
        "auto" takes cupy where it works and numpy elsewhere; ``reason`` of the result says why.

    Raises
    ------
    BackendError
        If "cupy" is asked for and cannot be used: the text says what is missing. There is no
        silent fall-back.
    """
    if isinstance(name, Backend):
        return name
    if name == "numpy":
        return NumpyBackend()
    if name == "cupy":
        return open_cupy()
    if name != "auto":
        raise BackendError(f'backend must be "auto", "numpy" or "cupy", got {name!r}')
    problem = cupy_problem()
    if not problem:
        return open_cupy("a GPU answers")
    return NumpyBackend(f"no GPU: {problem}")
