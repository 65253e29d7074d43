"""Holding out a share of a data set."""

import numpy as np

from lamella.errors import DataError
from lamella.losses.labels import is_integer


def split_rows(
    y: np.ndarray, share: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows to train on and the rows held out, both in ascending order.

    Parameters
    ----------
    y : ndarray
        Targets. If they are integer labels (N,), every class is split alike, to the nearest
        sample; a class that has samples keeps at least one for training.
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
    if y.ndim == 1 and is_integer(y):
        groups = [np.flatnonzero(y == label) for label in np.unique(y)]
    held = [
        rng.permutation(group)[: min(round(share * len(group)), len(group) - 1)] for group in groups
    ]
    held_out = np.sort(np.concatenate(held))
    if len(held_out) == 0:
        raise DataError(
            f"a share of {share:g} of {len(y)} samples holds out none: take a larger share"
        )
    mask = np.ones(len(y), bool)
    mask[held_out] = False
    return everything[mask], held_out
