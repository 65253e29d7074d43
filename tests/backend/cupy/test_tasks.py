"""Words of tasks."""

import numpy as np

from lamella.backend.cupy.tasks import words_of
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
