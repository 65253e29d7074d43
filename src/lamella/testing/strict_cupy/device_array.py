"""The device array: computes with numpy and offers only the names and keywords of CuPy."""

import operator
import types
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

from lamella.testing.strict_cupy import streams
from lamella.testing.strict_cupy.counting import StrictError, forbidden

# For each kind of name, the keywords by name; "*" stands for any.
SURFACE: dict[str, dict[str, list[str]]] = {"type": {}, "function": {}, "ufunc": {}, "method": {}}
for _line in (Path(__file__).parent / "surface.txt").read_text().splitlines()[1:]:
    _kind, _name, *_keywords = _line.split()
    SURFACE[_kind][_name] = _keywords

METHODS = SURFACE["method"]
BINARY = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor")
VIEWS = ("reshape", "transpose", "ravel", "squeeze", "swapaxes")
IN_PLACE = ("fill", "copyto", "put", "putmask", "place", "fill_diagonal")  # return nothing
PRODUCTS = ("dot", "matmul", "vdot", "inner", "tensordot", "einsum")  # call cuBLAS


def to_device(result: Any, *, fresh: bool = True, kind: Any = None) -> Any:
    """Wrap a result of numpy; numbers become 0-d device arrays, as in CuPy.

    ``kind`` is the class of the array, `ndarray` or that of the array of which it is a view.
    """
    if isinstance(result, np.ndarray | np.generic):
        if fresh:
            streams.allocate()
        array = ndarray.__new__(ndarray if kind is None else kind)
        array.host = np.asarray(result)
        if fresh and array.host.dtype in forbidden:
            raise StrictError(f"an array of {array.host.dtype} was made")
        return array
    if isinstance(result, tuple | list):
        return type(result)(to_device(item, fresh=fresh) for item in result)
    return result


def to_host(argument: Any, where: str) -> Any:
    """Unwrap a device array; refuse numpy arrays."""
    if isinstance(argument, ndarray):
        return argument.host
    if isinstance(argument, np.ndarray):
        raise StrictError(f"Unsupported type {type(argument)} in {where}")
    if isinstance(argument, tuple | list):
        return type(argument)(to_host(item, where) for item in argument)
    return argument


def call(
    function: Any,
    name: str,
    keywords: Collection[str],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Any:
    """Call a numpy function with device arrays, or raise the error that CuPy would raise."""
    unknown = set(kwargs).difference(keywords)
    if unknown and "*" not in keywords:
        raise StrictError(f"CuPy's {name}() has no keyword {sorted(unknown)}")
    if name in SURFACE["ufunc"] and any(isinstance(arg, list | tuple) for arg in args):
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
    if name in PRODUCTS:
        streams.library("cuBLAS")
    values = [to_host(arg, name) for arg in args]
    named = {key: to_host(value, name) for key, value in kwargs.items()}
    if out is not None or name in IN_PLACE:
        streams.launch(lambda: function(*values, **named))
        return out
    return to_device(streams.compute(lambda: function(*values, **named)))


class ndarray:
    """A numpy array in ``host``, behind the interface of cupy.ndarray."""

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

    @property
    def data(self) -> Any:
        return types.SimpleNamespace(ptr=self.host.ctypes.data)

    def _read(self) -> np.ndarray:
        streams.transfer("D2H")
        return self.host

    def set(self, array: np.ndarray) -> None:
        streams.transfer("H2D")
        if not isinstance(array, np.ndarray) or array.dtype != self.dtype:
            raise TypeError(f"only a numpy array of {self.dtype} can be set, got {array!r:.60}")
        if array.shape != self.shape:
            raise ValueError(f"Shape mismatch. Old shape: {self.shape}, new shape: {array.shape}")
        self.host[...] = array

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
    strides = property(lambda self: self.host.strides)
    flags = property(lambda self: self.host.flags)
    T = property(lambda self: self._view(self.host.T))

    def __len__(self) -> int:
        return len(self.host)

    def __iter__(self) -> Any:
        return (to_device(item, fresh=False) for item in self.host)

    def __repr__(self) -> str:
        return f"strict({self.host!r})"

    def _view(self, host: np.ndarray) -> Any:
        return to_device(host, fresh=False, kind=type(self))

    def view(self, dtype: Any = None, type: Any = None) -> Any:
        """Return a view of the same memory, which may be of a subclass."""
        host = self.host if dtype is None else self.host.view(dtype)
        return self._view(host) if type is None else to_device(host, fresh=False, kind=type)

    def _index(self, index: Any) -> Any:
        for part in index if isinstance(index, tuple) else (index,):
            if isinstance(part, np.ndarray | list):
                raise StrictError("a host index: CuPy copies it to the device every time")
            if isinstance(part, ndarray) and part.dtype == bool:
                streams.transfer("D2H")  # the number of hits
        return to_host(index, "index")

    def __getitem__(self, index: Any) -> Any:
        result = self.host[self._index(index)]
        view = isinstance(result, np.ndarray) and np.may_share_memory(result, self.host)
        if isinstance(result, np.generic):  # a 0-d view, as in CuPy
            result, view = self.host[(*np.atleast_1d(index).tolist(), ...)], True
        return self._view(result) if view else to_device(streams.compute(lambda: result))

    def __setitem__(self, index: Any, value: Any) -> None:
        if isinstance(value, np.ndarray | list | tuple):
            raise ValueError("non-scalar numpy.ndarray cannot be used for fill")
        place, number = self._index(index), to_host(value, "setitem")
        streams.launch(lambda: self.host.__setitem__(place, number))

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"'cupy.ndarray' object has no attribute {name!r}")


def _method(name: str) -> Any:
    def method(self: ndarray, *args: Any, **kwargs: Any) -> Any:
        function = getattr(self.host, name)
        if name in VIEWS:
            return self._view(function(*args, **kwargs))
        return call(function, name, METHODS[name], args, kwargs)

    return method


def _operator(name: str, function: Any, *, reflected: bool = False, inplace: bool = False) -> Any:
    def method(self: ndarray, other: Any) -> Any:
        if isinstance(other, list | tuple):
            raise StrictError(f"Unsupported type {type(other)}")
        value = to_host(other, name)
        if name == "matmul":
            streams.library("cuBLAS")
        if inplace:
            streams.launch(lambda: function(self.host, value))
            return self
        left, right = (value, self.host) if reflected else (self.host, value)
        return to_device(streams.compute(lambda: function(left, right)))

    return method


for _name in BINARY:
    _function = getattr(operator, {"and": "and_", "or": "or_"}.get(_name, _name))
    setattr(ndarray, f"__{_name}__", _operator(_name, _function))
    setattr(ndarray, f"__r{_name}__", _operator(_name, _function, reflected=True))
    if f"__i{_name}__" in METHODS:  # CuPy has no in-place matmul; the name would be rebound
        _inplace = getattr(operator, f"i{_name}")
        setattr(ndarray, f"__i{_name}__", _operator(_name, _inplace, inplace=True))
for _name in ["lt", "le", "gt", "ge", "eq", "ne"]:
    setattr(ndarray, f"__{_name}__", _operator(_name, getattr(operator, _name)))
for _name in ["neg", "abs", "invert"]:
    _function = getattr(operator, _name)
    setattr(
        ndarray, f"__{_name}__", lambda self, f=_function, n=_name: call(f, n, "*", (self,), {})
    )
for _name in METHODS:
    if not (_name.startswith("__") or hasattr(ndarray, _name)) and hasattr(np.ndarray, _name):
        setattr(ndarray, _name, _method(_name))
