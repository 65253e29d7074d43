"""A strict stand-in for cupy on machines without a GPU.

It computes with numpy but behaves as a device: it refuses numpy arrays as operands, implicit
conversion, and every function or keyword that CuPy 14.2 does not have (surface.json, written by
freeze_surface.py from the real package). It counts launches, synchronisations and allocations.

What it cannot show: races, rounding of cuBLAS, limits of memory, out-of-range indices (they wrap
around on a GPU). A green run on it is not a run on a GPU.
"""

import json
import operator
import types
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from . import kernels

SURFACE = json.loads((Path(__file__).parent / "surface.json").read_text())
FUNCTIONS, METHODS = SURFACE["module"], SURFACE["ndarray"]
VIEWS = ("reshape", "view", "transpose", "ravel", "squeeze", "swapaxes")


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
_forbidden: list[Any] = []


@contextmanager
def forbid(dtype: Any) -> Iterator[None]:
    """Refuse new device arrays of ``dtype``: finds numbers that were widened by mistake."""
    _forbidden.append(np.dtype(dtype))
    try:
        yield
    finally:
        _forbidden.pop()


def _device(result: Any, *, fresh: bool = True) -> Any:
    """Wrap what numpy gave; numbers become 0-d device arrays, as in CuPy."""
    if isinstance(result, np.ndarray | np.generic):
        counts.allocations += fresh
        array = ndarray.__new__(ndarray)
        array.host = np.asarray(result)
        if fresh and array.host.dtype in _forbidden:
            raise StrictError(f"an array of {array.host.dtype} was made")
        return array
    if isinstance(result, tuple | list):
        return type(result)(_device(item, fresh=fresh) for item in result)
    return result


def _host(argument: Any, where: str) -> Any:
    """Unwrap a device array; refuse numpy arrays."""
    if isinstance(argument, ndarray):
        return argument.host
    if isinstance(argument, np.ndarray):
        raise StrictError(f"Unsupported type {type(argument)} in {where}")
    if isinstance(argument, tuple | list):
        return type(argument)(_host(item, where) for item in argument)
    return argument


