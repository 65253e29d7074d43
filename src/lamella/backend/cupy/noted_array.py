"""Views of arrays during a capture: all work on them but that of tasks ends the capture."""

import functools
from collections.abc import Callable
from typing import Any

from lamella.backend.cupy.tape import end_capture, expects_noted

OBSTACLE = "an array is used by {}, outside of self.map, self.dot and the like"
OTHER_MEMORY = "an array is used that is not the network's: its numbers may change unseen"
# Public names that neither compute nor read numbers.
HARMLESS = (
    "T", "base", "cstruct", "data", "device", "dtype", "flags", "is_host_accessible", "itemsize",
    "mT", "nbytes", "ndim", "ravel", "reshape", "shape", "size", "squeeze", "strides", "swapaxes",
    "transpose", "view",
)  # fmt: skip
PROPERTIES = ("__cuda_array_interface__", "flat", "imag", "real")
ARITHMETIC = (
    "add", "and", "divmod", "floordiv", "lshift", "matmul", "mod", "mul", "or", "pow", "rshift",
    "sub", "truediv", "xor",
)  # fmt: skip
SPECIAL = (
    "abs", "array", "array_function", "array_ufunc", "bool", "complex", "copy", "deepcopy",
    "dlpack", "eq", "float", "ge", "gt", "int", "invert", "iter", "le", "lt", "ne", "neg", "pos",
    "setitem", *(prefix + name for name in ARITHMETIC for prefix in ("", "i", "r")),
)  # fmt: skip


class NotedArray:
    """Mixed into the array class of a library, for arrays during a capture.

    Tasks accept only such views: their memory holds the numbers of each later step. Any other
    operation ends the capture and returns the result for the plain array. Views of views, such as
    a transpose, are noted too.
    """

    original: Any = None
    plain_class: type
    batches: dict[int, Any] | None = None  # words of tasks that pick samples by this index

    def __getitem__(self, index: Any) -> Any:
        parts = index if isinstance(index, tuple) else (index,)
        if not all(part is None or isinstance(part, slice | int) or part is ... for part in parts):
            end_capture(OBSTACLE.format("an index"))
        return super().__getitem__(index)  # type: ignore[misc]

    def reshape(self, *shape: Any, **named: Any) -> Any:
        self._expect_view("reshape")
        return super().reshape(*shape, **named)  # type: ignore[misc]

    def ravel(self, *given: Any, **named: Any) -> Any:
        self._expect_view("ravel")
        return super().ravel(*given, **named)  # type: ignore[misc]

    def _expect_view(self, name: str) -> None:
        if not self.flags.c_contiguous:  # type: ignore[attr-defined]
            end_capture(OBSTACLE.format(name))  # a copy has memory of its own


@functools.cache
def _noted_class(kind: Any) -> Any:
    public = [name for name in dir(kind) if name[0] != "_" and name not in HARMLESS]
    methods = [name for name in public if callable(getattr(kind, name))]
    methods += [f"__{name}__" for name in SPECIAL if getattr(kind, f"__{name}__", None)]
    endings: dict[str, Any] = {name: _ending(name) for name in methods}
    endings |= {name: property(_ending_property(name)) for name in PROPERTIES}
    return type("NotedArray", (NotedArray, kind), {**endings, "plain_class": kind})


def _ending_property(name: str) -> Callable[[Any], Any]:
    def read(self: Any) -> Any:
        end_capture(OBSTACLE.format(name))
        return getattr(plain(self), name)

    return read


def _ending(name: str) -> Callable[..., Any]:
    def method(self: Any, *given: Any, **named: Any) -> Any:
        end_capture(OBSTACLE.format(name))
        named = {key: plain(value) for key, value in named.items()}
        return getattr(plain(self), name)(*map(plain, given), **named)

    return method


def noted(array: Any) -> Any:
    """Return a view that ends the capture where it is used for anything but tasks."""
    if array is None or isinstance(array, NotedArray):
        return array
    view = array.view(type=_noted_class(array.__class__))
    view.original = array
    return view


def plain(value: Any) -> Any:
    """Return the array that a noted one is a view of, in lists and tuples too."""
    if isinstance(value, NotedArray):
        if value.original is not None:
            return value.original
        return value.view(type=value.plain_class)  # type: ignore[attr-defined]
    if type(value) in (list, tuple):
        return type(value)(map(plain, value))
    return value


def expect_noted(*arrays: Any) -> None:
    """End the capture, if there is one, unless all these arrays are noted memory."""
    if expects_noted() and not all(isinstance(each, NotedArray) for each in arrays):
        end_capture(OTHER_MEMORY)


class NotingModule:
    """An array library, the use of whose functions ends a capture."""

    def __init__(self, xp: Any) -> None:
        self._xp = xp

    def __getattr__(self, name: str) -> Any:
        end_capture(OBSTACLE.format(f"xp.{name}"))
        return getattr(self._xp, name)
