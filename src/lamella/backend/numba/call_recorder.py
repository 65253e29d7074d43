"""Record the calls of compiled functions, to replay all of them in one call.

A step of training calls some thirty of them, with the same arrays each time. In small batches the
calls from Python take as long as the work itself.
"""

import functools
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from lamella.backend.numba.code_cache import digest_of_source, load_module


class CallRecorder:
    """Calls in their order: compiled functions, and Python functions between them.

    If a call could not be recorded, ``is_complete`` is False, and there is no replay.
    """

    def __init__(self) -> None:
        self.is_complete = True
        self._parts: list[Any] = [[]]  # lists of tasks and their words, and functions
        self._memory: list[Any] = []  # held for the tasks, which know only addresses

    def add(self, task: int, words: np.ndarray, *memory: Any) -> None:
        """Append the task at an address, with its words, and hold the memory they point to."""
        if not isinstance(self._parts[-1], list):
            self._parts.append([])
        self._parts[-1].append((task, words.ctypes.data))
        self._memory += [words, *memory]

    def add_call(self, function: Any, arguments: tuple[Any, ...], *memory: Any) -> None:
        """Append a call of a compiled function of the top level of a module."""
        try:
            formulas, words, numbers = _in_words(arguments)
            task = _task_of(function.py_func, tuple(formulas))
            scalars = np.array(numbers)
            place = np.array([scalars.ctypes.data, *words], np.int64)
        except (TypeError, OverflowError, OSError):  # a function typed in has no source file
            self.is_complete = False
            return
        self.add(task, place, scalars, *arguments, *memory)

    def add_python(self, run: Callable[[], Any]) -> None:
        """Append a call of a Python function."""
        self._parts.append(run)

    def finish(self) -> Callable[[], None] | None:
        """Return a function that replays all calls; None if one of them was not recorded."""
        from lamella.backend.numba.parallel_for import play
        from lamella.backend.numba.thread_pool import get_pool

        if not self.is_complete:
            return None
        parts = [part if callable(part) else np.array(part) for part in self._parts if part]
        return functools.partial(_replay, play, get_pool(), parts, self._memory)


def _replay(
    play: Callable[..., None], pool: Any, parts: Sequence[Any], _memory: Sequence[Any]
) -> None:
    """Repeat all calls. The arguments keep the memory of the calls alive."""
    for part in parts:
        if callable(part):
            part()
        else:
            with pool.lock:
                play(part, pool.board)
            pool.wake()


class _Here(threading.local):
    recorder: CallRecorder | None = None  # each thread may record calls of its own


_here = _Here()


@contextmanager
def capture() -> Iterator[CallRecorder]:
    """Record the compiled calls of this thread within this block; an outer capture ends."""
    end_capture()
    before, recorder = _here.recorder, CallRecorder()
    try:
        _here.recorder = recorder
        yield recorder
    finally:
        _here.recorder = before


def current_recorder() -> CallRecorder | None:
    """Return the recorder of this thread, if it captures."""
    return _here.recorder


def call(function: Any, *arguments: Any) -> None:
    """Call a compiled function of arrays and numbers, and record the call in a capture."""
    function(*arguments)
    if _here.recorder is not None:
        _here.recorder.add_call(function, arguments)


def end_capture() -> None:
    """End the capture of this thread, if there is one: its work cannot be replayed."""
    if _here.recorder is not None:
        _here.recorder.is_complete = False


def call_python(run: Callable[..., Any], *arguments: Any) -> Any:
    """Call a Python function of plain arrays, and record the call in a capture."""
    if _here.recorder is not None:
        _here.recorder.add_python(functools.partial(run, *arguments))
    return run(*arguments)


def _in_words(arguments: tuple[Any, ...]) -> tuple[list[str], list[int], list[float]]:
    """Return how arguments are read from words and from numbers, and these words and numbers."""
    formulas: list[str] = []
    words: list[int] = []
    numbers: list[float] = []
    for argument in arguments:
        at = len(words) + 1  # the first word says where the numbers are
        if isinstance(argument, np.ndarray):
            array, turn = argument, ""
            if not array.flags.c_contiguous:
                array, turn = array.T, ".T"
            dtype, is_whole = array.dtype, array.flags.c_contiguous and array.ndim > 0
            if not (is_whole and dtype.isnative and dtype.kind in "biufc"):
                raise TypeError("only whole arrays are known by their address")
            shape = ", ".join(f"words[{at + 1 + axis}]" for axis in range(array.ndim))
            formulas.append(f"array_at(words[{at}], ({shape},), np.{dtype.name}){turn}")
            words += [array.ctypes.data, *array.shape]
        elif isinstance(argument, int) and not isinstance(argument, bool):
            formulas.append(f"words[{at}]")
            words.append(argument)
        elif isinstance(argument, float):
            formulas.append(f"numbers[{len(numbers)}]")
            numbers.append(argument)
        else:
            raise TypeError(f"no words for a {type(argument).__name__}")
    return formulas, words, numbers


@functools.cache
def _task_of(function: Callable[..., Any], formulas: tuple[str, ...]) -> int:
    """Return the address of a task that decodes its words and calls a function with them."""
    from lamella.backend.numba.parallel_for import compile_task

    found = getattr(sys.modules.get(function.__module__), function.__name__, None)
    if getattr(found, "py_func", found) is not function:
        raise TypeError("only a function of the top level of a module is known by its name")
    return int(compile_task(load_module(_to_task(function, formulas)).task))


def _to_task(function: Callable[..., Any], formulas: Sequence[str]) -> str:
    """Write a module with that task."""
    numbers = sum(formula.startswith("numbers") for formula in formulas)
    lines = [
        # numba keeps the code of all that is called here, and looks at this file only.
        f"# {digest_of_source(function)}",
        "import numpy as np",
        "from lamella.backend.numba.code_cache import compile_function",
        "from lamella.backend.numba.parallel_for import array_at",
        f"from {function.__module__} import {function.__name__} as plain",
        "",
        "function = plain if hasattr(plain, 'py_func') else compile_function(plain)",
        "",
        "",
        "def task(words, number, memory):",
        f"    numbers = array_at(words[0], ({numbers},), np.float64)",
        f"    function({', '.join(formulas)})",
    ]
    return "\n".join(lines) + "\n"
