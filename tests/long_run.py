"""A long training, watched: does accuracy drift, does memory grow, do numbers become denormal?

python -m tests.long_run --steps 20000
"""

import argparse
import gc
import sys
import tracemalloc
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import lamella as lm

PIXELS, CLASSES, SAMPLES, BATCH = 200, 5, 1280, 64
TINY = float(np.finfo(np.float32).tiny)


@dataclass
class Report:
    """Measurements at equal distances, and of every step."""

    steps: int
    accuracies: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    kilobytes: list[float] = field(default_factory=list)
    denormals: Counter[str] = field(default_factory=Counter)  # of all steps, by their vector
    not_finite: int = 0
    smallest: float = np.inf

    def drift(self) -> float:
        """Return how far accuracy has fallen at the end below the best seen."""
        return max(self.accuracies) - self.accuracies[-1]

    def growth(self) -> float:
        """Return the growth of memory in KB after the first two tenths, which load and compile.

        The rest are some KB of names, for any number of steps: Python keeps the last few thousand
        names that were looked up in classes.
        """
        return self.kilobytes[-1] - self.kilobytes[1]

    def broken(self) -> list[str]:
        """Return which promises were not kept."""
        kept = {
            "accuracy drifts": self.drift() <= 0.005,
            "memory grows": self.growth() <= 32,
            "denormal numbers": not self.denormals,
            "infinity or NaN": not self.not_finite,
        }
        return [promise for promise, was in kept.items() if not was]

    def __str__(self) -> str:
        places = ", ".join(f"{count} in {name}" for name, count in self.denormals.items())
        return (
            f"{self.steps:,} steps: accuracy {self.accuracies[0]:.4f} to {self.accuracies[-1]:.4f}"
            f" (fell by {self.drift():.4f}), loss {self.losses[0]:.2e} to {self.losses[-1]:.2e}, "
            f"memory grew by {self.growth():.1f} KB, denormal numbers: "
            f"{places or 'none'}, not finite: {self.not_finite}, the smallest {self.smallest:.1e}"
        )


class Watch(lm.Callback):
    """Looks at every weight and moment after every step."""

    def __init__(self, report: Report) -> None:
        self.report = report

    def on_batch_end(self, model: lm.Sequential, batch: int, log: Any) -> None:
        report = self.report
        for name, vector in {"weights": model.built().values, **model.optimizer.state}.items():
            sizes = np.abs(vector)
            sizes[sizes == 0] = np.inf
            smallest = float(sizes.min())
            report.smallest = min(report.smallest, smallest)
            if smallest < TINY:
                report.denormals[name] += int((sizes < TINY).sum())
            report.not_finite += not np.isfinite(vector.sum())


def dim_digits() -> tuple[np.ndarray, np.ndarray]:
    """Return images as MNIST's are where it matters: many pixels are lit rarely, or never."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, CLASSES, SAMPLES)
    chance = rng.uniform(0, 0.6, (CLASSES, PIXELS)) ** 3
    x = (rng.random((SAMPLES, PIXELS)) < chance[y]) * rng.integers(1, 256, (SAMPLES, PIXELS))
    x[:, 180:190] = 0
    x[:, 190:] = 0
    x[np.arange(10), 190 + np.arange(10)] = 255  # each lit in one image only
    return x.astype(np.uint8), y


def watch(optimizer: lm.Optimizer, steps: int, looks: int = 10) -> Report:
    """Train for so many steps, and look at the model ``looks`` times."""
    x, y = dim_digits()
    model = lm.MLP([24, 16], classes=CLASSES, optimizer=optimizer, l2=1e-4, seed=0, backend="numpy")
    report = Report(steps)
    batches = SAMPLES // BATCH
    tracemalloc.start()
    for _ in range(looks):
        model.fit(
            x,
            y,
            epochs=max(1, steps // batches // looks),
            batch_size=BATCH,
            callbacks=[Watch(report)],
            verbose=False,
        )
        scores = model.evaluate(x, y)
        report.accuracies.append(scores["accuracy"])
        report.losses.append(scores["loss"])
        gc.collect()
        report.kilobytes.append(tracemalloc.get_traced_memory()[0] / 1024)
    tracemalloc.stop()
    return report


def optimizers() -> list[lm.Optimizer]:
    """Return one of each kind that keeps something between steps."""
    return [lm.Adam(1e-3), lm.Momentum(0.02), lm.AdamW(1e-3, weight_decay=0.01)]


def main() -> int:
    """Print the measurements; the status is 1 if a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.long_run", description=__doc__)
    parser.add_argument("--steps", type=int, default=20_000)
    args = parser.parse_args()
    bad = 0
    for optimizer in optimizers():
        report = watch(optimizer, args.steps)
        broken = report.broken()
        print(f"{type(optimizer).__name__:<9}{report}: {'; '.join(broken) or 'all kept'}")
        bad += bool(broken)
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
