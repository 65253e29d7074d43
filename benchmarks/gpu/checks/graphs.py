"""The CUDA graphs that lamella captures, with their nodes."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from lamella.backend.cupy import graphs
from lamella.backend.cupy.joins import Node
from lamella.backend.cupy.tape import Tape


@dataclass
class Graph:
    """A captured graph: names of its nodes, in order, their launches, and its tape.

    The tape has the counter of steps, and keeps the memory of all tasks.
    """

    names: list[str]
    launches: Sequence[Callable[[], None]]
    tape: Tape


@contextmanager
def recorded_graphs(joined: bool = True) -> Iterator[list[Graph]]:
    """Yield a list that gets each graph captured in this block.

    Without ``joined`` each task stays a node of its own.
    """
    join, capture, begin = graphs.join, graphs.capture, graphs.TapeReplay.__init__
    found: list[Graph] = []
    names: list[str] = []
    launches: list[Callable[[], None]] = []

    def recorded_join(tasks: Sequence[Node]) -> list[Node]:
        nodes = join(tasks) if joined else list(tasks)
        names[:] = map(name, nodes)
        return nodes

    def recorded_capture(xp: Any, of: Sequence[Callable[[], None]]) -> Any:
        launches[:] = of
        return capture(xp, of)

    def recorded_begin(replay: Any, xp: Any, tape: Tape, *more: Any) -> None:
        begin(replay, xp, tape, *more)
        found.append(Graph(list(names), list(launches), tape))

    with (
        patch.object(graphs, "join", recorded_join),
        patch.object(graphs, "capture", recorded_capture),
        patch.object(graphs.TapeReplay, "__init__", recorded_begin),
    ):
        yield found


def name(node: Node) -> str:
    """Return the names of a node's tasks; a bar stands between those that run side by side."""
    return (" | " if node.beside else ", ").join(function.name for function in node.functions)
