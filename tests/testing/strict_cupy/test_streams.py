"""Streams of the stand-in: what they capture, and what a capture refuses, as in CuPy."""

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lamella.testing import strict_cupy as cp
from lamella.testing.strict_cupy import Counts, StrictError, counts
from lamella.testing.strict_cupy.streams import CUDARuntimeError
from tests.testing.strict_cupy.statements import HOST, added, written


@pytest.fixture
def stream() -> Any:
    """A stream that can capture; a test that fails leaves none current."""
    stream = cp.cuda.Stream(non_blocking=True)
    yield stream
    assert cp.cuda.get_current_stream() is cp.cuda.Stream.null


def captured(stream: Any, work: Callable[[], Any]) -> Any:
    with stream:
        stream.begin_capture()
        try:
            work()
        finally:
            graph = stream.end_capture()
    return graph


def test_captured_work_is_done_when_its_graph_is_launched(x: cp.ndarray, stream: Any) -> None:
    scale = cp.ElementwiseKernel("T a0, T s0", "T o0", "o0 = a0 * s0;", "scale")

    def work() -> None:
        scale(x, np.float32(2), x)
        added(x, 1)
        written(x, (slice(None), 0), 0)
        cp.exp(x, out=x)
        x.fill(1)
        cp.add(x, x, out=x)

    counts.reset()
    graph = captured(stream, work)
    np.testing.assert_array_equal(x.host, HOST * 0 + np.arange(6).reshape(2, 3))
    assert counts == Counts()
    for launches in (1, 2):
        graph.launch()
        assert counts == Counts(graph_launches=launches, nodes=6 * launches)
    np.testing.assert_array_equal(x.host, 2 * HOST)


def test_a_graph_reads_arrays_when_it_is_launched(x: cp.ndarray, stream: Any) -> None:
    y = cp.zeros((2, 3), np.float32)
    graph = captured(stream, lambda: cp.add(y, x, out=y))
    for expected in (3, 8):
        x.fill(expected - int(y[0, 0]))
        graph.launch()
        np.testing.assert_array_equal(y.host, expected * HOST)


cp_square, cp_index = cp.zeros((2, 2), np.float32), cp.zeros(1, np.int64)
ALLOCATES = {
    "new array": lambda x: cp.zeros(3),
    "operator": lambda x: x + 1,
    "function": lambda x: cp.exp(x),
    "method": lambda x: x.sum(),
    "copy": lambda x: x.copy(),
    "index": lambda x: x[cp_index],
}
TRANSFERS = {
    "get": lambda x: x.get(),
    "float": lambda x: float(x[0, 0]),
    "asnumpy": lambda x: cp.asnumpy(x),
    "set": lambda x: x.set(HOST),
    "asarray": lambda x: cp.asarray(HOST),
}
PRODUCTS = {
    "dot": lambda x: cp.dot(x, x.T, out=cp_square),
    "matmul": lambda x: x @ x.T,
    "vdot": lambda x: cp.vdot(x, x),
}


@pytest.mark.parametrize(
    ("work", "error", "text"),
    [
        *((work, StrictError, "allocated while") for work in ALLOCATES.values()),
        *((work, RuntimeError, "is capturing, so") for work in TRANSFERS.values()),
        *((work, NotImplementedError, "calling cuBLAS API") for work in PRODUCTS.values()),
    ],
    ids=[*ALLOCATES, *TRANSFERS, *PRODUCTS],
)
def test_a_capture_refuses(
    work: Callable[[Any], Any], error: type, text: str, x: cp.ndarray, stream: Any
) -> None:
    with pytest.raises(error, match=text):
        captured(stream, lambda: work(x))
    assert not stream.is_capturing()
    work(x)  # allowed again


@pytest.mark.parametrize(
    "wait", [lambda stream, graph: stream.synchronize(), lambda stream, graph: graph.launch()]
)
def test_a_wait_or_a_graph_invalidates_the_capture(
    wait: Callable[[Any, Any], None], stream: Any
) -> None:
    graph = captured(stream, lambda: None)
    with stream:
        stream.begin_capture()
        with pytest.raises(CUDARuntimeError, match="cudaErrorStreamCaptureUnsupported"):
            wait(stream, graph)
        with pytest.raises(CUDARuntimeError, match="cudaErrorStreamCaptureInvalidated"):
            stream.end_capture()
        wait(stream, graph)


def test_asking_whether_a_capturing_stream_is_done_invalidates_the_capture(stream: Any) -> None:
    with pytest.raises(CUDARuntimeError, match="cudaErrorStreamCaptureInvalidated"):
        captured(stream, lambda: stream.done)
    assert stream.done
    captured(stream, lambda: None)


def test_only_non_blocking_streams_capture_and_only_once(stream: Any) -> None:
    with pytest.raises(RuntimeError, match="default \\(legacy\\) stream"):
        cp.cuda.Stream.null.begin_capture()
    with pytest.raises(StrictError, match="a blocking stream"):
        cp.cuda.Stream().begin_capture()
    with pytest.raises(CUDARuntimeError, match="cudaErrorIllegalState"):
        stream.end_capture()
    stream.begin_capture()
    with pytest.raises(CUDARuntimeError, match="cudaErrorIllegalState"):
        stream.begin_capture()
    stream.end_capture()


def test_work_of_other_streams_and_threads_is_not_captured(x: cp.ndarray, stream: Any) -> None:
    def work() -> None:
        with cp.cuda.Stream.null:
            added(x, 1)
        thread = threading.Thread(target=added, args=(x, 1))
        thread.start()
        thread.join()

    graph = captured(stream, work)
    np.testing.assert_array_equal(x.host, 2 + np.arange(6).reshape(2, 3))
    assert graph.nodes == []


def test_use_makes_a_stream_current(stream: Any) -> None:
    with cp.cuda.Stream.null:
        assert stream.use() is cp.cuda.get_current_stream()


def test_threads_begin_on_the_first_gpu_and_streams_stay_on_theirs() -> None:
    found, device = [], cp.cuda.runtime.getDevice
    with cp.cuda.Device(2):
        there = cp.cuda.Stream()
        thread = threading.Thread(target=lambda: found.append(device()))
        thread.start()
        thread.join()
        with cp.cuda.Device(1):
            found.append(device())
        with there, cp.cuda.Stream.null:
            found.append(device())
    assert [*found, device()] == [0, 1, 2, 0]
    with pytest.raises(RuntimeError, match="created on \\(2\\) does not match"), there:
        pass
