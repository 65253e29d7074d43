"""cupy's arrays, worked on by the tasks of ``kernels.cu``; other work ends a capture."""

import functools
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from lamella.backend.cupy.cublas import cublas_of
from lamella.backend.cupy.cupy_backend import CupyBackend
from lamella.backend.cupy.kernels import Kernels
from lamella.backend.cupy.log_tasks import append_number, append_sum, fits_sum
from lamella.backend.cupy.loop_tasks import (
    arguments_to_read,
    arrays_among,
    reads_as_given,
    task_of,
)
from lamella.backend.cupy.norm_limit import norm_limit
from lamella.backend.cupy.noted_array import NotedArray, expect_noted, plain
from lamella.backend.cupy.products import have_lines, is_large, is_product, large_product, product
from lamella.backend.cupy.random import DeviceNoise
from lamella.backend.cupy.rule_tasks import RuleTasks
from lamella.backend.cupy.self_test import cublas_problem
from lamella.backend.cupy.tape import current_tape, do, do_other, end_capture, expects_noted
from lamella.backend.cupy.task import MOST, THREADS, Function, Task, are_whole
from lamella.backend.elementwise import Program, trace
from lamella.backend.random import Noise
from lamella.core.typing import Array

DTYPES = (np.dtype("float32"), np.dtype("float64"))
ADD_ROW = RuleTasks(trace(lambda matrix, row: matrix + row, 2, 0))
CHANGING = "a rule reads values that may change"
UNFIT = "a rule is applied to views, to other dtypes or shapes, or has too many numbers"


