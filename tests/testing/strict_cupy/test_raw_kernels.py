"""Raw kernels of the stand-in: CUDA source runs through g++, and what CuPy refuses is refused."""

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lamella.testing import strict_cupy as cp
from lamella.testing.strict_cupy import Counts, StrictError, counts, raw_kernels
from lamella.testing.strict_cupy.raw_kernels import (
    CompilerMissingError,
    compile_library,
    thread_order,
)
from lamella.testing.strict_cupy.streams import CUDARuntimeError
from tests.subprocesses import TIME_LIMIT

WORDS = np.dtype([("w", np.int64, 32)])
SOURCE = """
struct Words { long long w[32]; };
struct Memory { float cells[64]; };
#define KERNEL(name) extern "C" __global__ void name(const __grid_constant__ Words words)
#define OUT ((float*)words.w[0])

KERNEL(places) {  // in which order threads come
    int* turn = (int*)words.w[1];
    OUT[(*turn)++] = 100 * blockIdx.x + threadIdx.x;
}
KERNEL(reversed) {
    SHARED(Memory, memory);
    memory.cells[threadIdx.x] = OUT[threadIdx.x];
    BARRIER;
    OUT[threadIdx.x] = memory.cells[words.w[1] - 1 - threadIdx.x];
}
KERNEL(unwritten) {
    SHARED(Memory, memory);
    OUT[threadIdx.x] = memory.cells[threadIdx.x];
    memory.cells[threadIdx.x] = 1;
}
KERNEL(unequal) {
    if (threadIdx.x) __syncthreads();
}
KERNEL(bits) {
    unsigned long long* out = (unsigned long long*)words.w[0];
    out[0] = __umul64hi((unsigned long long)words.w[1], (unsigned long long)words.w[2]);
    ((double*)out)[1] = __longlong_as_double(words.w[3]);
}
"""


def run(
    name: str, grid: int, block: int, out: cp.ndarray, *more: Any, barrier: str = "__syncthreads()"
) -> np.ndarray:
    words = np.zeros(1, WORDS)
    words["w"][0, : 1 + len(more)] = [out.data.ptr, *more]
    module = cp.RawModule(code=SOURCE, options=("--std=c++17", f"-DBARRIER={barrier}"))
    module.get_function(name)((grid,), (block,), (words,))
    return out.get()


def places(order: int) -> list[int]:
    turn = cp.zeros(1, np.int32)
    with thread_order(order):
        return run("places", 3, 4, cp.zeros(12, np.float32), turn.data.ptr).tolist()


def test_threads_and_blocks_take_turns_in_the_order_that_is_asked_for() -> None:
    forwards = [100 * block + thread for block in range(3) for thread in range(4)]
    assert places(0) == forwards
    assert places(1) == forwards[::-1]
    assert sorted(places(2)) == forwards
    assert places(2) != places(3)
    assert places(2) == places(2)


def test_a_barrier_shares_the_memory_of_a_block_in_every_order() -> None:
    for order in range(5):
        with thread_order(order):
            got = run("reversed", 1, 40, cp.arange(40, dtype=np.float32), 40)
        np.testing.assert_array_equal(got, np.arange(40)[::-1])


def test_a_missing_barrier_changes_results() -> None:
    for order in (0, 1, 2):
        with thread_order(order):
            got = run("reversed", 1, 40, cp.arange(40, dtype=np.float32), 40, barrier="")
        assert not np.array_equal(got, np.arange(40)[::-1])


def test_shared_memory_is_nan_when_a_block_starts() -> None:
    for _ in range(2):
        assert np.isnan(run("unwritten", 2, 8, cp.zeros(8, np.float32))).all()


def test_a_barrier_that_some_threads_do_not_reach_ends_the_process() -> None:
    code = (
        "from tests.testing.strict_cupy.test_raw_kernels import *; "
        "run('unequal', 1, 2, cp.zeros(1))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=TIME_LIMIT
    )
    if "CompilerMissingError" in done.stderr:
        pytest.skip(raw_kernels.compiler_problem())
    assert "__syncthreads() was not reached by all threads of block 0" in done.stderr
    assert done.returncode < 0


def test_intrinsics_are_those_of_cuda() -> None:
    a, b = 0xD2E7470EE14C6C93, 0xFEDCBA9876543210
    signed = [value - 2**64 for value in (a, b)]
    got = run("bits", 1, 1, cp.zeros(2, np.int64), *signed, np.float64(1 / 3).view(np.int64))
    assert got.view(np.uint64)[0] == a * b >> 64
    assert got.view(np.float64)[1] == 1 / 3


