"""Check lamella's kernels and graphs on the device that is here, before they are used."""

import functools
from typing import Any

import numpy as np

from lamella.backend.cupy.cublas import cublas_of
from lamella.backend.cupy.graphs import capture
from lamella.backend.cupy.products import large_product
from lamella.backend.cupy.tasks import THREADS, Function, Tasks, words_of
from lamella.backend.random import HostNoise

M, N, K = 33, 30, 150  # of a product: several tiles, and several rounds with a rest
KEY, DRAW, KEEP = 2**70 + 5, 3, 0.7


@functools.cache
def kernels_problem(xp: Any) -> str:
    """Return why the kernels cannot be used; empty if a few of them give the right numbers."""
    try:
        tasks = Tasks(xp, np.float32)
        wrong = _wrong_product(xp, tasks) or _wrong_mask(xp, tasks)
        graph = _graph_of_counts(xp, tasks)
    except Exception as error:
        return f"lamella's kernels do not work ({first_line(error)})"
    wrong = wrong or graph
    return f"lamella's kernels are not used: wrong numbers of {wrong}" if wrong else ""


@functools.cache
def cublas_problem(xp: Any, dtype: Any) -> str:
    """Return why cuBLAS cannot be called; empty if it can, and a product is right."""
    try:
        return _wrong_large_product(xp, dtype)
    except Exception as error:
        return f"cuBLAS cannot be called ({first_line(error)})"


def first_line(error: Exception) -> str:
    """Return the type of an error and the first line of its message."""
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0][:120]}"


def _wrong_product(xp: Any, tasks: Tasks) -> str:
    rng = np.random.default_rng(0)
    a, b, bias = (rng.standard_normal(s).astype("f4") for s in ((M, K), (K, N), N))
    out, sums = xp.zeros((M, N), "float32"), xp.zeros(N, "float32")
    arrays = xp.asarray(a), xp.asarray(b), out, xp.asarray(bias), sums
    tiles = -(-M // 16) * -(-N // 16)
    tasks.launch_words("product", tiles, words_of(*arrays, M, N, K, K, 1, N, 1))
    is_right = np.allclose(xp.asnumpy(out), a @ b + bias, 1e-3, 1e-3)
    return "" if is_right and np.allclose(xp.asnumpy(sums), b.sum(0), 1e-3, 1e-3) else "a product"


def _wrong_large_product(xp: Any, dtype: Any) -> str:
    rng, tasks = np.random.default_rng(0), Tasks(xp, dtype)
    a, b = (rng.standard_normal(shape).astype(dtype) for shape in ((K, M), (K, N)))
    out = xp.zeros((M, N), dtype)
    task = large_product(xp.asarray(a).T, xp.asarray(b), out, cublas_of(xp).workspace())
    launch = functools.partial(tasks.kernel([task.function]), (1,), (1,), (task.words,))
    launch()  # loads the library's own kernels
    out.fill(0)
    capture(xp, [launch]).launch()
    is_right = np.allclose(xp.asnumpy(out), a.T @ b, 1e-2, 1e-1)  # for TF32, too
    return "" if is_right else "wrong numbers of cuBLAS"


def _wrong_mask(xp: Any, tasks: Tasks) -> str:
    noise, size = HostNoise(KEY), 1000
    noise.draws = DRAW
    expected = noise.dropout_mask(KEEP, np.empty(size, "f4"))
    out, threshold = xp.zeros(size, "float32"), round(KEEP * 65536)
    key = KEY & (2**64 - 1), KEY >> 64
    words = out, None, None, 0, 0, size, DRAW, *key, threshold, 65536 / threshold
    tasks.launch("keep_mask", size, *words)
    return "" if np.array_equal(xp.asnumpy(out), expected) else "a dropout mask"


def _graph_of_counts(xp: Any, tasks: Tasks) -> str:
    count = xp.zeros(1, "int32")
    arguments = (1,), (THREADS,), (words_of(count),)
    advance = functools.partial(tasks.kernel([Function("advance")]), *arguments)
    try:
        graph = capture(xp, [advance] * 3)
    except Exception:  # each capture will be refused, with its reason
        return ""
    graph.launch()
    graph.launch()
    return "" if int(count[0]) == 6 else "a graph"
