"""Check lamella's kernels and graphs on the device that is here, before they are used."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from lamella.backend.cupy.cublas import cublas_of
from lamella.backend.cupy.graphs import capture, captures_are_off
from lamella.backend.cupy.kernels import Kernels
from lamella.backend.cupy.products import large_product
from lamella.backend.cupy.random import DeviceNoise
from lamella.backend.cupy.task import Function, Task
from lamella.backend.random import HostNoise

M, N, K = 33, 30, 150  # of a product: several tiles, and several rounds with a rest
KEY, DRAW, KEEP = 2**70 + 5, 3, 0.7
Launch = Callable[[Task], None]


@functools.cache
def kernels_problem(xp: Any) -> str:
    """Return why the kernels cannot be used; empty if a few of them give the right numbers."""
    launch = Kernels(xp, np.float32).launch
    try:
        checks = _wrong_product, _wrong_mask, _wrong_graph
        wrong = [found for check in checks if (found := check(xp, launch))]
    except Exception as error:
        return f"lamella's kernels do not work ({first_line(error)})"
    return f"lamella's kernels are not used: wrong numbers of {wrong[0]}" if wrong else ""


@functools.cache
def cublas_problem(xp: Any, dtype: Any) -> str:
    """Return why cuBLAS cannot be called; empty if it can, and a product is right.

    Raise a MemoryError if there is no memory to find out: that may change.
    """
    try:
        return _wrong_large_product(xp, dtype)
    except MemoryError:
        raise
    except Exception as error:
        return f"cuBLAS cannot be called ({first_line(error)})"


def first_line(error: Exception) -> str:
    """Return the type of an error and the first line of its message."""
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0][:120]}"


def _wrong_product(xp: Any, launch: Launch) -> str:
    rng = np.random.default_rng(0)
    a, b, bias = (rng.standard_normal(s).astype("f4") for s in ((M, K), (K, N), N))
    out, sums = xp.zeros((M, N), "float32"), xp.zeros(N, "float32")
    arrays = xp.asarray(a), xp.asarray(b), out, xp.asarray(bias), sums
    tiles = -(-M // 16) * -(-N // 16)
    values = *arrays, M, N, K, K, 1, N, 1
    launch(Task(Function("product"), out.dtype, tiles, values, [out, sums]))
    is_right = np.allclose(xp.asnumpy(out), a @ b + bias, 1e-3, 1e-3)
    return "" if is_right and np.allclose(xp.asnumpy(sums), b.sum(0), 1e-3, 1e-3) else "a product"


def _wrong_mask(xp: Any, launch: Launch) -> str:
    expected, out = np.empty(1000, "f4"), xp.zeros(1000, "float32")
    for noise, mask in ((HostNoise(KEY), expected), (DeviceNoise(KEY, launch), out)):
        noise.draws = DRAW
        noise.dropout_mask(KEEP, mask)
    return "" if np.array_equal(xp.asnumpy(out), expected) else "a dropout mask"


def _wrong_graph(xp: Any, launch: Launch) -> str:
    count = xp.zeros(1, "int32")
    step = functools.partial(launch, Task(Function("advance"), None, 1, [count], [count]))
    step()  # compiled before the capture
    graph = _graph(xp, [step] * 3)
    if graph is None:
        return ""
    graph.launch()
    graph.launch()
    return "" if int(count[0]) == 7 else "a graph"


def _wrong_large_product(xp: Any, dtype: Any) -> str:
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal(shape).astype(dtype) for shape in ((K, M), (K, N)))
    out = xp.zeros((M, N), dtype)
    task = large_product(xp.asarray(a).T, xp.asarray(b), out, cublas_of(xp).workspace())
    step = functools.partial(Kernels(xp, dtype).launch, task)

    def find_problem(multiply: Callable[[], object]) -> str:
        out.fill(0)
        multiply()
        is_right = np.allclose(xp.asnumpy(out), a.T @ b, 1e-2, 1e-1)  # for TF32, too
        return "" if is_right else "wrong numbers of cuBLAS"

    if problem := find_problem(step):  # cuBLAS loads its kernel before the capture
        return problem
    graph = _graph(xp, [step])
    return "" if graph is None else find_problem(graph.launch)


def _graph(xp: Any, launches: Sequence[Callable[[], None]]) -> Any:
    """Return a graph of launches; None where none is wanted, or each will be refused."""
    if captures_are_off():
        return None
    try:
        return capture(xp, launches)
    except Exception:
        return None