def test_a_launch_is_counted_and_copies_its_argument() -> None:
    words, out = np.zeros(1, WORDS), cp.arange(40, dtype=np.float32)
    words["w"][0, :2] = out.data.ptr, 40
    kernel = cp.RawKernel(SOURCE.replace("BARRIER", "__syncthreads()"), "reversed")
    kernel((1,), (40,), (words,))
    stream = cp.cuda.Stream(non_blocking=True)
    with stream:
        stream.begin_capture()
        kernel((1,), (40,), (words,))
        graph = stream.end_capture()
    words["w"] = 0
    counts.reset()
    graph.launch()
    np.testing.assert_array_equal(out.get(), np.arange(40))
    assert counts == Counts(graph_launches=1, nodes=1, syncs=1)


def test_nothing_is_compiled_or_loaded_in_a_capture() -> None:
    stream = cp.cuda.Stream(non_blocking=True)
    with stream:
        stream.begin_capture()
        try:
            with pytest.raises(StrictError, match="is loaded while"):
                run("reversed", 1, 4, cp_four, 4)
        finally:
            stream.end_capture()


cp_four = cp.zeros(4, np.float32)


@pytest.mark.parametrize(
    ("grid", "block", "args", "error", "text"),
    [
        ((1,), (1,), (np.int32(1),), StrictError, "one argument"),
        ((1,), (1,), (np.zeros(2, np.int64),), StrictError, "one argument"),
        ((1,), (1,), (np.zeros(1, WORDS),) * 2, StrictError, "one argument"),
        ((1,), (1,), (np.zeros(1, "V5000"),), StrictError, "more than"),
        ((1, 1), (1,), (np.zeros(1, WORDS),), StrictError, "one axis"),
        ((0,), (1,), (np.zeros(1, WORDS),), CUDARuntimeError, "invalid argument"),
        ((1,), (1025,), (np.zeros(1, WORDS),), CUDARuntimeError, "invalid argument"),
    ],
)
def test_wrong_launches_are_refused(
    grid: Any, block: Any, args: Any, error: type, text: str
) -> None:
    with pytest.raises(error, match=text):
        cp.RawKernel(SOURCE, "unequal")(grid, block, args)


def test_a_name_or_source_that_does_not_exist_gives_an_error() -> None:
    words = (np.zeros(1, WORDS),)
    with pytest.raises(CUDARuntimeError, match="named symbol not found: nothing"):
        cp.RawKernel("", "nothing")((1,), (1,), words)
    with pytest.raises(CUDARuntimeError, match="nowhere"):
        cp.RawKernel('extern "C" void f() { nowhere(); }', "f")((1,), (1,), words)
    with pytest.raises(StrictError, match="enable_cooperative_groups"):
        cp.RawModule(code="", enable_cooperative_groups=True)


def test_python_threads_launch_one_after_another() -> None:
    results = [cp.arange(64, dtype=np.float32) for _ in range(4)]

    def work(out: cp.ndarray) -> None:
        for _ in range(51):
            run("reversed", 1, 64, out, 64)

    threads = [threading.Thread(target=work, args=(out,)) for out in results]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for out in results:
        np.testing.assert_array_equal(out.get(), np.arange(64)[::-1])


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    compile_library.cache_clear()
    return tmp_path / "lamella"


def reversed_four() -> list[float]:
    compile_library.cache_clear()
    return run("reversed", 1, 4, cp.arange(4, dtype=np.float32), 4).tolist()


def test_libraries_are_kept_in_the_cache_folder(
    fresh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert reversed_four() == [3, 2, 1, 0]
    (library,) = fresh.iterdir()
    monkeypatch.setattr(raw_kernels, "_compile", None)  # not needed any more
    assert reversed_four() == [3, 2, 1, 0]
    assert list(fresh.iterdir()) == [library]


def test_a_damaged_library_is_compiled_again(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reversed_four()
    (library,) = fresh.iterdir()
    monkeypatch.setenv("XDG_CACHE_HOME", str(fresh))
    damaged = fresh / "lamella" / library.name
    damaged.parent.mkdir()
    damaged.write_bytes(library.read_bytes()[:1000])
    assert reversed_four() == [3, 2, 1, 0]
    assert damaged.read_bytes() == library.read_bytes()


def test_kernels_run_without_a_cache_folder(fresh: Path) -> None:
    fresh.write_text("a file in its place")
    assert reversed_four() == [3, 2, 1, 0]


def test_without_a_compiler_the_error_says_so(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", os.devnull)
    raw_kernels.compiler_problem.cache_clear()
    try:
        with pytest.raises(CompilerMissingError, match="with g\\+\\+ on Linux only"):
            reversed_four()
    finally:
        raw_kernels.compiler_problem.cache_clear()
