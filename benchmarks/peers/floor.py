"""The floor: the minimal work of a step, measured on this machine in the same run."""

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.peers.contestant import Contestant, Material, as_rows

# Vectors read and written for each weight: w, g and the moments; w and the moments.
PASSES = {"sgd": (2, 1), "momentum": (3, 2), "adam": (4, 3)}
BANDWIDTH_SECONDS = 0.02


class Floor(Contestant):
    """Bare matrix products of a step, plus one pass over parameters, gradients and moments.

    The products write into existing memory, and their inputs are constant. The time of the pass is
    computed: bytes read and written, divided by the measured bandwidth of an in-place vector
    operation on as much memory as the pass covers.
    """

    def __init__(self, material: Material) -> None:
        self.task, self.threads = material.task, material.threads
        sizes, batch = self.task.sizes, self.task.batch
        rng = np.random.default_rng(0)
        self.W = material.weights
        self.dW = [np.empty_like(w) for w in self.W]
        self.y = [rng.random((batch, n), np.float32) for n in sizes]
        self.y[0] = as_rows(material.images[:batch])
        self.dy = [rng.random((batch, n), np.float32) for n in sizes]
        self.test_x, self.outputs = as_rows(material.test_images), {}
        reads, writes = PASSES[self.task.optimizer]
        weights = sum(w.size + w.shape[1] for w in self.W)
        self.bytes_moved = 4 * weights * (reads + writes)
        length = max(weights * reads // 2 // self.threads, 1)
        self.vectors = [rng.random((self.threads, length), np.float32) for _ in range(2)]
        self.pool = ThreadPoolExecutor(self.threads)

    def train(self, samples: int, epoch: int, key: int) -> None:
        for _ in range(self.task.steps(samples)):
            for i, w in enumerate(self.W):
                np.matmul(self.y[i], w, out=self.y[i + 1])
            for i in reversed(range(len(self.W))):
                np.matmul(self.y[i].T, self.dy[i + 1], out=self.dW[i])
                if i:
                    np.matmul(self.dy[i + 1], self.W[i].T, out=self.dy[i])

    def time_train(self, samples: int, epoch: int, key: int) -> float:
        products = []
        for threads in {1, self.threads}:  # small products are faster on one
            with threadpool_limits(threads):
                products.append(super().time_train(samples, epoch, key))
        steps, bandwidth = self.task.steps(samples), self.measure_bandwidth()
        self.parts = {
            "product seconds": min(products) / steps,
            "bytes": self.bytes_moved,
            "bytes a second": bandwidth,
        }
        return min(products) + steps * self.bytes_moved / bandwidth

    def measure_bandwidth(self) -> float:
        """Return bytes per second of all threads together, each on its own part."""

        def add(thread: int) -> tuple[int, float]:
            a, b = (vector[thread] for vector in self.vectors)
            moved, began = 0, time.perf_counter()
            while time.perf_counter() < began + BANDWIDTH_SECONDS:
                np.subtract(b, a, out=a)  # alternates, so that no number grows
                moved += 3 * a.nbytes
            return moved, time.perf_counter() - began

        return sum(moved / seconds for moved, seconds in self.pool.map(add, range(self.threads)))

    def loss(self, samples: int) -> float:
        return float("nan")

    def predict(self, samples: int) -> np.ndarray:
        if samples not in self.outputs:
            shapes = [(samples, n) for n in self.task.sizes[1:]]
            self.outputs[samples] = [np.empty(shape, np.float32) for shape in shapes]
        y = self.test_x[:samples]
        for w, out in zip(self.W, self.outputs[samples], strict=True):
            y = np.matmul(y, w, out=out)
        return y
