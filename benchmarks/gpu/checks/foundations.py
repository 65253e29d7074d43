"""Checks of the parts that all others need: versions, kernels, random numbers."""

from itertools import product

import numpy as np

from benchmarks.gpu.checks.bench import Bench, Figures, expect
from benchmarks.gpu.checks.programs import run_tests
from benchmarks.gpu.device import gpu_facts
from benchmarks.peers import machine
from lamella.backend.cupy.graph_backend import GraphBackend
from lamella.backend.cupy.task import THREADS, words_of
from lamella.backend.random import HostNoise

PACKAGES = ("numpy", "cupy-cuda13x", "cupy-cuda12x", "torch", "triton", "jax", "jaxlib", "pytest")

ECHO = """
struct Words { long long w[32]; };
extern "C" __global__ void run_echo(const __grid_constant__ Words words) {
    const int i = threadIdx.x;
    if (i < 32) ((long long*)words.w[0])[i] = words.w[i];
}
"""


def versions(bench: Bench) -> Figures:
    """Return the versions of everything, after a kernel ran."""
    xp = bench.backend.xp
    found = {name: machine.version(name) for name in PACKAGES}
    facts: Figures = {"gpu": gpu_facts(), **{k: v for k, v in found.items() if v}}
    facts["backend"] = repr(bench.backend)
    if bench.is_gpu:
        runtime = xp.cuda.runtime
        facts |= {"driver": runtime.driverGetVersion(), "runtime": runtime.runtimeGetVersion()}
        facts["nvrtc"] = ".".join(map(str, xp.cuda.nvrtc.getVersion()))
        properties = runtime.getDeviceProperties(0)
        facts["capability"] = f"{properties['major']}.{properties['minor']}"
        facts["multiprocessors"] = properties["multiProcessorCount"]
    ones = xp.ones(1000, np.float32)
    expect(float((ones + ones).sum()) == 2000, "a sum of 1000 twos is not 2000")
    return facts


def words(bench: Bench) -> Figures:
    """Check that a kernel gets its 32 words, a struct passed by value, as they were written."""
    xp = bench.backend.xp
    out = xp.zeros(32, np.int64)
    sent = words_of(out, *(value for i in range(15) for value in (-(2**62) + i, 3.5 * i)), 2**63)
    xp.RawModule(code=ECHO, options=("--std=c++17",)).get_function("run_echo")(
        (1,), (THREADS,), (sent,)
    )
    np.testing.assert_array_equal(bench.host(out), sent["w"][0])
    return {}


def kernels(bench: Bench) -> Figures:
    """Compile all tasks for both dtypes and run the tests that compare them with numpy."""
    # lamella falls back to cupy's kernels if its own ones fail a test.
    expect(isinstance(bench.backend, GraphBackend), f"own kernels are not used: {bench.backend!r}")
    for dtype in ("float32", "float64"):
        sums, b = (bench.backend.xp.ones(shape, dtype) for shape in ((3,), (5, 3)))
        bench.backend.sum_rows(b, sums)
        np.testing.assert_array_equal(bench.host(sums), [5, 5, 5])
    return run_tests(bench, ["tests/backend/cupy" + "/test_random.py" * (not bench.is_gpu)])


def random_numbers(bench: Bench) -> Figures:
    """Compare uniform numbers and dropout masks with those of the CPU, bit for bit."""
    numbers = 0
    for dtype, size, key in product(("f4", "f8"), (1, 17, 100_003), (0, 2**127 + 12345)):
        device, host = bench.backend.noise(key), HostNoise(key)
        for draw in (0, 1, 2**40):
            device.draws = host.draws = draw
            for name, keep in (("uniform", ()), ("dropout_mask", (0.9,)), ("dropout_mask", (1.0,))):
                found = getattr(device, name)(*keep, bench.backend.xp.zeros(size, dtype))
                expected = getattr(host, name)(*keep, np.zeros(size, dtype))
                what = f"{name} of {size} {dtype} numbers, draw {draw}"
                np.testing.assert_array_equal(bench.host(found), expected, what)
                numbers += size
    return {"numbers": numbers}
