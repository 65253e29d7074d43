"""Select a backend by name or by availability."""

import importlib.util

from lamella.backend.base import Backend
from lamella.backend.cupy.cupy_backend import CupyBackend, cupy_problem
from lamella.backend.numpy_backend import NumpyBackend
from lamella.core.errors import BackendError
from lamella.core.signatures import known_arguments


@known_arguments
def get_backend(name: str | Backend = "auto") -> Backend:
    """Return the backend with this name.

    Parameters
    ----------
    name : {"auto", "numpy", "cupy"} or Backend
        "auto" selects cupy if it works, else numpy; ``reason`` of the result explains the choice.

    Raises
    ------
    BackendError
        If "cupy" cannot be used; the message names the missing part. There is no silent fallback.
    """
    if isinstance(name, Backend):
        return name
    if name == "numpy":
        return host_backend()
    if name == "cupy":
        return open_cupy()
    if name != "auto":
        raise BackendError(f'backend must be "auto", "numpy" or "cupy", got {name!r}')
    problem = cupy_problem()
    if not problem:
        return open_cupy("a GPU answers")
    return host_backend(f"no GPU: {problem}")


def open_cupy(reason: str = "asked for") -> CupyBackend:
    """Return the backend of the GPU, with lamella's own kernels if they work there.

    Raise a BackendError if cupy cannot be used.
    """
    from lamella.backend.cupy.graph_backend import GraphBackend
    from lamella.backend.cupy.self_test import kernels_problem

    if problem := kernels_problem(CupyBackend.open(reason).xp):
        return CupyBackend.open(f"{reason}; {problem}")
    return GraphBackend.open(reason)


def host_backend(reason: str = "asked for") -> NumpyBackend:
    """Return the backend of numpy arrays, with compiled loops if numba is installed."""
    if importlib.util.find_spec("numba") is None:  # importing it would take half a second
        return NumpyBackend(reason)
    from lamella.backend.numba.numba_backend import NumbaBackend

    return NumbaBackend(reason)
