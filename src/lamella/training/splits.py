"""Holding out a share of a data set."""

from __future__ import annotations  # numpy.random is imported only when it is used

import numpy as np

from lamella.core.errors import DataError
from lamella.losses.labels import is_integer


def split_rows(
    y: np.ndarray, share: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows to train on and the rows held out, both in ascending order.

    Parameters
    ----------
    y : ndarray
        Targets. If they are integer labels (N,) or one-hot rows, every class is split alike, to
        within a sample; a class keeps at least one for training.
    share : float
        Share held out, in [0, 1).
    rng : numpy Generator
        Decides which.

    Raises
    ------
    DataError
        If the share holds out nothing or leaves nothing.
    """
    everything = np.arange(len(y))
    if share == 0:
        return everything, everything[:0]
    groups = [everything]
    labels = y.argmax(axis=1) if _is_one_hot(y) else y
    if labels.ndim == 1 and is_integer(labels):
        groups = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    held = [
        rng.permutation(group)[:size]
        for group, size in zip(groups, _quotas([len(g) for g in groups], share), strict=True)
    ]
    held_out = np.sort(np.concatenate(held))
    if len(held_out) == 0:
        raise DataError(
            f"a share of {share:g} of {len(y)} samples holds out none: take a larger share"
        )
    mask = np.ones(len(y), bool)
    mask[held_out] = False
    return everything[mask], held_out


def _is_one_hot(y: np.ndarray) -> bool:
    if y.ndim != 2 or y.shape[1] < 2 or np.count_nonzero(y) != len(y):
        return False
    return bool((y.max(axis=1) == 1).all())


def _quotas(counts: list[int], share: float) -> list[int]:
    """Return how many to hold out of each group, by largest remainder: the total is exact."""
    wanted = share * np.array(counts)
    quotas = np.floor(wanted)
    missing = round(share * sum(counts)) - int(quotas.sum())
    quotas[np.argsort(quotas - wanted, kind="stable")[:missing]] += 1
    return [int(min(quota, count - 1)) for quota, count in zip(quotas, counts, strict=True)]
