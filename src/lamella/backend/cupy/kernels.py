"""Kernels made of tasks: those of ``kernels.cu``, and rules written as CUDA source."""

import functools
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lamella.backend.cupy.cublas import LargeProduct
from lamella.backend.cupy.task import LARGE_PRODUCT, THREADS, Function, Task

KERNELS = Path(__file__).with_name("kernels.cu")
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


class Kernels:
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

    def launch(self, task: Task) -> None:
        """Launch a task on its own."""
        self.kernel([task.function])((task.tiles,), (THREADS,), (task.words,))

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