class TaskBackend(CupyBackend):
    """Does products, sums of rows, picks of rows, maps, rules, loops and random arrays by tasks.

    In a capture they are noted, on noted memory. All else ends it, see
    `lamella.backend.cupy.noted_array`.
    """

    def __init__(self, xp: ModuleType, reason: str = "asked for") -> None:
        super().__init__(xp, reason)
        self._zeros: dict[int, Array] = {}
        self._kernels: dict[Any, Kernels] = {}
        self._workspaces: WeakKeyDictionary[Any, Array] = WeakKeyDictionary()

    @property
    def xp(self) -> Any:
        """The array module; a use of it ends a capture."""
        end_capture("it uses backend.xp")
        return self._xp

    @xp.setter
    def xp(self, module: Any) -> None:
        self._xp = module

    def zeros(self, size: int, dtype: Any) -> Array:
        return self._xp.zeros(size, dtype)

    def kernels(self, dtype: Any = None) -> Kernels:
        """Return the kernels for a dtype, or any if it does not matter."""
        dtype = np.dtype(dtype or "float32")
        if dtype not in self._kernels:
            self._kernels[dtype] = Kernels(self._xp, dtype)
        return self._kernels[dtype]

    def launch(self, task: Task) -> None:
        """Launch a task now."""
        self.kernels(task.dtype).launch(task)

    def do(self, task: Task, *arrays: Array) -> None:
        """Launch a task, and note it in a capture; a capture ends unless ``arrays`` are noted."""
        expect_noted(*arrays)
        do(task, self.launch)

    @property
    def nothing(self) -> Array:
        """A counter on the GPU of this thread that is always 0."""
        device = self._xp.cuda.runtime.getDevice()
        if device not in self._zeros:
            self._zeros[device] = self._xp.zeros(1, "int32")
        return self._zeros[device]

    def batch(self, order: Array, number: Callable[[], int], size: int) -> Array:
        index = super().batch(order, number, size)
        tape = current_tape()
        if tape is not None and isinstance(index, NotedArray):
            tape.position = number
            index.batches = {1: plain(order), 2: tape.count, 4: size}
        return index

    def take(self, array: Array, index: Array, out: Array) -> Array:
        row = out.nbytes // max(len(index), 1)
        starts = row, int(array.data.ptr), int(out.data.ptr)
        unit = next(unit for unit in (8, 4, 1) if not any(start % unit for start in starts))
        fits = array.flags.c_contiguous and are_whole(index, out) and out.nbytes // unit <= MOST
        if not (fits and index.dtype == np.int64):
            other = functools.partial(super().take, plain(array), plain(index), plain(out))
            do_other(other, "take copies views, too much, or has other indices than int64")
            return out
        self._pick("pick_rows", array, index, out, row // unit, unit)
        return out

    def scale_images(self) -> Callable[[Array, Array | None, Array], None] | None:
        def run(images: Array, index: Array | None, out: Array) -> None:
            fits = images.flags.c_contiguous and are_whole(out)
            if not (fits and (index is None or (are_whole(index) and index.dtype == np.int64))):
                picked = plain(images) if index is None else plain(images)[plain(index)]
                given = plain(out)
                do_other(lambda: self._xp.divide(picked, 255, out=given, dtype=out.dtype), UNFIT)
                return
            self._pick("pick_scaled", images, index, out, out.size // max(len(out), 1))

        return run

    def _pick(
        self, name: str, source: Array, index: Array | None, out: Array, width: int, *more: int
    ) -> None:
        values = source, index, self.nothing, out, 0, width, len(out), *more
        dtype = out.dtype if name == "pick_scaled" else None
        tiles = -(-len(out) * width // THREADS)
        in_graph = getattr(index, "batches", None)
        task = Task(Function(name), dtype, tiles, values, [out], in_graph=in_graph)
        self.do(task, source, out, *([] if index is None else [index]))

    def dot(self, a: Array, b: Array, out: Array, bias: Array | None = None) -> Array:
        arrays = [a, b, out, *([] if bias is None else [bias])]
        if not (_are_alike(arrays) and are_whole(*arrays[2:]) and is_product(a, b, out, bias)):
            why = "they are no matrices of one dtype, or the result is a view or too large"
            return self._dot_by_cupy(why, a, b, out, bias)
        if not out.size:
            return out
        if not is_large(a, b):
            self.do(product(a, b, out, bias), *arrays)
            return out
        try:
            problem = cublas_problem(self._xp, out.dtype)
        except MemoryError:
            problem = "there is no memory for cuBLAS"
        if problem or not have_lines(a, b):
            return self._dot_by_cupy(problem or "their rows are apart", a, b, out, bias)
        self.do(large_product(a, b, out, self._workspace()), a, b, out)
        if bias is not None:
            self.do(ADD_ROW.task([out], [out, bias], []), out, bias)
        return out

    def _workspace(self) -> Array:
        """Return memory for a product of cuBLAS; in a capture, that of all graphs of the model.

        Graphs of several models may run at the same time, in streams other than that of now.
        """
        tape, new = current_tape(), cublas_of(self._xp).workspace
        if tape is None or tape.owner is None:
            return new()
        if tape.owner not in self._workspaces:
            try:
                self._workspaces[tape.owner] = new()
            except MemoryError:
                end_capture("there is no memory for the products of a graph")
                return new()
        return self._workspaces[tape.owner]

    def _dot_by_cupy(self, why: str, a: Array, b: Array, *more: Array | None) -> Array:
        other = functools.partial(super().dot, *plain((a, b, *more)))
        do_other(other, f"cupy multiplies arrays {a.shape} and {b.shape}: {why}")
        return more[0]

    def sum_rows(self, matrix: Array, out: Array) -> Array:
        fits = matrix.ndim == 2 and out.shape == matrix.shape[1:]
        if not (fits and _are_alike([matrix, out]) and are_whole(matrix, out)):
            other = functools.partial(super().sum_rows, plain(matrix), plain(out))
            do_other(other, "sum_rows of other than matrices")
            return out
        k, n = matrix.shape
        values = None, matrix, None, None, out, None, n, k
        task = Task(Function("sum_rows"), out.dtype, -(-n // THREADS), values, [out])
        self.do(task, matrix, out)
        return out

    def append(self, rows: Array, number: int, value: Array) -> None:
        if isinstance(value, self._xp.ndarray) and value.dtype == rows.dtype and not value.ndim:
            self.do(append_number(rows, number, value, self.nothing), value)
            return
        other = functools.partial(super().append, rows, number, plain(value))
        do_other(other, "a loss is no number of the model's dtype")

    def append_sum(
        self, rows: Array, number: int, scores: Array, weight: Array | None = None
    ) -> None:
        arrays = [scores, *([] if weight is None else [weight])]
        if are_whole(*arrays) and fits_sum(rows, scores, weight):
            self.do(append_sum(rows, number, scores, weight, self.nothing), *arrays)
            return
        other = functools.partial(super().append_sum, rows, number, plain(scores), plain(weight))
        do_other(other, "a metric has other scores than truth values or numbers")

    def bind_norm_limit(self, vectors: Sequence[Array]) -> Callable[[float], None]:
        if not are_whole(*vectors):
            other = super().bind_norm_limit(vectors)
            return lambda limit: do_other(functools.partial(other, limit), UNFIT)
        return norm_limit(vectors, self.zeros, self.do, self.sum_rows)

    def noise(self, key: int) -> Noise:
        return DeviceNoise(key, self.do)

    def compile_rule(
        self, program: Program, arrays: Sequence[Array], outputs: Sequence[Array]
    ) -> Callable[..., None]:
        rule = RuleTasks(program)
        if not (rule.fits and _are_alike(arrays) and are_whole(*arrays, *outputs)):
            other = super().compile_rule(program, arrays, outputs)
            return lambda *scalars: do_other(functools.partial(other, *scalars), UNFIT)

        made: list[Task] = []

        def run(*scalars: float) -> None:
            if not program.is_fixed and expects_noted():
                end_capture(CHANGING)
            if not made:
                made.append(rule.task(outputs, arrays, scalars))
            do(made[0].again(rule.numbers(scalars)), self.launch)

        return run

    def map(self, program: Program) -> Callable[..., None]:
        rule = RuleTasks(program)
        other = functools.cache(lambda: super(TaskBackend, self).map(program))

        def run(out: Array, arrays: Sequence[Array], scalars: Sequence[float]) -> None:
            shapes = out.shape, out.shape[1:]
            fits = rule.fits and all(array.shape in shapes for array in arrays)
            if not (fits and _are_alike([out, *arrays]) and are_whole(out, *arrays)):
                given = plain(out), plain(list(arrays)), scalars
                do_other(lambda: other()(*given), UNFIT)
                return
            if not program.is_fixed:
                end_capture(CHANGING)
            self.do(rule.task([out], arrays, scalars), out, *arrays)

        return run

    def compile(self, loop: Callable[..., Any]) -> Callable[..., Any] | None:
        make = task_of(loop)
        if make is None:
            end_capture(f"{loop.__name__} is no task of the GPU")
            return None

        def run(*arguments: Any) -> None:
            task = make(*arguments)
            if not reads_as_given(task):
                copies = arguments_to_read(self._xp, task, plain(arguments))
                do_other(lambda: self.launch(make(*copies)), f"{loop.__name__} reads views")
                return
            self.do(task, *arrays_among(arguments))

        return run


def _are_alike(arrays: Sequence[Array]) -> bool:
    """Whether arrays have one dtype that tasks know."""
    dtype = arrays[0].dtype
    return dtype in DTYPES and all(array.dtype == dtype for array in arrays)
