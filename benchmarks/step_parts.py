"""Measure the parts of a training step, each timed alone, in microseconds.

    python benchmarks/step_parts.py                 # 784-256-30-10, batches of 64
    python benchmarks/step_parts.py 8-2-2-2-2-2     # hardly any arithmetic: overhead of calls
    OPENBLAS_NUM_THREADS=1 python benchmarks/step_parts.py

A network without MNIST's 784 pixels gets random inputs. The output shows the best of several
rounds, since a disturbance only makes a round longer.
"""

import sys
import timeit
from collections.abc import Callable

import numpy as np

import lamella as lm
from lamella.network.batches import Data

BATCH, REPEATS, ROUNDS = 64, 300, 7


def best(part: Callable[[], object]) -> float:
    """Return the microseconds of the fastest call."""
    part()
    return min(timeit.repeat(part, number=REPEATS, repeat=ROUNDS)) / REPEATS * 1e6


def products(model: lm.Sequential) -> Callable[[], None]:
    """Return a function that computes only the matrix products of a step, in its own memory."""
    pairs = []
    for number, parameter in enumerate(p for p in model.built() if p.is_matrix):
        inputs, outputs = parameter.shape
        x, dy = np.ones((BATCH, inputs), "f4"), np.ones((BATCH, outputs), "f4")
        W = parameter.value.copy()
        pairs.append((x, W, np.empty_like(dy)))
        pairs.append((x.T, dy, np.empty_like(W)))
        if number:  # the gradient at the pixels is never computed
            pairs.append((dy, W.T, np.empty_like(x)))

    def run() -> None:
        for a, b, out in pairs:
            np.matmul(a, b, out=out)

    return run


def main() -> None:
    pixels, *hidden, classes = map(int, (sys.argv[1:] or ["784-256-30-10"])[0].split("-"))
    rng = np.random.default_rng(0)
    data = Data(rng.integers(0, 256, (60_000, pixels), "u1"), rng.integers(0, classes, 60_000))
    if pixels == 784:
        data = Data(*lm.datasets.mnist()[0])
    model = lm.MLP(hidden, classes=classes, seed=2023, backend="numpy")
    model.fit(data.x[:6400], data.y[:6400], epochs=1, batch_size=BATCH, verbose=False, check=False)
    rows = rng.permutation(len(data))[:BATCH]
    x, y, _ = model.batches.take(data, rows)
    x, y = x.copy(), y.copy()

    def loss() -> np.ndarray:
        model.loss(model.pred, y)
        return model.loss.gradient()

    def step_as_written() -> None:
        model.differentiate(x, y)
        model.optimizer.step()

    model.forward(x, training=True)
    dy = loss().copy()
    parts: dict[str, Callable[[], object]] = {
        "gather and scale a batch": lambda: model.batches.take(data, rows),
        "the whole step": lambda: model.step(x, y),
        "the same without replay": step_as_written,
        "  forward": lambda: model.forward(x, training=True),
        "  loss and its gradient": loss,
        "  backward": lambda: model.backward(dy),
        "  update rule": model.optimizer.step,
        "accuracy": lambda: model.metrics[0].score(model.pred, y),
        "bare matrix products": products(model),
    }
    for name, part in parts.items():
        print(f"{name:<26} {best(part):7.1f} us")


if __name__ == "__main__":
    main()
