"""Launches of the tasks in ``kernels.cu``."""

import functools
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

KERNELS = Path(__file__).with_name("kernels.cu")
THREADS = 256  # of a block
WORDS = np.dtype([("w", np.int64, 32)])  # cupy passes an array of size 1 by value, as a struct
C_TYPES = {"float32": "float", "float64": "double"}


class Tasks:
    """The tasks of ``kernels.cu`` for one dtype, compiled at the first launch.

    Parameters
    ----------
    xp : module
        cupy, or its emulation.
    dtype : dtype
        float32 or float64: the kernels' type ``T``.
    rules : str
        CUDA source of further tasks, which defines the list ``RULE_TASKS(X)``.
    """

    def __init__(self, xp: Any, dtype: Any, rules: str = "") -> None:
        options = "--std=c++17", f"-DT={C_TYPES[np.dtype(dtype).name]}"
        source = KERNELS.read_text().replace("//RULES//", rules)
        self._module = xp.RawModule(code=source, options=options)
        self._kernel: Callable[[str], Any] = functools.cache(
            lambda name: self._module.get_function(f"run_{name}")
        )

    def launch(self, name: str, count: int, *values: Any) -> None:
        """Launch a task for ``count`` threads with these words; ``kernels.cu`` says which."""
        self.launch_words(name, -(-count // THREADS), words_of(*values))

    def launch_words(self, name: str, tiles: int, words: np.ndarray) -> None:
        """Launch a task on so many tiles, one for each block."""
        self._kernel(name)((max(tiles, 1),), (THREADS,), (words,))


def words_of(*values: Any) -> np.ndarray:
    """Return a task's words: addresses of arrays, integers, and the bits of floats as double.

    None is the address 0, of an array that is left out.
    """
    words = np.zeros(1, WORDS)
    words["w"][0, : len(values)] = [_word(value) for value in values]
    return words


def _word(value: Any) -> int:
    if value is None:
        return 0
    if isinstance(value, float):
        return int(struct.unpack("<q", struct.pack("<d", value))[0])
    if isinstance(value, int | np.integer):
        return (int(value) + 2**63) % 2**64 - 2**63  # unsigned numbers keep their bits
    return int(value.data.ptr)
