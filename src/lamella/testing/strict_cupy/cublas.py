"""Stand-in for the library cuBLAS, which code calls through ctypes: ``cublas.cpp``, by g++.

It is stricter than cuBLAS where cuBLAS would do something else than asked: it refuses work in
another stream than cupy's current one, and in a capture new handles, and products without a
workspace, for which cuBLAS would allocate.
"""

import ctypes
import functools
from ctypes import CFUNCTYPE, c_int, c_size_t, c_void_p
from pathlib import Path

from lamella.testing.strict_cupy import streams
from lamella.testing.strict_cupy.counting import StrictError
from lamella.testing.strict_cupy.raw_kernels import compile_library

SOURCE = Path(__file__).with_name("cublas.cpp")
ALLOC_FAILED, EXECUTION_FAILED = 3, 13


def _allocate() -> int:
    try:
        streams.allocate()
    except StrictError:
        return ALLOC_FAILED
    return 0


def _enqueue(stream: int | None, has_workspace: int, product: int, size: int) -> int:
    """Do a product, or make it a node of the graph that is being captured."""
    current = streams.current()
    if (stream or 0) != current.ptr:
        return EXECUTION_FAILED
    if current.is_capturing() and not has_workspace:
        return ALLOC_FAILED
    words = ctypes.create_string_buffer(ctypes.string_at(product, size), size)
    streams.launch(lambda: _library().multiply(words))
    return 0


# Kept: C has only their addresses.
CALLBACKS = (
    CFUNCTYPE(c_int)(_allocate),
    CFUNCTYPE(c_int, c_void_p, c_int, c_void_p, c_size_t)(_enqueue),
)


@functools.cache
def _library() -> ctypes.CDLL:
    library = compile_library(SOURCE.read_text(encoding="utf-8"))
    library.set_streams(*CALLBACKS)
    return library


class Cublas:
    """Stand-in for cupy.cuda.cublas: a module whose file leads ctypes to the library."""

    @property
    def __file__(self) -> str:
        return str(_library()._name)
