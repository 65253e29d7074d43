"""Checks of what cannot be captured, and of trainings that are interrupted."""

import signal
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import lamella as lm
from benchmarks.gpu.checks.bench import (
    Bench,
    Figures,
    SkippedError,
    capture,
    expect,
    expect_same,
    fit,
    plain,
)
from tests.networks import Gain


def refusals(bench: Bench) -> Figures:
    """Check that what may not be captured raises an error, after which the device works on."""
    xp = bench.backend.xp
    x, out = xp.ones((64, 64), np.float32), xp.zeros((64, 64), np.float32)
    xp.dot(x, x, out=out)  # loads cuBLAS
    works: dict[str, Callable[[Any], Any]] = {
        "copy to the host": lambda stream: x.get(),
        "copy to the device": lambda stream: x.set(np.ones((64, 64), np.float32)),
        "product by cuBLAS": lambda stream: xp.dot(x, x, out=out),
        "wait": lambda stream: stream.synchronize(),
    }
    figures: Figures = {}
    for name, work in works.items():
        figures[name] = refusal(xp.cuda.Stream(non_blocking=True), work)
        expect(figures[name], f"a {name} is captured without an error")
        expect(float((x + x).sum()) == 2 * 64 * 64, f"wrong sum after the refusal of a {name}")
    with capture(True):
        custom = fit(bench, with_own_layer(bench), 6)
    with capture(False):
        expect_same("own layer", custom, fit(bench, with_own_layer(bench), 6))
    return {**figures, "own layer": repr(custom.backend)}


def refusal(stream: Any, work: Callable[[Any], Any]) -> str:
    """Return the error of work in a capture, or of the end of the capture; empty without one."""
    with stream:
        stream.begin_capture()
        error: Exception | None = None
        try:
            work(stream)
        except Exception as refused:
            error = refused
        try:
            stream.end_capture()
        except Exception as invalid:
            error = error or invalid
    return "" if error is None else f"{type(error).__name__}: {str(error).splitlines()[0][:100]}"


def with_own_layer(bench: Bench) -> lm.Sequential:
    """Return a network with a layer that is not marked as replayable."""
    layers = [lm.Flatten(), lm.Dense(12), Gain(), lm.ReLU(), lm.Dense(10)]
    model = lm.Sequential(layers, seed=1, backend=bench.backend)
    return model.compile(lm.SoftmaxCrossEntropy(), lm.Adam(1e-3), ["accuracy"])


def interrupts(bench: Bench) -> Figures:
    """Interrupt trainings as by Ctrl-C, at moments from start to end; others then go on right."""
    if not hasattr(signal, "setitimer"):
        raise SkippedError("no timers of signals on this system")
    batches, times = (40, 12) if bench.is_gpu else (6, 4)
    expected = fit(bench, plain(bench, bench.backend), batches)
    began = time.perf_counter()
    fit(bench, plain(bench, bench.backend), batches)
    whole = time.perf_counter() - began
    signal.signal(signal.SIGALRM, signal.default_int_handler)  # raises KeyboardInterrupt
    interrupted = 0
    for i in range(times):
        model = plain(bench, bench.backend)
        signal.setitimer(signal.ITIMER_REAL, whole * (i + 0.5) / times)
        try:
            fit(bench, model, batches)
        except KeyboardInterrupt:
            interrupted += 1
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        fit(bench, model, 3)
        expect(model.is_finite(), "an interrupted training went on to NaN")
        again = fit(bench, plain(bench, bench.backend), batches)
        expect_same(f"training after interruption {i + 1}", again, expected)
    if not interrupted:
        raise SkippedError("every training ended before its interruption")
    return {"interrupted": interrupted, "of": times}
