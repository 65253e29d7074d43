"""Large products by cuBLAS, called so that a stream can capture them.

cupy refuses its own calls of cuBLAS in a capture.
"""

import ctypes
import functools
import os
import threading
from ctypes import c_int, c_size_t, c_void_p
from typing import Any

import numpy as np

from lamella.core.errors import BackendError
from lamella.core.typing import Array

# C type of alpha and beta, NVIDIA's number of the type, and that of arithmetic without TF32.
NUMBERS = {"float32": (ctypes.c_float, 0, 68), "float64": (ctypes.c_double, 1, 70)}
TF32 = 77  # float32 arithmetic, whose factors are rounded to 10 bits after the first
ANY_ALGORITHM = -1
WORKSPACE_BYTES = 2**25  # as NVIDIA advises for the H100; other GPUs need less
MATRIX = c_void_p, c_int, c_int  # address, number of the type, numbers from column to column
SIGNATURES: dict[str, tuple[Any, ...]] = {
    "cublasCreate_v2": (c_void_p,),
    "cublasSetStream_v2": (c_void_p, c_void_p),
    "cublasSetWorkspace_v2": (c_void_p, c_void_p, c_size_t),
    "cublasGemmEx": (
        *(c_void_p, c_int, c_int, c_int, c_int, c_int),
        *(c_void_p, *MATRIX, *MATRIX, c_void_p, *MATRIX, c_int, c_int),
    ),
}
STATUSES = {
    1: "NOT_INITIALIZED", 3: "ALLOC_FAILED", 7: "INVALID_VALUE", 8: "ARCH_MISMATCH",
    11: "MAPPING_ERROR", 13: "EXECUTION_FAILED", 14: "INTERNAL_ERROR", 15: "NOT_SUPPORTED",
    16: "LICENSE_ERROR",
}  # fmt: skip


# Held for a product, since what is set and the call that needs it belong together, and for a whole
# capture: until its end, no other thread sets another stream.
lock = threading.RLock()


class Cublas:
    """The library that cupy has loaded, with a handle of lamella's own.

    A captured and an eager product have the same bits, since both find a workspace of the same
    size; without one, cuBLAS would allocate in a capture.

    Raises
    ------
    BackendError
        If a call fails; the message has the name of its status.
    """

    def __init__(self, xp: Any) -> None:
        self._xp = xp
        # Functions are also looked for in the libraries that the module is linked to.
        self._library = ctypes.CDLL(xp.cuda.cublas.__file__)
        for name, arguments in SIGNATURES.items():
            getattr(self._library, name).argtypes = arguments
        self._handle = c_void_p()
        self._call("cublasCreate_v2", ctypes.byref(self._handle))

    def workspace(self) -> Array:
        """Return new memory for products that are done in turn.

        Freed after the call of a product, cupy's pool hands it out to later work in its stream.
        """
        workspace: Array = self._xp.empty(WORKSPACE_BYTES, "uint8")
        return workspace

    def multiply(self, workspace: int, *arguments: Any) -> None:
        """Call cublasGemmEx in the current stream; the arguments are those after the handle."""
        with lock:
            stream = int(self._xp.cuda.get_current_stream().ptr)
            self._call("cublasSetStream_v2", self._handle, stream)
            # Setting the stream has reset the workspace.
            self._call("cublasSetWorkspace_v2", self._handle, workspace, WORKSPACE_BYTES)
            self._call("cublasGemmEx", self._handle, *arguments)

    def _call(self, name: str, *arguments: Any) -> None:
        status = getattr(self._library, name)(*arguments)
        if status:
            raise BackendError(f"{name}: CUBLAS_STATUS_{STATUSES.get(status, status)}")


def cublas_of(xp: Any) -> Cublas:
    """Return cuBLAS with the one handle that this process has for the current GPU."""
    return _cublas_of(xp, xp.cuda.runtime.getDevice())


@functools.cache
def _cublas_of(xp: Any, device: int) -> Cublas:
    return Cublas(xp)


class LargeProduct:
    """Multiplies matrices by cuBLAS; called like a kernel of `Kernels`.

    words: a, b, out, workspace, M, N, K; of a and of b, whether it lies transposed in memory, and
    numbers from line to line. float32 factors are not rounded to TF32, unless cupy's variable
    ``CUPY_TF32`` asks for it.
    """

    def __init__(self, xp: Any, dtype: Any) -> None:
        self._xp, name = xp, np.dtype(dtype).name
        number, self._type, self._arithmetic = NUMBERS[name]
        if name == "float32" and os.environ.get("CUPY_TF32", "0") not in ("", "0"):
            self._arithmetic = TF32
        self._one, self._zero = number(1), number(0)

    def __call__(self, grid: Any, block: Any, arguments: tuple[np.ndarray]) -> None:
        words = arguments[0]["w"][0].tolist()
        a, b, out, workspace, m, n, k, turned_a, line_a, turned_b, line_b = words[:11]
        # cuBLAS counts along columns. To it, each matrix is its transpose: out.T = b.T @ a.T.
        cublas_of(self._xp).multiply(
            *(workspace, turned_b, turned_a, n, m, k, ctypes.byref(self._one)),
            *(b, self._type, line_b, a, self._type, line_a, ctypes.byref(self._zero)),
            *(out, self._type, n, self._arithmetic, ANY_ALGORITHM),
        )
