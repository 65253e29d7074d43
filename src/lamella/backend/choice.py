"""Which backend: what was asked for, or what works here. Only this file imports cupy."""

import functools
import importlib.util
import sys

from lamella.backend.base import Backend
from lamella.backend.device import CupyBackend
from lamella.backend.host import NumpyBackend
from lamella.errors import BackendError


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
    if name not in ("auto", "cupy"):
        raise BackendError(f'backend must be "auto", "numpy" or "cupy", got {name!r}')
    problem = cupy_problem()
    if not problem:
        import cupy

        return CupyBackend(cupy, "asked for" if name == "cupy" else "a GPU answers")
    if name == "cupy":
        raise BackendError(f'backend="cupy" cannot be used: {problem}')
    return NumpyBackend(f"no GPU: {problem}")


@functools.cache
def cupy_problem() -> str:
    """Return why cupy cannot be used here, with what to do about it; empty if it can.

    Asks in the order of what is cheap: is there a wheel, a driver, a device, and do the CUDA
    libraries load. cupy is imported only when a device is there.
    """
    if importlib.util.find_spec("cupy") is None:
        return "cupy is not installed: pip install 'lamella[cuda13]' (or [cuda12], as your driver)"
    import ctypes

    driver = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    try:
        cuda = ctypes.CDLL(driver)
    except OSError:
        return f"there is no NVIDIA driver ({driver} is not found)"
    count = ctypes.c_int(0)
    if cuda.cuInit(0) != 0 or cuda.cuDeviceGetCount(ctypes.byref(count)) != 0 or not count.value:
        return "the NVIDIA driver finds no device (is CUDA_VISIBLE_DEVICES empty?)"
    try:
        import cupy

        ones = cupy.ones((2, 2), cupy.float32)
        float(cupy.dot(ones, ones).sum() + 1)  # compiles a kernel and loads cuBLAS
    except Exception as error:
        first = (str(error).splitlines() or [""])[0][:200]
        return (
            f"cupy is installed but does not work ({type(error).__name__}: {first}); if CUDA "
            "libraries or headers are missing: pip install 'lamella[cuda13]'"
        )
    return ""
