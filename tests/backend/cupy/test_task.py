"""Words of tasks."""

import numpy as np

from lamella.backend.cupy.kernels import Kernels
from lamella.backend.cupy.task import Function, several_words, words_of
from lamella.testing import strict_cupy


def test_words_are_addresses_integers_and_bits_of_floats() -> None:
    array = strict_cupy.zeros((3, 2), np.float32)
    values = array, array[1], None, -3, 2**64 - 1, np.int64(7), 1 / 3
    words = words_of(*values)["w"][0]
    address = array.data.ptr
    assert words[:6].tolist() == [address, address + 8, 0, -3, -1, 7]
    assert words[6:7].view(np.float64) == 1 / 3
    assert len(words) == 32
    assert not words[7:].any()


def test_several_tasks_have_their_words_and_tiles_in_one_argument() -> None:
    first, second = words_of(1, 2), words_of(3)
    several = several_words([first, second], [5, 6])
    assert several.size == 1
    numbers = np.frombuffer(several.tobytes(), np.int64)
    assert numbers[:2].tolist() == [1, 2]
    assert numbers[[32, 64, 65]].tolist() == [3, 5, 6]
    assert several.nbytes == 2 * 256 + 16


def test_kernels_are_compiled_once() -> None:
    tasks = Kernels(strict_cupy, np.float32)
    one = tasks.kernel([Function("advance")])
    assert tasks.kernel([Function("advance")]) is one
    row = tasks.kernel([Function("advance")] * 2)
    assert tasks.kernel([Function("advance")] * 2, beside=True) is not row
    assert tasks.kernel([Function("advance")] * 2) is row
