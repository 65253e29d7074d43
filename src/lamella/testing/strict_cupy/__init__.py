"""Strict stand-in for cupy on machines without a GPU.

It computes with numpy but behaves like a device: it refuses numpy arrays as operands, implicit
conversion, and every function or keyword that CuPy 14.2 does not have (``surface.txt``, printed by
``benchmarks/freeze_cupy_surface.py``). It counts launches, synchronisations and allocations.
Streams capture graphs, CUDA source runs through g++, and ctypes finds a library like cuBLAS
(`streams`, `raw_kernels`, `cublas`).

It cannot show races, the rounding of cuBLAS, memory limits or out-of-range indices, which wrap
around on a GPU. Code that passes here may still fail on a GPU.
"""

import types
from typing import Any

import numpy as np

from lamella.testing.strict_cupy import memory, streams
from lamella.testing.strict_cupy.counting import Counts, StrictError, counts, forbid
from lamella.testing.strict_cupy.cublas import Cublas
from lamella.testing.strict_cupy.device_array import SURFACE, call, ndarray, to_device, to_host
from lamella.testing.strict_cupy.elementwise_kernel import ElementwiseKernel
from lamella.testing.strict_cupy.raw_kernels import RawKernel, RawModule

__all__ = [
    "Counts",
    "ElementwiseKernel",
    "RawKernel",
    "RawModule",
    "StrictError",
    "counts",
    "forbid",
    "ndarray",
]


def asarray(array: Any, dtype: Any = None) -> Any:
    if isinstance(array, ndarray):
        return array if dtype in (None, array.dtype) else to_device(array.host.astype(dtype))
    streams.transfer("H2D")
    return to_device(np.array(array, dtype=dtype))


def ascontiguousarray(array: Any, dtype: Any = None) -> Any:
    if isinstance(array, ndarray) and array.flags.c_contiguous and dtype in (None, array.dtype):
        return array
    return to_device(np.array(to_host(array, "ascontiguousarray"), dtype=dtype, order="C"))


def asnumpy(array: Any) -> np.ndarray:
    return array.get() if isinstance(array, ndarray) else np.asarray(array)


cuda = types.SimpleNamespace(
    Device=streams.Device,
    Stream=streams.Stream,
    Graph=streams.Graph,
    get_current_stream=streams.current,
    runtime=types.SimpleNamespace(
        CUDARuntimeError=streams.CUDARuntimeError, memGetInfo=memory.info, getDevice=streams.device
    ),
    MemoryPool=memory.MemoryPool,
    cublas=Cublas(),
)


def get_default_memory_pool() -> memory.MemoryPool:
    return memory.MemoryPool()


def __getattr__(name: str) -> Any:
    if name in SURFACE["type"] and hasattr(np, name):
        return getattr(np, name)  # cupy.float32 is numpy.float32
    if name in ("newaxis", "pi", "inf", "nan", "e"):
        return getattr(np, name)
    keywords = (SURFACE["function"] | SURFACE["ufunc"]).get(name)
    if keywords is None or not hasattr(np, name):
        raise AttributeError(f"module 'cupy' has no attribute {name!r}")
    return lambda *args, **kwargs: call(getattr(np, name), name, keywords, args, kwargs)
