"""What compiled functions were called with, noted so that all of it can be done again at once.

A step of training calls some thirty of them, with the same arrays each time. Where batches are
small, to call them from Python takes as long as what they do. A recorder plays them in one call.
"""

import functools
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from lamella.backend.numba.code_cache import digest_of_file, load_module

if TYPE_CHECKING:
    from lamella.backend.numba.thread_pool import Pool

Function = TypeVar("Function", bound=Callable[..., Any])
_here = threading.local()  # each thread may capture calls of its own


class CallRecorder:
    """What was done, in order: compiled functions, and Python between them.

    Attributes
    ----------
    is_whole : bool
        False if something was done that could not be noted: then it must not be played.
    """

    def __init__(self) -> None:
        self.is_whole = True
        self._parts: list[Any] = [[]]  # lists of tasks and their words, and functions
        self._kept: list[Any] = []

    def add(self, task: int, words: np.ndarray, *kept: Any) -> None:
        """Add the task whose code is at an address, with words that tell it what to work on.

        These words, and what else has to stay where it is for them, are kept.
        """
        if not isinstance(self._parts[-1], list):
            self._parts.append([])
        self._parts[-1].append((task, words.ctypes.data))
        self._kept += [words, *kept]

    def add_call(self, function: Any, arguments: tuple[Any, ...], *kept: Any) -> None:
        """Add a call of a compiled function of the top level of a module."""
        try:
            formulas, words, numbers = _in_words(arguments)
            task = _task_of(function.py_func, tuple(formulas))
            scalars = np.array(numbers)
            place = np.array([scalars.ctypes.data, *words], np.int64)
        except (TypeError, OverflowError, OSError):  # there is no file of what is typed in
            self.is_whole = False
            return
        self.add(task, place, scalars, *arguments, *kept)

    def add_python(self, run: Callable[[], Any]) -> None:
        """Add a call of a Python function."""
        self._parts.append(run)

    def finish(self) -> Callable[[], None] | None:
        """Return what plays the recorder, if it is whole."""
        from lamella.backend.numba.parallel_for import play
        from lamella.backend.numba.thread_pool import get_pool

        if not self.is_whole:
            return None
        parts = [part if callable(part) else np.array(part) for part in self._parts if part]
        return functools.partial(_play, play, get_pool(), parts, self._kept)


def _play(
    play: Callable[..., None], pool: "Pool", parts: Sequence[Any], _kept: Sequence[Any]
) -> None:
    """Do what is on a recorder, whose memory is held by whoever holds these arguments."""
    for part in parts:
        if callable(part):
            part()
        else:
            with pool.lock:
                play(part, pool.board)
            pool.wake()


@contextmanager
def capture() -> Iterator[CallRecorder]:
    """Note all calls of this thread, within this block, on the recorder that it is given."""
    end_capture()  # a recorder that does without them
    before = current_recorder()
    _here.recorder = recorder = CallRecorder()
    try:
        yield recorder
    finally:
        _here.recorder = before


def current_recorder() -> CallRecorder | None:
    """Return the recorder on which this thread notes its calls, if it does."""
    return getattr(_here, "recorder", None)


def call(function: Any, *arguments: Any) -> None:
    """Call a compiled function of arrays and numbers, and note it if this thread records."""
    function(*arguments)
    recorder = current_recorder()
    if recorder is not None:
        recorder.add_call(function, arguments)


def end_capture() -> None:
    """Say that something is done now that cannot be noted."""
    recorder = current_recorder()
    if recorder is not None:
        recorder.is_whole = False


def recorded_python(run: Function) -> Function:
    """Return a function that does the same as ``run``, in Python, and notes that."""

    @functools.wraps(run)
    def run_and_note(*arguments: Any, **named: Any) -> Any:
        recorder = current_recorder()
        if recorder is not None:
            recorder.add_python(functools.partial(run, *arguments, **named))
        return run(*arguments, **named)

    return run_and_note  # type: ignore[return-value]


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
            dtype = array.dtype
            if not (array.flags.c_contiguous and array.ndim and dtype.isnative):
                raise TypeError("only whole arrays can be told by their address")
            if dtype.kind not in "biufc":
                raise TypeError("only whole arrays can be told by their address")
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
    """Return the address of a task that calls a function with what its words tell."""
    from lamella.backend.numba.parallel_for import compile_task

    found = getattr(sys.modules.get(function.__module__), function.__name__, None)
    if getattr(found, "py_func", found) is not function:
        raise TypeError("only a function of the top level of a module can be told by its name")
    return int(compile_task(load_module(_to_task(function, formulas)).task))


def _to_task(function: Callable[..., Any], formulas: Sequence[str]) -> str:
    """Write a module with that task."""
    numbers = sum(formula.startswith("numbers") for formula in formulas)
    lines = [
        # numba keeps the code of all that is called here, and looks at this file only.
        f"# {digest_of_file(function.__code__.co_filename)}",
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
