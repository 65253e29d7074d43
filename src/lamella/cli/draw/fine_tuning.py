"""Fine-tuning: a few epochs on one's own digits, mixed with MNIST's against forgetting."""

import copy

import numpy as np

from lamella.datasets import Samples
from lamella.models.sequential import Sequential
from lamella.optimizers import Adam

RATE, EPOCHS = 5e-4, 3
MNIST_SAMPLES = 5000
MOST_COPIES, MOST_SAMPLES = 25, 2500  # of each own digit, and of all together


def fine_tuned(model: Sequential, own: Samples, mnist: Samples) -> Sequential:
    """Return a copy of a model that was trained further, with Adam.

    Each own digit occurs up to 25 times among 5,000 random digits of MNIST, less often if there are
    more than 100.
    """
    tuned = copy.deepcopy(model)
    tuned.compile(tuned.loss, Adam(RATE), metrics=["accuracy"])
    rows = np.random.default_rng(0).choice(len(mnist.y), MNIST_SAMPLES, replace=False)
    copies = min(MOST_COPIES, max(1, MOST_SAMPLES // len(own.y)))
    x = np.concatenate([mnist.x[rows], *[own.x] * copies])
    y = np.concatenate([mnist.y[rows], *[own.y] * copies])
    tuned.fit(x, y, epochs=EPOCHS, verbose=False, check=False)
    return tuned


def scores(
    before: Sequential, after: Sequential, sets: dict[str, Samples | None]
) -> list[tuple[str, int, float, float]]:
    """Return name, size and accuracies before and after for each set that is not None."""

    def accuracy(model: Sequential, part: Samples) -> float:
        return float((model.predict_classes(part.x) == part.y).mean())

    return [
        (name, len(part.y), accuracy(before, part), accuracy(after, part))
        for name, part in sets.items()
        if part is not None
    ]
