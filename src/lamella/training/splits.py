"""Splits of a data set into training and held-out rows."""

import numpy as np

from lamella.core.errors import DataError
from lamella.core.seeds import Streams
from lamella.losses.labels import as_labels


def split_rows(y: np.ndarray, fraction: float, streams: Streams) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows to train on and the rows held out, both in ascending order.

    Targets ``y`` that are integer labels (N,) or one-hot rows are split by class (stratified), to
    within a sample; each class keeps at least one for training. ``fraction``, in [0, 1), is held
    out; the stream "split" draws these rows. Raise a DataError if it holds out no sample.
    """
    everything = np.arange(len(y))
    if fraction == 0:
        return everything, everything[:0]
    rng = streams.generator("split")
    groups = [everything]
    labels = as_labels(y)
    if labels is not None:
        groups = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    held = [
        rng.permutation(group)[:size]
        for group, size in zip(groups, _quotas([len(g) for g in groups], fraction), strict=True)
    ]
    held_out = np.sort(np.concatenate(held))
    if len(held_out) == 0:
        remedy = "use a larger fraction"
        if len(groups) == len(y):  # each group keeps a sample for training
            remedy = "no fraction can, because training keeps one sample of each class"
        raise DataError(f"a fraction of {fraction:g} of {len(y)} samples holds out none: {remedy}")
    mask = np.ones(len(y), bool)
    mask[held_out] = False
    return everything[mask], held_out


def _quotas(counts: list[int], fraction: float) -> list[int]:
    """Return the number to hold out of each group, rounded by largest remainder."""
    wanted = fraction * np.array(counts)
    quotas = np.floor(wanted)
    missing = round(fraction * sum(counts)) - int(quotas.sum())
    quotas[np.argsort(quotas - wanted, kind="stable")[:missing]] += 1
    return [int(min(quota, count - 1)) for quota, count in zip(quotas, counts, strict=True)]
