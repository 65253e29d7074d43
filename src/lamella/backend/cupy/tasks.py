"""Kernels made of tasks: those of ``kernels.cu``, and rules written as CUDA source."""

import functools
import struct
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from lamella.backend.cupy.cublas import LargeProduct

KERNELS = Path(__file__).with_name("kernels.cu")
THREADS = 256  # of a block
WORDS = np.dtype([("w", np.int64, 32)])  # cupy passes an array of size 1 by value, as a struct
# How kernels of several tasks begin: with the words of the tasks, and the number of a block.
SEVERAL = """run_several(const __grid_constant__ Several words) {
    SHARED(Memory, memory);
    [[maybe_unused]] const int block = blockIdx.x;"""
STACKED = """run_stacked(const __grid_constant__ Words argument) {
    SHARED(Memory, memory);
    const i64* w = argument.w;
    [[maybe_unused]] const int network = blockIdx.x / SIZE(2), block = blockIdx.x % SIZE(2);
    if (!AT(const int, 1)[network]) return;
    const Several& words = *(const Several*)(AT(const i64, 0) + network * w[4] + w[3]);"""
_compiling = threading.Lock()  # threads that ask for the same kernel wait for the first of them
C_TYPES = {"float32": "float", "float64": "double"}


class Function(NamedTuple):
    """A task's function: its name, and its CUDA source if ``kernels.cu`` does not have it."""

    name: str
    source: str = ""


LARGE_PRODUCT = Function("large_product")  # of cuBLAS, which shares no launch


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
        self._xp, self._dtype = xp, dtype
        # Formulas are not contracted: they have the same bits in each kernel that contains them.
        number = C_TYPES[np.dtype(dtype).name]
        self._options = "--std=c++17", "-fmad=false", f"-DNUMBER={number}"
        self._kernels: dict[Any, Any] = {}
        self._stacked: dict[Any, Any] = {}

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
            with _compiling:
                kernel = self._kernels[key] = self._compile(functions, beside)
        return kernel

    def stacked(self, functions: Sequence[Function], beside: bool) -> Any:
        """Return a kernel that does tasks like that of `kernel` for many networks.

        words: rows of words, flags, blocks of a network, place in a row, words of a row. A row has
        the words and tiles of all nodes of a network, which takes part where its flag is not 0.
        """
        key = tuple(function.name for function in functions), beside
        if key not in self._stacked:
            side = beside or len(functions) == 1
            text = _several(functions, side, STACKED)
            with _compiling:
                self._stacked[key] = self._module(text).get_function("run_stacked")
        return self._stacked[key]

    def _compile(self, functions: Sequence[Function], beside: bool) -> Any:
        if len(functions) == 1:
            (function,) = functions
            if function == LARGE_PRODUCT:
                return LargeProduct(self._xp, self._dtype)
            module = self._rule(function) if function.source else self._all
            return module.get_function(f"run_{function.name}")
        return self._module(_several(functions, beside, SEVERAL)).get_function("run_several")

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


def _several(functions: Sequence[Function], beside: bool, begin: str) -> str:
    """Write a kernel of several tasks."""
    count, rules = len(functions), "\n".join(dict.fromkeys(each.source for each in functions))
    lines = [
        f"#define TASKS(X)\n{_text(rules)}",
        f"struct Several {{ Words of[{count}]; i64 tiles[{count}]; }};",
        f'extern "C" __global__ void __launch_bounds__(THREADS) {begin}',
    ]
    if beside:
        lines.append("    int tile = block;")
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
