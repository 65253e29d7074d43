"""Seeded train-test splits."""

from typing import Any

import numpy as np

from lamella.core.seeds import Streams
from lamella.core.signatures import known_arguments
from lamella.core.validation import expect_unmasked, in_range, positive
from lamella.datasets.samples import Samples
from lamella.network.batches import check_targets
from lamella.training.splits import split_rows


@known_arguments
def train_test_split(
    x: Any, y: Any, *, test: float = 0.2, seed: int = 0
) -> tuple[Samples, Samples]:
    """Split samples at random into two sets, stratified by class if ``y`` are integer labels.

    Parameters
    ----------
    x, y : array
        N samples and their targets.
    test : float
        Fraction of samples in the test set, in (0, 1).
    seed : int
        The same seed gives the same split.

    Returns
    -------
    train, test : Samples
        In the order of ``x``.
    """
    expect_unmasked("x", x)
    x = np.asarray(x)
    y = check_targets(y, len(x))
    fraction = in_range("test", positive("test", test), 0, 1, right_open=True)
    train, held_out = split_rows(y, fraction, Streams(seed))
    return Samples(x[train], y[train]), Samples(x[held_out], y[held_out])