def _call(
    function: Any, name: str, spec: dict[str, Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    if spec["kind"] != "opaque" and not spec.get("varkw"):
        unknown = set(kwargs) - set(spec.get("params", ()))
        if unknown:
            raise StrictError(f"CuPy's {name}() has no keyword {sorted(unknown)}")
    if spec["kind"] == "ufunc" and any(isinstance(arg, list | tuple) for arg in args):
        raise StrictError(f"Unsupported type list in {name}")
    out = kwargs.get("out")
    if out is not None and not isinstance(out, ndarray):
        raise StrictError("Output arguments must be cupy.ndarray")
    if name == "take" and out is not None:
        expected = (args[1].shape + args[0].shape[1:], args[0].dtype)
        if (out.shape, out.dtype) != expected:
            raise StrictError(f"take needs an out of exactly {expected}")
    if name in ("dot", "matmul") and out is not None and not out.host.flags.c_contiguous:
        raise StrictError(f"{name} into a strided out makes a temporary")
    counts.launches += 1
    result = function(
        *(_host(arg, name) for arg in args), **{k: _host(v, name) for k, v in kwargs.items()}
    )
    return out if out is not None else _device(result)


class ndarray:
    """A device array: numpy inside, none of its conveniences outside."""

    __slots__ = ("host",)
    __array_ufunc__ = None
    __hash__ = None  # type: ignore[assignment]

    host: np.ndarray

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError("Implicit conversion to a NumPy array is not allowed. Use .get()")

    def __array_function__(self, *args: Any) -> Any:
        raise StrictError("a numpy function was called with a device array")

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        return {"shape": self.shape, "typestr": self.dtype.str, "version": 3}

    def _read(self) -> np.ndarray:
        counts.syncs += 1
        return self.host

    def __float__(self) -> float:
        return float(self._read())

    def __int__(self) -> int:
        return int(self._read())

    def __bool__(self) -> bool:
        return bool(self._read())

    def item(self) -> Any:
        return self._read().item()

    def tolist(self) -> Any:
        return self._read().tolist()

    def get(self) -> np.ndarray:
        return self._read().copy()

    shape = property(lambda self: self.host.shape)
    dtype = property(lambda self: self.host.dtype)
    ndim = property(lambda self: self.host.ndim)
    size = property(lambda self: self.host.size)
    nbytes = property(lambda self: self.host.nbytes)
    itemsize = property(lambda self: self.host.itemsize)
    flags = property(lambda self: self.host.flags)
    T = property(lambda self: _device(self.host.T, fresh=False))

    def __len__(self) -> int:
        return len(self.host)

    def __iter__(self) -> Any:
        return (_device(item, fresh=False) for item in self.host)

    def __repr__(self) -> str:
        return f"strict({self.host!r})"

    def _index(self, index: Any) -> Any:
        for part in index if isinstance(index, tuple) else (index,):
            if isinstance(part, np.ndarray | list):
                raise StrictError("a host index: CuPy copies it to the device each time")
            if isinstance(part, ndarray) and part.dtype == bool:
                counts.syncs += 1
        return _host(index, "index")

    def __getitem__(self, index: Any) -> Any:
        result = self.host[self._index(index)]
        view = isinstance(result, np.ndarray) and np.may_share_memory(result, self.host)
        if isinstance(result, np.generic):  # a 0-d view, as in CuPy
            result, view = self.host[(*np.atleast_1d(index).tolist(), ...)], True
        counts.launches += not view
        return _device(result, fresh=not view)

    def __setitem__(self, index: Any, value: Any) -> None:
        if isinstance(value, np.ndarray | list | tuple):
            raise ValueError("non-scalar numpy.ndarray cannot be used for fill")
        counts.launches += 1
        self.host[self._index(index)] = _host(value, "setitem")

    def __getattr__(self, name: str) -> Any:
        spec = METHODS.get(name)
        if spec is None:
            raise AttributeError(f"'cupy.ndarray' object has no attribute {name!r}")
        method = getattr(self.host, name)
        if name in VIEWS:
            return lambda *args, **kwargs: _device(method(*args, **kwargs), fresh=False)
        return lambda *args, **kwargs: _call(method, name, spec, args, kwargs)


def _operator(name: str, function: Any, *, reflected: bool = False, inplace: bool = False) -> Any:
    def method(self: ndarray, other: Any) -> Any:
        if isinstance(other, list | tuple):
            raise StrictError(f"Unsupported type {type(other)}")
        value = _host(other, name)
        counts.launches += 1
        if inplace:
            function(self.host, value)
            return self
        return _device(function(value, self.host) if reflected else function(self.host, value))

    return method


for _name in [
    "add",
    "sub",
    "mul",
    "truediv",
    "floordiv",
    "mod",
    "pow",
    "matmul",
    "and",
    "or",
    "xor",
]:
    _function = getattr(operator, {"and": "and_", "or": "or_"}.get(_name, _name))
    setattr(ndarray, f"__{_name}__", _operator(_name, _function))
    setattr(ndarray, f"__r{_name}__", _operator(_name, _function, reflected=True))
    if f"__i{_name}__" in METHODS:  # CuPy has no in-place matmul: it would rebind
        _inplace = getattr(operator, f"i{_name}")
        setattr(ndarray, f"__i{_name}__", _operator(_name, _inplace, inplace=True))
for _name in ["lt", "le", "gt", "ge", "eq", "ne"]:
    setattr(ndarray, f"__{_name}__", _operator(_name, getattr(operator, _name)))
for _name in ["neg", "abs", "invert"]:
    _function = getattr(operator, _name)
    setattr(
        ndarray,
        f"__{_name}__",
        lambda self, f=_function, n=_name: _call(f, n, {"kind": "opaque"}, (self,), {}),
    )


class ElementwiseKernel:
    """Runs the body of a kernel as lamella writes it: lines ``T t3 = a0 * s2;`` and ``o0 = t3;``.

    Kernels that draw random numbers are known by their names.
    """

    def __init__(
        self, in_params: str, out_params: str, operation: str, name: str, *, preamble: str = ""
    ) -> None:
        self.inputs = [part.split() for part in in_params.split(",")]
        self.outputs = [part.split() for part in out_params.split(",")]
        self.operation, self.name = operation, name

    def __call__(self, *args: Any) -> Any:
        if len(args) != len(self.inputs) + len(self.outputs):
            raise StrictError(f"{self.name} takes {len(self.inputs)} + {len(self.outputs)}")
        counts.launches += 1
        outputs = args[len(self.inputs) :]
        if not all(isinstance(out, ndarray) for out in outputs):
            raise StrictError("outputs must be device arrays")
        types = {
            arg.dtype
            for (kind, _), arg in zip(self.inputs + self.outputs, args, strict=True)
            if kind == "T"
        }
        if len(types) != 1:
            raise StrictError(f"{self.name}: type T is {types} at once")
        values = {
            name: _host(arg, self.name) for (_, name), arg in zip(self.inputs, args, strict=False)
        }
        results = kernels.run(self.name, self.operation, values, outputs[0].host, types.pop())
        for out, result in zip(outputs, results, strict=True):
            out.host[...] = result
        return outputs[0] if len(outputs) == 1 else outputs


def asarray(array: Any, dtype: Any = None) -> Any:
    if isinstance(array, ndarray):
        return array if dtype in (None, array.dtype) else _device(array.host.astype(dtype))
    return _device(np.array(array, dtype=dtype))


def ascontiguousarray(array: Any, dtype: Any = None) -> Any:
    if isinstance(array, ndarray) and array.flags.c_contiguous and dtype in (None, array.dtype):
        return array
    return _device(np.array(_host(array, "ascontiguousarray"), dtype=dtype, order="C"))


def asnumpy(array: Any) -> np.ndarray:
    return array.get() if isinstance(array, ndarray) else np.asarray(array)


class _Stream:
    def synchronize(self) -> None:
        counts.syncs += 1


cuda = types.SimpleNamespace(get_current_stream=_Stream)


def __getattr__(name: str) -> Any:
    if name in SURFACE["types"] and hasattr(np, name):
        return getattr(np, name)  # cupy.float32 is numpy.float32
    if name in ("newaxis", "pi", "inf", "nan", "e"):
        return getattr(np, name)
    spec = FUNCTIONS.get(name)
    if spec is None or not hasattr(np, name):
        raise AttributeError(f"module 'cupy' has no attribute {name!r}")
    return lambda *args, **kwargs: _call(getattr(np, name), name, spec, args, kwargs)
