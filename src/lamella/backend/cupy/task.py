"""A task: a function of a kernel, and 32 words that name the memory it works on."""

import struct
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from lamella.core.typing import Array

THREADS = 256  # of a block
WORDS = np.dtype([("w", np.int64, 32)])  # cupy passes an array of size 1 by value, as a struct
MOST = 2**30  # numbers of an array: tasks count in 32 bits, up to twice as far
Span = tuple[int, int]  # addresses of the first byte and of the one behind the last


class Function(NamedTuple):
    """A task's function: its name, and its CUDA source if ``kernels.cu`` does not have it."""

    name: str
    source: str = ""


LARGE_PRODUCT = Function("large_product")  # of cuBLAS, which shares no launch


class Task:
    """A function of a kernel and the memory it works on.

    Parameters
    ----------
    function : Function
    dtype : dtype or None
        Of the numbers; None if it does not matter.
    tiles : int
        Blocks that share the work.
    values : sequence
        Arrays, numbers and None, as `words_of` takes them.
    writes : sequence of array
        Those that it writes; it may read all arrays.
    numbers : sequence of float
        Numbers that may change from step to step, in words from ``numbers_at`` on. Where the words
        from 1 on name a table, counter, width and column, they are read from there.
    in_graph : dict, optional
        Words by number, that are others in a graph, where addresses do not move from step to step.
    """

    __slots__ = (
        *("function", "dtype", "tiles", "values", "writes", "numbers", "numbers_at", "in_graph"),
        "fixed",
    )

    def __init__(
        self,
        function: Function,
        dtype: Any,
        tiles: int,
        values: Sequence[Any],
        writes: Sequence[Array],
        numbers: Sequence[float] = (),
        numbers_at: int = 0,
        in_graph: dict[int, Any] | None = None,
    ) -> None:
        self.function, self.dtype, self.tiles = function, dtype, max(1, tiles)
        self.values, self.writes, self.in_graph = values, writes, in_graph or {}
        self.numbers, self.numbers_at = list(numbers), numbers_at
        self.fixed = words_of(*values).tobytes()

    def again(self, numbers: list[float]) -> "Task":
        """Return the same task with other numbers."""
        task = Task.__new__(Task)
        for name in self.__slots__:
            setattr(task, name, getattr(self, name))
        task.numbers = numbers
        return task

    @property
    def words(self) -> np.ndarray:
        """The words of a launch on its own, an array of size 1."""
        words = np.frombuffer(bytearray(self.fixed), WORDS)
        if self.numbers:
            end = self.numbers_at + len(self.numbers)
            words["w"][0, self.numbers_at : end] = [word_of(number) for number in self.numbers]
        return words

    def is_like(self, other: "Task") -> bool:
        """Whether another task does the same with other numbers."""
        mine, its = ((task.function, task.dtype, task.tiles, task.fixed) for task in (self, other))
        return mine == its

    def spans(self) -> list[Span]:
        """Return the memory of all its arrays."""
        arrays = [*self.values, *self.in_graph.values()]
        return [span(value) for value in arrays if hasattr(value, "strides")]


def are_whole(*arrays: Array) -> bool:
    """Whether tasks can find all numbers of these arrays from their address."""
    return all(array.flags.c_contiguous and array.size <= MOST for array in arrays)


def span(array: Array) -> Span:
    """Return the memory of an array, whose axes may run backwards."""
    extents = [(n - 1) * step for n, step in zip(array.shape, array.strides, strict=True)]
    start, before = int(array.data.ptr), sum(min(extent, 0) for extent in extents)
    return start + before, start + sum(extents) - before + array.itemsize


def words_of(*values: Any) -> np.ndarray:
    """Return a task's words: addresses of arrays, integers, and the bits of floats as double.

    None is the address 0, of an array that is left out.
    """
    words = np.zeros(1, WORDS)
    words["w"][0, : len(values)] = [word_of(value) for value in values]
    return words


def word_of(value: Any) -> int:
    """Return one word, see `words_of`."""
    if type(value) is int:
        return value if value < 2**63 else value - 2**64  # unsigned numbers keep their bits
    if value is None:
        return 0
    if isinstance(value, float):
        return int(struct.unpack("<q", struct.pack("<d", value))[0])
    if isinstance(value, int | np.integer):
        return word_of(int(value))
    return int(value.data.ptr)


def several_words(words: Sequence[np.ndarray], tiles: Sequence[int]) -> np.ndarray:
    """Return the argument of a kernel of several tasks: the words and tiles of each."""
    count = len(words)
    several = np.zeros(1, [("of", WORDS, count), ("tiles", np.int64, count)])
    several["of"][0] = [each[0] for each in words]
    several["tiles"][0] = tiles
    return several
