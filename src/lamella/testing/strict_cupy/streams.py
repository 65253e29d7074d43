"""Streams, and the capture of their launches as a graph.

While a stream captures, work on it becomes nodes of the graph and is not done. As in CuPy 14.2,
cuBLAS, transfers and waiting are refused there. Allocating is refused too, although CuPy's pool
allows it: the memory would be handed out again while the graph still writes to it.
"""

import threading
from collections.abc import Callable
from typing import Any

from lamella.testing.strict_cupy.counting import StrictError, counts

ALLOCATES = "an array is allocated while the current stream is capturing: use memory made before"


class CUDARuntimeError(RuntimeError):
    """An error of CUDA's runtime."""


class Device:
    """Stand-in for cupy.cuda.Device: within it, a thread works on the GPU of this number."""

    def __init__(self, device: int) -> None:
        self.id = device

    def __enter__(self) -> "Device":
        self._before, _threads.device = device(), self.id
        return self

    def __exit__(self, *_: Any) -> None:
        _threads.device = self._before


def device() -> int:
    """Return the number of the GPU on which this thread works."""
    return int(getattr(_threads, "device", 0))


class Graph:
    """Captured launches, which ``launch`` does in one call."""

    def __init__(self, nodes: list[Callable[[], None]]) -> None:
        self.nodes = nodes

    def upload(self, stream: "Stream | None" = None) -> None:
        _refuse_call(stream or current(), "cudaGraphUpload")

    def launch(self, stream: "Stream | None" = None) -> None:
        _refuse_call(stream or current(), "cudaGraphLaunch")
        counts.graph_launches += 1
        counts.nodes += len(self.nodes)
        for node in self.nodes:
            node()


class Stream:
    """Stand-in for cupy.cuda.Stream."""

    null: "Stream"

    def __init__(self, null: bool = False, non_blocking: bool = False) -> None:
        self.ptr = 0 if null else id(self)
        self.is_non_blocking = non_blocking
        self.device_id = -1 if null else device()
        self._nodes: list[Callable[[], None]] | None = None
        self._is_valid = True

    def __enter__(self) -> "Stream":
        if self.device_id not in (-1, device()):
            raise RuntimeError(
                f"The device that the stream is created on ({self.device_id}) does not match with "
                f"the current device ({device()})"
            )
        _stack().append(self)
        return self

    def __exit__(self, *_: Any) -> None:
        _stack().pop()

    def use(self) -> "Stream":
        _stack()[-1] = self
        return self

    def begin_capture(self, mode: int | None = None) -> None:
        if self.ptr == 0:
            raise RuntimeError("cannot capture on the default (legacy) stream")
        if self.is_capturing():
            raise CUDARuntimeError("cudaErrorIllegalState: the stream is capturing already")
        if not self.is_non_blocking:
            raise StrictError(
                "a blocking stream: work on the null stream would fail while it captures"
            )
        self._nodes, self._is_valid = [], True

    def end_capture(self) -> Graph:
        if self._nodes is None:
            raise CUDARuntimeError("cudaErrorIllegalState: the stream is not capturing")
        nodes, self._nodes = self._nodes, None
        if not self._is_valid:
            raise CUDARuntimeError(
                "cudaErrorStreamCaptureInvalidated: operation failed due to a previous error "
                "during capture"
            )
        return Graph(nodes)

    def is_capturing(self) -> bool:
        return self._nodes is not None

    def synchronize(self) -> None:
        _refuse_call(self, "cudaStreamSynchronize")
        counts.syncs += 1

    @property
    def done(self) -> bool:
        self._is_valid = False  # in a capture; the error comes at its end
        return True


Stream.null = Stream(null=True)
_threads = threading.local()


def _stack() -> list[Stream]:
    if not hasattr(_threads, "stack"):
        _threads.stack = [Stream.null]
    stack: list[Stream] = _threads.stack
    return stack


def current() -> Stream:
    """Return the current stream of this thread."""
    return _stack()[-1]


def launch(work: Callable[[], None]) -> None:
    """Do work of one kernel, or make it a node of the graph that is being captured."""
    nodes = current()._nodes
    if nodes is None:
        counts.launches += 1
        work()
    else:
        nodes.append(work)


def compute(work: Callable[[], Any]) -> Any:
    """Do work of one kernel whose result is a new array."""
    if current().is_capturing():
        raise StrictError(ALLOCATES)
    counts.launches += 1
    return work()


def allocate() -> None:
    """Count an allocation."""
    if current().is_capturing():
        raise StrictError(ALLOCATES)
    counts.allocations += 1


def transfer(direction: str) -> None:
    """Count a transfer ("D2H" or "H2D"); the former waits for the device."""
    if current().is_capturing():
        raise RuntimeError(
            f"the current stream is capturing, so {direction} transfers are disallowed"
        )
    counts.syncs += direction == "D2H"


def library(name: str) -> None:
    """Refuse a call of one of CUDA's libraries, such as cuBLAS, while capturing."""
    if current().is_capturing():
        raise NotImplementedError(
            f"calling {name} API during stream capture is currently unsupported"
        )


def _refuse_call(stream: Stream, call: str) -> None:
    if stream.is_capturing():
        stream._is_valid = False
        raise CUDARuntimeError(
            "cudaErrorStreamCaptureUnsupported: operation not permitted when stream is capturing "
            f"({call})"
        )
