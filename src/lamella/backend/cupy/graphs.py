"""Replay a tape: its tasks, joined, as one CUDA graph."""

import contextlib
import functools
import gc
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from lamella.backend.cupy.cublas import lock
from lamella.backend.cupy.joins import Node, join, kind_of
from lamella.backend.cupy.kernels import Kernels
from lamella.backend.cupy.tape import Followed, Tape, collect, copy_words, numbers_of
from lamella.backend.cupy.task import THREADS, Function, Task, several_words, span

ROWS = 1024  # of the table, as in kernels.cu
AHEAD = 64  # steps whose numbers are computed and sent together


class _Here(threading.local):
    launch: "Callable[[TapeReplay, int], None] | None" = None

    def __init__(self) -> None:
        self.streams: dict[int, Any] = {}  # for captures, by number of the GPU


_here = _Here()

Launch = Callable[[], None]


class TapeReplay:
    """Repeats the step on a tape in one launch.

    The functions that the tape follows are called before. If they give other tasks than they did,
    all tasks are launched one by one, and the result is False: the step should be captured anew.

    Parameters
    ----------
    xp : module
    tape : Tape
    kernels_of : function (dtype) -> Kernels

    Attributes
    ----------
    nodes : list of Node
        Kernels of the graph.
    kind : tuple
        Of the nodes, see `kind_of`.
    kernels_of : function (dtype) -> Kernels
    """

    def __init__(self, xp: Any, tape: Tape, kernels_of: Callable[[Any], Kernels]) -> None:
        self._tape, self.kernels_of = tape, kernels_of
        self._width = sum(len(task.numbers) for each in tape.followed for task in each.tasks)
        self._table = xp.zeros((ROWS, self._width), "float64") if self._width else None
        self._rows: list[list[float]] = [[]] * ROWS  # those in the table
        self._steps = 0  # the number in the device's counter
        self._counted = [each for each in tape.followed if each.tasks]
        tape.count.fill(0)
        nodes = self._list_nodes()
        self._single = [_bind(node, kernels_of) for node in nodes]
        self.nodes = join(nodes)
        self.kind = kind_of(self.nodes)
        self._graph = capture(xp, [_bind(node, kernels_of) for node in self.nodes])

    def _list_nodes(self) -> list[Node]:
        """Return a node for each task, and one that counts the steps if a task depends on them."""
        tape, count = self._tape, span(self._tape.count)
        column, columns = 0, {}
        for each in tape.followed:
            for place, task in enumerate(each.tasks, each.start):
                columns[place] = column
                column += len(task.numbers)
        nodes = []
        for place, task in enumerate(tape.tasks):
            table = self._table if place in columns else None
            words = copy_words(task, table, tape.count, self._width, columns.get(place, 0))
            reads = [*task.spans(), *([count] if task.in_graph or table is not None else [])]
            written = [span(array) for array in task.writes]
            nodes.append(Node([task.function], task.dtype, [task.tiles], [words], reads, written))
        if self._width or tape.position is not None:
            advance = Task(Function("advance"), None, 1, [tape.count], [tape.count])
            nodes.append(Node([advance.function], None, [1], [advance.words], [count], [count]))
        return nodes

    def __call__(self, times: int = 1) -> bool:
        """Do the step of this number in its epoch, or the next one.

        Where ``times`` is more than 1, further steps follow, at most that many in all: as many as
        have numbers that can be known before.
        """
        tape = self._tape
        at = self._steps if tape.position is None else tape.position()
        if (times > 1 or _here.launch is not None) and self._several(at, times):
            return True
        found = [collect(each.run) for each in tape.followed]
        numbers = numbers_of(tape.followed, found)
        self._go_to(at)
        if numbers is None:
            self._play(found)
            return False
        if self._table is not None and self._rows[at % ROWS] != numbers:
            self._fill(at % ROWS, numbers)
        self._graph.launch()
        self._steps += 1
        return True

    def _go_to(self, at: int) -> None:
        """Set the device's counter."""
        if at != self._steps:
            self._tape.count.fill(at)
            self._steps = at

    def _several(self, at: int, times: int) -> int:
        """Do at most ``times`` steps, one launch each, and return how many were done."""
        first = at % ROWS
        rows, counts = self._further(min(times, AHEAD, ROWS - first))
        if not rows:
            return 0
        self._go_to(at)
        self._send(first, rows)
        if _here.launch is not None:
            _here.launch(self, len(rows))
        for values in counts:
            if _here.launch is None:
                self._graph.launch()
            self._count(values)
        return len(rows)

    def launch(self, times: int) -> None:
        """Launch so many steps, whose numbers the table has."""
        for _ in range(times):
            self._graph.launch()

    def _count(self, values: Sequence[Any]) -> None:
        """Count a step that was launched, whose counters are these then."""
        self._steps += 1
        _set_counters(self._counted, values)
        for each in self._tape.followed:
            if not each.tasks:
                each.run()

    def _fill(self, first: int, numbers: list[float]) -> None:
        """Send the numbers of this step, and those of further steps as they look now."""
        self._send(first, [numbers, *self._further(min(AHEAD, ROWS - first) - 1)[0]])

    def _send(self, first: int, rows: list[list[float]]) -> None:
        self._rows[first : first + len(rows)] = rows
        if self._table is not None:
            self._table[first : first + len(rows)].set(np.array(rows, np.float64))

    def _further(self, steps: int) -> tuple[list[list[float]], list[list[Any]]]:
        """Return the numbers of the next steps, and the counters after each of them.

        They are fewer where they cannot be known.
        """
        followed = self._counted
        rows: list[list[float]] = []
        counts: list[list[Any]] = []
        if not all(each.counter for each in followed):
            return rows, counts
        before = _counters(followed)
        try:
            for _ in range(steps):
                numbers = numbers_of(followed, [collect(each.run) for each in followed])
                if numbers is None:
                    break
                rows.append(numbers)
                counts.append(_counters(followed))
        except Exception:  # it comes again when it is the step's turn
            pass
        finally:
            _set_counters(followed, before)
        return rows, counts

    def _play(self, found: Sequence[list[Any]]) -> None:
        """Launch all tasks, with those in place of each followed function's that it gave now."""
        at, tasks = 0, len(self._tape.tasks)
        for each, others in zip(self._tape.followed, found, strict=True):
            for launch in self._single[at : each.start]:
                launch()
            for other in others:
                if isinstance(other, Task):
                    self.kernels_of(other.dtype).launch(other)
                else:
                    other()
            at = each.start + len(each.tasks)
        for launch in self._single[at:tasks]:
            launch()


