"""Checks with known outcomes, in place of those of a GPU."""

import os
import time

import numpy as np

from benchmarks.gpu.checks.bench import Bench, Figures, SkippedError, expect, expect_close
from benchmarks.gpu.checks.process import Check, serve
from tests.subprocesses import TIME_LIMIT


def right(bench: Bench) -> Figures:
    expect_close("halves", [0.5, 0.5], [0.5, 0.5], 0)
    return {"device": bench.device}


def wrong(bench: Bench) -> Figures:
    expect(1 + 1 == 3, "1 + 1 is 2")
    return {}


def different(bench: Bench) -> Figures:
    np.testing.assert_array_equal([1, 2], [1, 3])
    return {}


def missing(bench: Bench) -> Figures:
    raise SkippedError("no such program")


def broken(bench: Bench) -> Figures:
    raise ValueError("a bug")


def dies(bench: Bench) -> Figures:
    os._exit(7)


def hangs(bench: Bench) -> Figures:
    time.sleep(600)
    return {}


FUNCTIONS = (right, missing, wrong, different, broken, dies, hangs)
CHECKS = {
    check.__name__: Check(check, 1.5 if check is hangs else TIME_LIMIT) for check in FUNCTIONS
}

if __name__ == "__main__":
    serve(CHECKS)
