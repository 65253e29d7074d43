"""Many networks trained side by side, as the runs of a study are: bits, and the time for one."""

import threading
import time
from functools import partial
from typing import Any

import numpy as np

import lamella as lm
from benchmarks.gpu.checks.bench import Bench, Figures, expect
from benchmarks.gpu.device import open_backend
from lamella.backend.cupy.stacks import Stack
from lamella.studies.running.side_by_side import in_threads
from tests.networks import bits_of


class Clock(lm.Callback):
    """Lets all networks begin their second epoch together, and keeps the times of both ends."""

    def __init__(self, together: threading.Barrier) -> None:
        self.together = together
        self.began = self.ended = 0.0

    def on_epoch_begin(self, model: Any, epoch: int) -> None:
        if epoch == 1:
            self.together.wait(120)
            self.began = time.perf_counter()

    def on_epoch_end(self, model: Any, epoch: int, logs: dict[str, Any]) -> None:
        self.ended = time.perf_counter()


def side_by_side(bench: Bench) -> Figures:
    """Train networks that differ in seed and rate, one and many; epochs after the first are timed.

    In those nothing is compiled or captured.
    """
    count, epochs, batches = (40, 4, 937) if bench.is_gpu else (3, 3, 5)
    x, y = bench.data(batches)

    def train(networks: int, number: int) -> tuple[dict[str, Any], Clock]:
        model = lm.MLP(bench.hidden, seed=number, backend=open_backend(bench.device))
        model.compile(lm.SoftmaxCrossEntropy(), lm.Adam(5e-4 * (1 + number % 3)), ["accuracy"])
        clock = Clock(barriers[networks])
        options: Any = {"batch_size": bench.batch, "verbose": False, "check": False}
        model.fit(x, y, epochs=epochs, callbacks=[clock], **options)
        return {"number": number, **bits_of(model)}, clock

    barriers = {n: threading.Barrier(n) for n in (1, count)}
    one = [train(1, number) for number in (0, count - 1)]
    seconds = {1: float(np.median([clock.ended - clock.began for _, clock in one]))}
    stop, began, stacked = threading.Event(), time.perf_counter(), Stack.launch
    sizes: list[int] = []

    def counted(self: Stack, replays: Any, times: int) -> None:
        sizes.extend([len(replays)] * times)
        stacked(self, replays, times)

    Stack.launch = counted  # type: ignore[method-assign]
    try:
        enter = bench.backend.side_by_side(count, stop)
        jobs = [partial(train, count, number) for number in range(count)]
        many = list(in_threads(jobs, count, enter, stop))
    finally:
        Stack.launch = stacked  # type: ignore[method-assign]
    whole = time.perf_counter() - began
    found = {bits.pop("number"): bits for bits, _ in many}
    for bits, _ in one:
        number = bits.pop("number")
        other = [key for key in bits if found[number][key] != bits[key]]
        expect(not other, f"network {number} of {count}: other bits in {', '.join(other)}")
    clocks = [clock for _, clock in many]
    seconds[count] = max(c.ended for c in clocks) - min(c.began for c in clocks)
    return {
        "networks": count,
        "seconds of one, by itself": seconds[1],
        "seconds of all, side by side": seconds[count],
        "times as long": seconds[count] / seconds[1],
        "networks in a launch, mean": float(np.mean(sizes)) if sizes else 1.0,
        "seconds of all with their first epochs": whole,
    }
