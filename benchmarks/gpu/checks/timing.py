"""Times of lamella's step, captured and eager, and of the nodes of its graphs."""

import time
from typing import Any

import numpy as np

import lamella as lm
from benchmarks.gpu.checks.bench import Bench, Figures, SkippedError, capture, plain
from benchmarks.gpu.checks.graphs import Graph, recorded_graphs
from lamella.backend.cupy import graphs

ROUNDS = 5


def times(bench: Bench) -> Figures:
    """Measure steps within `fit`: the difference between long and short epochs."""
    short, long = (200, 800) if bench.is_gpu else (4, 12)
    x, y = bench.data(long)
    x, y = bench.backend.asarray(x), bench.backend.asarray(y)
    figures: Figures = {}
    for name, is_on in (("captured", True), ("eager", False)):
        with capture(is_on):
            model = plain(bench, bench.backend)
            seconds: dict[int, list[float]] = {short: [], long: []}
            for _ in range(1 + ROUNDS):  # the first compiles
                for batches, measured in seconds.items():
                    measured.append(epoch(bench, model, x, y, batches))
            few, many = (float(np.median(measured[1:])) for measured in seconds.values())
            counts = counted(bench, model, x, y, short), counted(bench, model, x, y, long)
        figures[name] = {
            "us a step": 1e6 * (many - few) / (long - short),
            "ms of an epoch without steps": 1e3 * (few - short * (many - few) / (long - short)),
            **{key: (counts[1][key] - counts[0][key]) / (long - short) for key in counts[0]},
            "backend": repr(model.backend),
        }
    return figures


def epoch(bench: Bench, model: lm.Sequential, x: Any, y: Any, batches: int) -> float:
    """Return the seconds of an epoch of so many batches; `fit` ends with a wait for the device."""
    samples = batches * bench.batch
    began = time.perf_counter()
    model.fit(x[:samples], y[:samples], epochs=1, batch_size=bench.batch, verbose=False)
    return time.perf_counter() - began


def counted(bench: Bench, model: lm.Sequential, x: Any, y: Any, batches: int) -> dict[str, int]:
    """Return numbers of an epoch: all of them on the stand-in, allocations on a GPU."""
    if not bench.is_gpu:
        from lamella.testing.strict_cupy import counts

        counts.reset()
        epoch(bench, model, x, y, batches)
        return {f"{name} a step": number for name, number in vars(counts).items()}
    import cupy

    class Hook(cupy.cuda.MemoryHook):
        allocations = 0

        def malloc_preprocess(self, **_: Any) -> None:
            self.allocations += 1

    with Hook() as hook:
        epoch(bench, model, x, y, batches)
    return {"allocations a step": hook.allocations}


def nodes(bench: Bench) -> Figures:
    """Measure each node of the step's graph, replayed alone; their sum is a floor for the graph.

    Nodes that follow one another cannot be faster than that.
    """
    x, y = bench.data(200 if bench.is_gpu else 12)
    with recorded_graphs() as found:
        model = plain(bench, bench.backend)
        for _ in range(3):
            model.fit(x, y, epochs=1, batch_size=bench.batch, verbose=False)
    if not found:
        raise SkippedError(f"no step is captured: {model.backend!r}")
    times = [
        [(name, time_node(bench, graph, i)) for i, name in enumerate(graph.names)]
        for graph in found
    ]
    floors = [sum(microseconds for _, microseconds in graph) for graph in times]
    return {"us of each node, by graph": times, "floor, us": floors}


def time_node(bench: Bench, graph: Graph, number: int) -> float:
    """Return the microseconds of a node in a graph that repeats it."""
    # Often enough that launching takes less time than the work, but not more than an epoch's
    # steps: the node may count them.
    repeat, launches = (50, 40) if bench.is_gpu else (4, 2)
    xp = bench.backend.xp
    stream = xp.cuda.get_current_stream()
    replay = graphs.capture(xp, [graph.launches[number]] * repeat)
    for times in (1, launches):  # the first warms up
        stream.synchronize()
        began = time.perf_counter()
        for _ in range(times):
            graph.tape.count.fill(0)
            replay.launch()
        stream.synchronize()
    return 1e6 * (time.perf_counter() - began) / launches / repeat
