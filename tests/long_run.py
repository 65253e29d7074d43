"""A long training, watched: does accuracy drift, does memory grow, do numbers become denormal?

python -m tests.long_run --steps 20000
"""

import argparse
import sys
import tracemalloc
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

import lamella as lm

PIXELS, CLASSES, SAMPLES = 200, 5, 1280


@dataclass
class Report:
    """What was seen at equal distances along the way."""

    steps: int
    accuracies: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    kilobytes: list[float] = field(default_factory=list)
    denormals: Counter[str] = field(default_factory=Counter)  # by the vector they are in
    not_finite: int = 0
    smallest: float = np.inf

    def drift(self) -> float:
        """Return how far accuracy has fallen at the end below the best seen."""
        return max(self.accuracies) - self.accuracies[-1]

    def growth(self) -> float:
        """Return the KB of memory more at the end than after the first tenth."""
        return self.kilobytes[-1] - self.kilobytes[0]

    def __str__(self) -> str:
        places = ", ".join(f"{count} in {name}" for name, count in self.denormals.items())
        return (
            f"{self.steps:,} steps: accuracy {self.accuracies[0]:.4f} to {self.accuracies[-1]:.4f}"
            f" (fell by {self.drift():.4f}), loss {self.losses[0]:.2e} to {self.losses[-1]:.2e}, "
            f"memory grew by {self.growth():.1f} KB, denormal numbers: "
            f"{places or 'none'}, not finite: {self.not_finite}, the smallest {self.smallest:.1e}"
        )


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
    batches = SAMPLES // 64
    tracemalloc.start()
    for _ in range(looks):
        model.fit(x, y, epochs=max(1, steps // batches // looks), batch_size=64, verbose=False)
        scores = model.evaluate(x, y)
        report.accuracies.append(scores["accuracy"])
        report.losses.append(scores["loss"])
        report.kilobytes.append(tracemalloc.get_traced_memory()[0] / 1024)
        for name, vector in {"weights": model.built().values, **optimizer.state}.items():
            sizes = np.abs(vector[vector != 0])
            denormal = int((sizes < np.finfo(np.float32).tiny).sum())
            report.denormals.update({name: denormal} if denormal else {})
            report.not_finite += int((~np.isfinite(vector)).sum())
            report.smallest = min(report.smallest, float(sizes.min(initial=np.inf)))
    tracemalloc.stop()
    return report


def optimizers() -> list[lm.Optimizer]:
    """Return one of each kind that keeps something between steps."""
    return [lm.Adam(1e-3), lm.Momentum(0.02), lm.AdamW(1e-3, weight_decay=0.01)]


def main() -> int:
    """Print what was seen; the status is 1 if a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.long_run", description=__doc__)
    parser.add_argument("--steps", type=int, default=20_000)
    args = parser.parse_args()
    bad = 0
    for optimizer in optimizers():
        report = watch(optimizer, args.steps)
        print(f"{type(optimizer).__name__:<9}{report}")
        broken = report.denormals or report.not_finite
        bad += bool(broken or report.drift() > 0.005 or report.growth() > 64)
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
