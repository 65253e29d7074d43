"""Graphs of many networks: each kernel does the same node of all of them."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any
from weakref import ref

import numpy as np

from lamella.backend.cupy.graphs import TapeReplay, capture
from lamella.backend.cupy.joins import Node
from lamella.backend.cupy.kernels import Kernels
from lamella.backend.cupy.task import LARGE_PRODUCT, THREADS, several_words, words_of


class Stack:
    """The steps of networks that have the same nodes, in one launch for all of them.

    Blocks do the tasks of their own network alone, as in its own graph: the bits are the same.

    Parameters
    ----------
    xp : module
    nodes : sequence of Node
        Those of any of the networks.
    kernels_of : function (dtype) -> Kernels
    members : int
        Networks, at most.

    Raises
    ------
    NotImplementedError
        If one of the nodes is a product of cuBLAS.
    """

    def __init__(
        self, xp: Any, nodes: Sequence[Node], kernels_of: Callable[[Any], Kernels], members: int
    ) -> None:
        if any(LARGE_PRODUCT in node.functions for node in nodes):
            raise NotImplementedError("cuBLAS multiplies for one network at a time")
        row = _row(nodes)
        self._rows = xp.zeros((members, len(row)), "int64")  # the words of each network
        self._takes_part = xp.zeros(members, "int32")
        self._members: list[int] = []
        self._replays: list[Any] = [None] * members  # whose words a row has
        launches, at = [], 0
        for node in nodes:
            kernel = kernels_of(node.dtype).stacked(node.functions, node.beside)
            tiles = _blocks_of(node)
            words = words_of(self._rows, self._takes_part, tiles, at, len(row))
            launches.append(partial(kernel, (tiles * members,), (THREADS,), (words,)))
            at += len(_words(node))
        self._graph = capture(xp, launches)

    def launch(self, replays: Mapping[int, TapeReplay], times: int) -> None:
        """Do so many steps of these networks, by number of the member."""
        for member, replay in replays.items():
            known = self._replays[member]
            if known is None or known() is not replay:
                self._rows[member].set(_row(replay.nodes))
                self._replays[member] = ref(replay)
        if self._members != sorted(replays):
            self._members = sorted(replays)
            flags = np.zeros(len(self._replays), np.int32)
            flags[self._members] = 1
            self._takes_part.set(flags)
        for _ in range(times):
            self._graph.launch()


def _blocks_of(node: Node) -> int:
    """Return the blocks of a node for one network; tasks in a row are done by one."""
    return sum(node.tiles) if node.beside or len(node.functions) == 1 else 1


def _words(node: Node) -> np.ndarray:
    return several_words(node.words, node.tiles).view(np.int64)


def _row(nodes: Sequence[Node]) -> np.ndarray:
    return np.concatenate([_words(node) for node in nodes])
