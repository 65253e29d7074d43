"""Seeded splits of a data set."""

from typing import Any

import numpy as np

from lamella.core.seeds import Streams
from lamella.core.validation import in_range, positive
from lamella.datasets.mnist import Samples
from lamella.network.batches import check_targets
from lamella.training.splits import split_rows


def train_test_split(
    x: Any, y: Any, *, test: float = 0.2, seed: int = 0
) -> tuple[Samples, Samples]:
    """Split samples in two at random; of each class alike, if ``y`` are integer labels.

    Parameters
    ----------
    x, y : array
        N samples and their targets.
    test : float
        Share of the second part, in (0, 1).
    seed : int
        Decides which samples; the same seed gives the same parts.

    Returns
    -------
    train, test : Samples
        In the order of ``x``.
    """
    x = np.asarray(x)
    y = check_targets(y, len(x))
    share = in_range("test", positive("test", test), 0, 1, right_open=True)
    kept, held = split_rows(y, share, Streams(seed).generator("split"))
    return Samples(x[kept], y[kept]), Samples(x[held], y[held])
