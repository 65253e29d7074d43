"""Checks of large products, which cuBLAS computes: values, bits of a captured step, times."""

import os
import time
from collections.abc import Callable
from itertools import product
from unittest.mock import patch

import numpy as np

import lamella as lm
from benchmarks.gpu.checks.bench import Bench, Figures, capture, expect, expect_same
from benchmarks.gpu.checks.graphs import recorded_graphs
from lamella.backend.cupy import products
from lamella.backend.cupy.graph_backend import GraphBackend
from lamella.backend.cupy.self_test import cublas_problem

MOST = 16  # epsilons of |a| |b|; factors rounded to TF32 are off by hundreds
Shape = tuple[int, int, int]  # M, K, N


def large_products(bench: Bench) -> Figures:
    """Compare large products with exact ones, and captured steps that have some with eager ones."""
    backend = bench.backend
    assert isinstance(backend, GraphBackend)
    shapes = [(1024, 1024, 1024), (777, 1025, 333)] if bench.is_gpu else [(20, 50, 30), (7, 9, 5)]
    # The stand-in multiplies small matrices, which are large there.
    with patch.object(products, "LARGE", products.LARGE if bench.is_gpu else 300):
        figures: Figures = {}
        for dtype in ("float32", "float64"):
            problem = cublas_problem(backend._xp, np.dtype(dtype))
            expect(not problem, f"{dtype}: {problem}")
            errors = [worst_error(backend, shape, dtype) for shape in shapes]
            figures[f"error of {dtype}, epsilons"] = errors
            expect(max(errors) <= MOST, f"{dtype} products are off by {max(errors):.0f} epsilons")
        with patch.dict(os.environ, CUPY_TF32="1"):
            error = worst_error(GraphBackend(backend._xp), shapes[0], "float32")
        figures["error if TF32 is asked for, epsilons"] = error  # as before on GPUs without it
        figures |= captured(bench)
    return figures | {"us of own kernel and of cuBLAS": times(bench)}


def worst_error(backend: GraphBackend, shape: Shape, dtype: str) -> float:
    """Return the largest error of a product, for factors that lie transposed and not."""
    (m, k, n), rng = shape, np.random.default_rng(0)
    a, b = (rng.standard_normal(size).astype(dtype) for size in ((m, k), (k, n)))
    kind = np.longdouble if dtype == "float64" and m * n < 10_000 else np.float64
    exact, size = a.astype(kind) @ b.astype(kind), np.abs(a) @ np.abs(b)
    worst = 0.0
    for turns in product((False, True), repeat=2):
        given = [
            backend.asarray(np.ascontiguousarray(x.T)).T if turned else backend.asarray(x)
            for x, turned in zip((a, b), turns, strict=True)
        ]
        out = backend.zeros(m * n, dtype).reshape(m, n)
        backend.dot(*given, out)
        errors = np.abs(backend.to_host(out) - exact) / size / np.finfo(dtype).eps
        worst = max(worst, float(errors.max()))
    return worst


def captured(bench: Bench) -> Figures:
    """Train a wide network, captured and eager; return the nodes and seconds of its steps."""
    width, batch, batches = (2048, 1024, 12) if bench.is_gpu else (12, 16, 6)

    def trained() -> lm.Sequential:
        layers = [lm.Flatten(), lm.Dense(width), lm.ReLU(), lm.Dense(width), lm.ReLU()]
        model = lm.Sequential([*layers, lm.Dense(10)], seed=1, backend=bench.backend)
        model.compile(lm.SoftmaxCrossEntropy(), lm.Adam(5e-4), ["accuracy"])
        size = batches * batch
        x, y = bench.samples(size)
        return model.fit(x, y, epochs=3, batch_size=batch, verbose=False) and model

    seconds = {}
    with recorded_graphs() as graphs:
        for name, is_on in (("captured", True), ("eager", False)):
            with capture(is_on):
                model = trained()
                seconds[name] = model.history.rows[-1]["seconds"]
                if is_on:
                    captured_model, reason = model, repr(model.backend)
    expect_same("wide network, captured", captured_model, model)
    names = [name for graph in graphs for name in graph.names]
    expect(names.count("large_product") >= 4, f"the wide step is not captured: {reason}")
    return {"nodes": [len(graph.names) for graph in graphs], "seconds of an epoch": seconds}


def times(bench: Bench) -> dict[str, list[float]]:
    """Measure both ways to multiply: they say where `products.LARGE` should be."""
    backend = bench.backend
    found = {}
    for side in (128, 256, 512, 1024) if bench.is_gpu else (16,):
        a, b, out = (backend.zeros(side * side, "float32").reshape(side, side) for _ in range(3))
        found[f"{side}^3"] = [
            microseconds(bench, limit, lambda a=a, b=b, out=out: backend.dot(a, b, out))
            for limit in (2**62, 0)
        ]
    return found


def microseconds(bench: Bench, limit: int, work: Callable[[], object]) -> float:
    stream, repeat = bench.backend.xp.cuda.get_current_stream(), 50 if bench.is_gpu else 2
    with patch.object(products, "LARGE", limit):
        work()
        stream.synchronize()
        began = time.perf_counter()
        for _ in range(repeat):
            work()
        stream.synchronize()
    return 1e6 * (time.perf_counter() - began) / repeat
