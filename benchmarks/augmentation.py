"""Measure the cost of augmentation in an epoch, and draw distorted digits.

    python -m benchmarks.augmentation               # 784-256-30-10, batches of 64
    python -m benchmarks.augmentation --picture docs/images/augmentation.png

Epochs of 3,200 images take turns, on one thread. The output shows the least processor time of many
rounds, since a disturbance only makes a round longer.
"""

import argparse
import time

import numpy as np

import lamella as lm
from lamella.backend.threads import single_threaded
from lamella.network.batches import Data

SAMPLES, ROUNDS = 3200, 100
MAP = {"shift": 2, "rotate": 10, "scale": 0.1, "shear": 10}
KINDS = {
    "none": None,
    "shift, rotate, scale, shear": lm.Augment(**MAP),
    "the same, elastic": lm.Augment(**MAP, elastic=1),
    "the same, thickness": lm.Augment(**MAP, elastic=1, thickness=0.5),
    "the same, noise": lm.Augment(**MAP, elastic=1, thickness=0.5, noise=0.1),
}
ROWS = {
    "as they are": {},
    "shift=3": {"shift": 3},
    "rotate=25": {"rotate": 25},
    "scale=0.3": {"scale": 0.3},
    "shear=25": {"shear": 25},
    "elastic=1.5": {"elastic": 1.5},
    "thickness=1": {"thickness": 1},
    "noise=0.2": {"noise": 0.2},
    "mnist_993.py": {"shift": 1, "rotate": 12, "scale": 0.12, "shear": 10, "elastic": 1},
}


def measure() -> None:
    """Print a table of processor seconds for an epoch of 60,000 images."""
    train, _ = lm.datasets.mnist()
    x, y = train.x[:SAMPLES], train.y[:SAMPLES]
    models = {name: lm.MLP([256, 30], seed=2023, backend="numpy") for name in KINDS}
    best = dict.fromkeys(KINDS, float("inf"))
    for _ in range(ROUNDS):
        for name, augment in KINDS.items():
            began = time.process_time()
            models[name].fit(x, y, epochs=1, augment=augment, verbose=False, check=False)
            best[name] = min(best[name], time.process_time() - began)
    print("| augmentation | seconds per epoch | more than without |\n|---|---|---|")
    for name, seconds in best.items():
        more = f"{seconds / best['none'] - 1:.0%}" if name != "none" else ""
        print(f"| {name} | {seconds * 60_000 / SAMPLES:.2f} | {more} |")


def draw(path: str) -> None:
    """Draw ten digits with each kind of distortion."""
    import matplotlib.pyplot as plt

    train, _ = lm.datasets.mnist()
    x = np.stack([train.x[np.flatnonzero(train.y == k)[3]] for k in range(10)]) / np.float32(255)
    model = lm.MLP([], seed=0, backend="numpy")
    figure, axes = plt.subplots(len(ROWS), 1, figsize=(6.2, 5.2))
    for axis, (name, options) in zip(axes, ROWS.items(), strict=True):
        images = x.copy()
        lm.Augment(**options).for_epoch(model, Data(x, x), np.arange(10), 0)(images, np.arange(10))
        axis.imshow(np.hstack(images), cmap="gray_r", vmin=0, vmax=1)
        axis.set(xticks=[], yticks=[])
        axis.set_ylabel(name, rotation=0, ha="right", va="center", family="monospace")
        axis.spines[:].set_visible(False)
    figure.savefig(path, dpi=100, bbox_inches="tight")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--picture", help="file to draw distorted digits to, instead of measuring")
    picture = parser.parse_args().picture
    with single_threaded():
        draw(picture) if picture else measure()
