"""Stacks: the words of each network, and which networks take part."""

from typing import Any

import numpy as np
import pytest

from lamella.backend.cupy.graph_backend import GraphBackend
from lamella.backend.cupy.graphs import TapeReplay
from lamella.backend.cupy.joins import Node
from lamella.backend.cupy.stacks import Stack
from lamella.backend.cupy.tape import Tape
from lamella.backend.cupy.task import LARGE_PRODUCT, Function, Task
from lamella.testing import strict_cupy


def counting(numbers: Any) -> TapeReplay:
    """Return the replay of a step that copies a number to the next place, and counts."""
    backend = GraphBackend(strict_cupy)
    source, tape = numbers[:1], Tape(strict_cupy.zeros(1, "int32"))
    tape.position = lambda: 0
    words = {1: numbers, 2: tape.count}
    values = source, numbers, backend.nothing
    append = Function("append_number")
    tape.tasks.append(Task(append, numbers.dtype, 1, values, [numbers], in_graph=words))
    return TapeReplay(strict_cupy, tape, backend.kernels)


def test_only_networks_that_take_part_do_their_steps() -> None:
    arrays = [strict_cupy.asarray(np.array([i, -1, -1, -1], "f4")) for i in (3, 5, 7)]
    replays = [counting(array) for array in arrays]
    first = replays[0]
    stack = Stack(strict_cupy, first.nodes, first.kernels_of, members=4)
    stack.launch({0: replays[0], 2: replays[2]}, 3)
    stack.launch({2: replays[2]}, 1)
    stack.launch({0: replays[1], 3: replays[0]}, 1)  # other members, other words
    assert [array.get().tolist() for array in arrays] == [
        [3, 3, 3, 3],
        [5, -1, -1, -1],
        [7, 7, 7, 7],
    ]
    assert [int(replay._tape.count[0]) for replay in replays] == [4, 1, 4]


def test_a_launch_is_one_graph_for_all_networks() -> None:
    replays = [counting(strict_cupy.zeros(4, "f4")) for _ in range(5)]
    stack = Stack(strict_cupy, replays[0].nodes, replays[0].kernels_of, members=5)
    strict_cupy.counts.reset()
    stack.launch(dict(enumerate(replays)), 2)
    assert strict_cupy.counts.graph_launches == 2
    assert strict_cupy.counts.nodes == 2 * len(replays[0].nodes)
    assert strict_cupy.counts.syncs == strict_cupy.counts.launches == 0


def test_products_of_cublas_are_not_stacked() -> None:
    replay = counting(strict_cupy.zeros(4, "f4"))
    product = Node([LARGE_PRODUCT], np.dtype("f4"), [1], [replay.nodes[0].words[0]], [], [])
    with pytest.raises(NotImplementedError, match="one network at a time"):
        Stack(strict_cupy, [*replay.nodes, product], replay.kernels_of, members=2)
