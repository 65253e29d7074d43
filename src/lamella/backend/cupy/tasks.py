"""Kernels made of tasks: those of ``kernels.cu``, and rules written as CUDA source."""

import functools
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

KERNELS = Path(__file__).with_name("kernels.cu")
THREADS = 256  # of a block
WORDS = np.dtype([("w", np.int64, 32)])  # cupy passes an array of size 1 by value, as a struct
C_TYPES = {"float32": "float", "float64": "double"}


class Function(NamedTuple):
    """A task's function: its name, and its CUDA source if ``kernels.cu`` does not have it."""

    name: str
    source: str = ""


class Tasks:
    """Kernels of tasks for one dtype, compiled when they are first asked for.

    Parameters
    ----------
    xp : module
        cupy, or its emulation.
    dtype : dtype
        float32 or float64: the kernels' type ``T``.
    """

    def __init__(self, xp: Any, dtype: Any) -> None:
        self._xp = xp
        # Formulas are not contracted: they have the same bits in each kernel that contains them.
        number = C_TYPES[np.dtype(dtype).name]
        self._options = "--std=c++17", "-fmad=false", f"-DNUMBER={number}"
        self._kernels: dict[Any, Any] = {}

    def launch(self, name: str, count: int, *values: Any) -> None:
        """Launch a task for ``count`` threads with these words; ``kernels.cu`` says which."""
        self.launch_words(name, -(-count // THREADS), words_of(*values))

    def launch_words(self, name: str, tiles: int, words: np.ndarray) -> None:
        """Launch a task on so many tiles, one for each block."""
        self.kernel([Function(name)])((max(tiles, 1),), (THREADS,), (words,))

    def kernel(self, functions: Sequence[Function], beside: bool = False) -> Any:
        """Return a kernel that does one task, or several.

        Several are done side by side, each by blocks of its own, or in a row by one block; its
        argument then is that of `several_words`.
        """
        key = tuple(function.name for function in functions), beside
        kernel = self._kernels.get(key)
        if kernel is None:
            kernel = self._kernels[key] = self._compile(functions, beside)
        return kernel

    def _compile(self, functions: Sequence[Function], beside: bool) -> Any:
        if len(functions) == 1:
            (function,) = functions
            module = self._rule(function) if function.source else self._all
            return module.get_function(f"run_{function.name}")
        rules = "\n".join(dict.fromkeys(function.source for function in functions))
        text = f"#define TASKS(X)\n{_text(rules)}{_several(functions, beside)}"
        return self._module(text).get_function("run_several")

    @functools.cached_property
    def _all(self) -> Any:
        return self._module(_text())

    def _rule(self, function: Function) -> Any:
        return self._module(f"#define TASKS(X) X({function.name})\n{_text(function.source)}")

    def _module(self, source: str) -> Any:
        return self._xp.RawModule(code=source, options=self._options)


def _text(rules: str = "") -> str:
    return _read().replace("//RULES//", rules)


@functools.cache
def _read() -> str:
    return KERNELS.read_text(encoding="utf-8")


def _several(functions: Sequence[Function], beside: bool) -> str:
    """Write a kernel ``run_several`` of several tasks."""
    count = len(functions)
    lines = [
        f"struct Several {{ Words of[{count}]; i64 tiles[{count}]; }};",
        'extern "C" __global__ void __launch_bounds__(THREADS)',
        "run_several(const __grid_constant__ Several words) {",
        "    SHARED(Memory, memory);",
    ]
    if beside:
        lines.append("    int tile = blockIdx.x;")
    for i, function in enumerate(functions):
        call = f"{function.name}(words.of[{i}].w, tile, (int)words.tiles[{i}], memory)"
        if beside:
            lines += [
                f"    if (tile >= 0 && tile < words.tiles[{i}]) {call};",
                f"    tile -= (int)words.tiles[{i}];",
            ]
        else:
            lines += [
                f"    for (int tile = 0; tile < words.tiles[{i}]; ++tile) {call};",
                "    __syncthreads();  // the next task sees what all threads have written",
            ]
    return "\n".join([*lines, "}", ""])


def words_of(*values: Any) -> np.ndarray:
    """Return a task's words: addresses of arrays, integers, and the bits of floats as double.

    None is the address 0, of an array that is left out.
    """
    words = np.zeros(1, WORDS)
    words["w"][0, : len(values)] = [word_of(value) for value in values]
    return words


def word_of(value: Any) -> int:
    """Return one word, see `words_of`."""
    if type(value) is int:
        return value if value < 2**63 else value - 2**64  # unsigned numbers keep their bits
    if value is None:
        return 0
    if isinstance(value, float):
        return int(struct.unpack("<q", struct.pack("<d", value))[0])
    if isinstance(value, int | np.integer):
        return word_of(int(value))
    return int(value.data.ptr)


def several_words(words: Sequence[np.ndarray], tiles: Sequence[int]) -> np.ndarray:
    """Return the argument of a kernel of several tasks: the words and tiles of each."""
    count = len(words)
    several = np.zeros(1, [("of", WORDS, count), ("tiles", np.int64, count)])
    several["of"][0] = [each[0] for each in words]
    several["tiles"][0] = tiles
    return several
