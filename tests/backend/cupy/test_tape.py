"""Tapes: what they note, what they follow, and how tasks are compared."""

import threading
from typing import Any

import numpy as np

from lamella.backend.cupy.tape import (
    Tape,
    collect,
    copy_words,
    current_tape,
    do,
    do_other,
    end_capture,
    expects_noted,
    follow,
    note_on,
    numbers_of,
)
from lamella.backend.cupy.task import Function, Task, span
from lamella.testing import strict_cupy

launched: list[Task] = []


def tape() -> Tape:
    launched.clear()
    return Tape(strict_cupy.zeros(1, np.int32))


def task(number: float = 1.0, name: str = "some", array: Any = None) -> Task:
    array = strict_cupy.zeros(2) if array is None else array
    return Task(Function(name), array.dtype, 1, [array, None, None, 0, 0], [array], [number], 5)


def run(task: Task) -> None:
    do(task, launched.append)


def test_tasks_are_launched_and_noted_in_their_order() -> None:
    found, first, second = tape(), task(), task()
    run(first)
    with note_on(found):
        run(second)
        run(first)
    assert launched == [first, second, first]
    assert found.tasks == [second, first]
    assert current_tape() is None


def test_the_first_obstacle_is_kept() -> None:
    found, work = tape(), []
    with note_on(found):
        do_other(lambda: work.append(1), "one")
        end_capture("two")
    end_capture("three")
    assert (found.obstacle, work) == ("one", [1])


def test_a_capture_within_another_ends_the_outer_one() -> None:
    outer, inner = tape(), tape()
    with note_on(outer):
        with note_on(inner):
            run(task())
        run(task())
    assert outer.obstacle
    assert not inner.obstacle
    assert (len(outer.tasks), len(inner.tasks)) == (1, 1)


def test_threads_note_on_their_own_tapes() -> None:
    found = tape()
    with note_on(found):
        other = threading.Thread(target=lambda: (run(task()), end_capture("of another thread")))
        other.start()
        other.join()
    assert not found.tasks
    assert not found.obstacle


class Counter:
    t = 0


def test_followed_functions_give_the_numbers_of_the_next_step() -> None:
    array, counter, found = strict_cupy.zeros(2), Counter(), tape()

    def step() -> None:
        counter.t += 1
        assert not expects_noted()
        run(task(float(counter.t), array=array))

    with note_on(found):
        assert expects_noted()
        follow(step, counter, "t")
    (followed,) = found.followed
    assert (followed.start, followed.tasks) == (0, found.tasks)
    assert len(launched) == 1
    again = collect(followed.run)
    assert len(launched) == 1  # collected tasks wait
    assert numbers_of([followed], [again]) == [2.0]


def test_numbers_of_other_tasks_are_none() -> None:
    array, found = strict_cupy.zeros(2), tape()
    with note_on(found):
        follow(lambda: run(task(array=array)), None, None)
    (followed,) = found.followed
    same = task(7.0, array=array)
    assert numbers_of([followed], [[same]]) == [7.0]
    others = [[], [same, same], [task()], [task(name="other", array=array)], [lambda: None]]
    assert [numbers_of([followed], [other]) for other in others] == [None] * len(others)


def test_work_that_is_no_task_is_collected_too() -> None:
    done: list[int] = []
    (work,) = collect(lambda: do_other(lambda: done.append(1), "any"))
    assert not done
    work()
    assert done == [1]


def test_words_for_a_graph_name_the_table_and_other_addresses() -> None:
    some, table, count = task(), strict_cupy.zeros((4, 3)), strict_cupy.zeros(1, np.int32)
    some.in_graph = {0: count}
    words = copy_words(some, table, count, 3, 2)["w"][0]
    assert words[:5].tolist() == [count.data.ptr, table.data.ptr, count.data.ptr, 3, 2]
    assert copy_words(some, None, count, 3, 2)["w"][0, 1:5].tolist() == [0, 0, 0, 0]


def test_spans_hold_all_numbers_of_a_view() -> None:
    matrix = strict_cupy.zeros((4, 3), np.float32)
    start = matrix.data.ptr
    assert span(matrix) == span(matrix.T) == (start, start + 48)
    assert span(matrix[1:3, 1]) == (start + 16, start + 32)


def test_the_memory_of_an_array_that_runs_backwards_is_that_of_the_array() -> None:
    array = strict_cupy.zeros((3, 4))
    assert span(array[::-1, ::-1]) == span(array[:, ::-1]) == span(array)
    assert span(array[1:, ::-2]) == (span(array)[0] + 5 * array.itemsize, span(array)[1])
