"""Note the tasks of a step, to repeat all of them in one launch.

A step of training launches some forty tasks, with the same arrays each time. The launches from
Python take far longer than the work itself.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from lamella.backend.cupy.tasks import WORDS, Function, word_of, words_of
from lamella.core.typing import Array

MOST = 2**30  # numbers of an array: tasks count in 32 bits, up to twice as far
Span = tuple[int, int]  # addresses of the first byte and of the one behind the last


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


@dataclass
class Followed:
    """A function that is called again before each replay, for the numbers of its tasks.

    Attributes
    ----------
    run : function ()
    owner, counter : object, str
        The number on which the next call depends, to be put back after calls in advance;
        None if calls in advance could have other effects.
    start, tasks : int, list of Task
        Its tasks, and the place of the first on the tape.
    """

    run: Callable[[], Any]
    owner: Any
    counter: str | None
    start: int
    tasks: list[Task]


class Tape:
    """Tasks in their order, and the functions to follow.

    Attributes
    ----------
    count : array
        Counts the steps on the device.
    obstacle : str
        The first reason why the step cannot be replayed; empty if it can.
    position : function () -> int, optional
        Returns the number of a step in its epoch, which ``count`` must then be; without it, steps
        may be counted from anywhere.
    """

    def __init__(self, count: Array) -> None:
        self.count = count
        self.tasks: list[Task] = []
        self.followed: list[Followed] = []
        self.obstacle = ""
        self.position: Callable[[], int] | None = None


class _Here(threading.local):
    tape: Tape | None = None  # each thread may capture
    is_following: bool = False
    collected: list[Any] | None = None


_here = _Here()


def current_tape() -> Tape | None:
    """Return the tape of this thread, if it captures."""
    return _here.tape


def expects_noted() -> bool:
    """Whether this thread captures work whose arrays must be noted; a followed function's need not.

    It works on memory that was bound to it before.
    """
    return _here.tape is not None and not _here.is_following


@contextmanager
def note_on(tape: Tape) -> Iterator[None]:
    """Note the tasks of this thread within this block; an outer capture ends."""
    end_capture("another capture began within it")
    before = _here.tape
    try:
        _here.tape = tape
        yield
    finally:
        _here.tape = before


def end_capture(obstacle: str) -> None:
    """End the capture of this thread, if there is one: its work cannot be replayed."""
    if _here.tape is not None and not _here.tape.obstacle:
        _here.tape.obstacle = obstacle


def do(task: Task, launch: Callable[[Task], None]) -> None:
    """Launch a task, and note it in a capture."""
    if _here.collected is not None:
        _here.collected.append(task)
        return
    launch(task)
    if _here.tape is not None:
        _here.tape.tasks.append(task)


def do_other(run: Callable[[], Any], obstacle: str) -> None:
    """Do work that is no task, which ends a capture."""
    if _here.collected is not None:
        _here.collected.append(run)
        return
    end_capture(obstacle)
    run()


def follow(run: Callable[[], Any], owner: Any, counter: str | None) -> Any:
    """Call a function now, and in a capture note to call it again before each replay."""
    tape = _here.tape
    if tape is None or _here.collected is not None or _here.is_following:
        return run()
    first = len(tape.tasks)
    _here.is_following = True
    try:
        result = run()
    finally:
        _here.is_following = False
    tape.followed.append(Followed(run, owner, counter, first, tape.tasks[first:]))
    return result


@contextmanager
def aside() -> Iterator[None]:
    """Launch tasks within this block, and neither note nor collect them."""
    before = dict(vars(_here))
    try:
        _here.tape, _here.is_following, _here.collected = None, False, None
        yield
    finally:
        vars(_here).clear()
        vars(_here).update(before)


def collect(run: Callable[[], Any]) -> list[Any]:
    """Call a function and return its tasks, and other work, instead of doing them."""
    before, _here.collected = _here.collected, []
    try:
        run()
        return _here.collected
    finally:
        _here.collected = before


def numbers_of(followed: Sequence[Followed], found: Sequence[list[Any]]) -> list[float] | None:
    """Return the numbers of collected tasks; None if they are not the tasks that were noted."""
    numbers: list[float] = []
    for each, tasks in zip(followed, found, strict=True):
        if len(tasks) != len(each.tasks):
            return None
        for noted, task in zip(each.tasks, tasks, strict=True):
            if not (isinstance(task, Task) and noted.is_like(task)):
                return None
            numbers += task.numbers
    return numbers


def copy_words(
    task: Task, table: Array | None, count: Array, width: int, column: int
) -> np.ndarray:
    """Return a task's words for a graph; numbers are read from a table, if there is one."""
    words = task.words
    for number, value in task.in_graph.items():
        words["w"][0, number] = word_of(value)
    if table is not None and task.numbers:
        words["w"][0, 1:5] = word_of(table), word_of(count), width, column
    return words
