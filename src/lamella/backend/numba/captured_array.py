"""Views of arrays during a capture: all work on them but the recorded calls ends the capture."""

from collections.abc import Callable
from typing import Any

import numpy as np

from lamella.backend.numba.call_recorder import end_capture

# Methods of arrays that compute, copy or write without numpy's dispatch to subclasses.
METHODS = (
    "__bool__", "__complex__", "__contains__", "__delitem__", "__float__", "__index__", "__int__",
    "__setitem__", "argmax", "argmin", "argpartition", "argsort", "astype", "byteswap", "choose",
    "compress", "copy", "cumprod", "cumsum", "diagonal", "dot", "fill", "flatten", "item",
    "itemset", "nonzero", "partition", "put", "repeat", "resize", "searchsorted", "sort", "take",
    "tobytes", "tofile", "tolist", "trace",
)  # fmt: skip


class CapturedArray(np.ndarray):
    """View of an array during a capture.

    Recorded calls accept only such views: their memory holds the numbers of each later step. Any
    other operation of numpy ends the capture and returns the result for the plain array. Views of
    views, such as a transpose, are captured too.
    """

    original: np.ndarray | None = None

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **named: Any) -> Any:
        end_capture()
        if "out" in named:
            named["out"] = tuple(map(plain, named["out"]))
        return getattr(ufunc, method)(*map(plain, inputs), **named)

    def __array_function__(self, function: Any, kinds: Any, given: Any, named: Any) -> Any:
        end_capture()
        return super().__array_function__(function, kinds, given, named)

    def __getitem__(self, index: Any) -> Any:
        found = super().__getitem__(index)
        if not (isinstance(found, np.ndarray) and np.may_share_memory(plain(found), plain(self))):
            end_capture()
        return found


def _ending(name: str) -> Callable[..., Any]:
    def method(self: CapturedArray, *given: Any, **named: Any) -> Any:
        end_capture()
        return getattr(plain(self), name)(*map(plain, given), **named)

    return method


for _name in METHODS:
    if hasattr(np.ndarray, _name):
        setattr(CapturedArray, _name, _ending(_name))


def captured(array: Any) -> Any:
    """Return a view that ends the capture where it is used for anything but recorded calls."""
    if array is None or isinstance(array, CapturedArray):
        return array
    view = array.view(CapturedArray)
    view.original = array
    return view


def plain(value: Any) -> Any:
    """Return the array that a captured one is a view of, in lists and tuples too."""
    if isinstance(value, CapturedArray):
        return value.view(np.ndarray) if value.original is None else value.original
    if isinstance(value, list | tuple):
        return type(value)(map(plain, value)) if type(value) in (list, tuple) else value
    return value


def is_captured(array: Any) -> bool:
    """Whether an array is a view of captured memory; a copy of such a view has its own memory."""
    if not isinstance(array, CapturedArray):
        return not isinstance(array, np.ndarray)
    owner: Any = array
    while isinstance(owner.base, np.ndarray):
        owner = owner.base
    return not isinstance(owner, CapturedArray)
