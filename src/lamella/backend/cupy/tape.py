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

from lamella.backend.cupy.task import Task, word_of
from lamella.core.typing import Array


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

    Parameters
    ----------
    count : array
    owner : object, optional
        The model whose memory the tasks use, so that no two of its tapes are replayed at once.

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

    def __init__(self, count: Array, owner: object = None) -> None:
        self.count, self.owner = count, owner
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