def _counters(followed: Sequence[Followed]) -> list[Any]:
    return [getattr(each.owner, each.counter or "") for each in followed]


def _set_counters(followed: Sequence[Followed], values: Sequence[Any]) -> None:
    for each, value in zip(followed, values, strict=True):
        setattr(each.owner, each.counter or "", value)


@contextmanager
def companions(launch: "Callable[[TapeReplay, int], None]") -> Iterator[None]:
    """Let others launch the graphs of this thread within this block, so many steps of a replay."""
    _here.launch = launch
    try:
        yield
    finally:
        _here.launch = None


def captures_are_off() -> bool:
    """Whether the user wants no captures."""
    return os.environ.get("LAMELLA_CAPTURE") == "0"


def capture(xp: Any, launches: Sequence[Launch]) -> Any:
    """Return a graph of these launches, which are not done.

    It is captured on a stream of its own, and can be launched on any.
    """
    device = xp.cuda.runtime.getDevice()
    if device not in _here.streams:
        _here.streams[device] = xp.cuda.Stream(non_blocking=True)
    stream = _here.streams[device]
    with lock:  # one capture at a time, in which no garbage is collected
        was_enabled = gc.isenabled()
        gc.disable()  # freed memory may wait for the device, which a capture forbids
        try:
            graph = _capture(stream, launches)
        finally:
            if was_enabled:
                gc.enable()
    graph.upload()
    return graph


def _capture(stream: Any, launches: Sequence[Launch]) -> Any:
    with stream:
        stream.begin_capture()
        try:
            for launch in launches:
                launch()
        except BaseException:
            with contextlib.suppress(Exception):
                stream.end_capture()  # leaves the capture, whatever it says
            raise
        return stream.end_capture()


def _bind(node: Node, kernels_of: Callable[[Any], Kernels]) -> Launch:
    """Return the launch of a node's kernel, which is compiled now."""
    kernel = kernels_of(node.dtype).kernel(node.functions, node.beside)
    if len(node.functions) == 1:
        return functools.partial(kernel, (node.tiles[0],), (THREADS,), (node.words[0],))
    words = several_words(node.words, node.tiles)
    tiles = sum(node.tiles) if node.beside else 1
    return functools.partial(kernel, (tiles,), (THREADS,), (words,))
