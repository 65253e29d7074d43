"""Rank tests, against scipy and enumeration."""

import math
from itertools import product

import numpy as np
import pytest

from lamella.studies.analysis.ranks import all_or_none, signed_rank

INF = math.inf


def test_signed_rank_is_wilcoxons_exact_test() -> None:
    stats = pytest.importorskip("scipy.stats")
    for seed in range(20):
        d = np.random.default_rng(seed).normal(0.5, 1, 9)
        p, _ = signed_rank(d)
        assert p == pytest.approx(stats.wilcoxon(d, method="exact").pvalue, rel=1e-9)


@pytest.mark.parametrize(
    "d",
    [
        [1, 1, 2, -1, 3],
        [INF, -INF, 0.5, 0.2, INF, INF],
        [-INF, -INF, -INF, 1, 1, 2, 2],
    ],
)
def test_ties_and_infinities_are_exact_by_enumeration(d: list[float]) -> None:
    size = np.abs(d)
    ranks = [(size < s).sum() + ((size == s).sum() + 1) / 2 for s in size]
    sums = [sum(np.multiply(signs, ranks)) for signs in product((1, -1), repeat=len(d))]
    seen = sum(np.multiply(np.sign(d), ranks))
    p, direction = signed_rank(np.array(d))
    assert p == pytest.approx(np.mean(np.abs(sums) >= abs(seen)))
    assert direction == np.sign(seen)


def test_zeros_are_left_out() -> None:
    assert signed_rank(np.array([0.0, 1, 2, 0, 4, 8, 9, 7])) == (2 / 2**6, 1)
    assert signed_rank(np.zeros(3)) == (1.0, 0)


def test_all_or_none_bounds_what_equal_arms_do() -> None:
    rng = np.random.default_rng(0)
    for q in (0.3, 0.5, 0.7):
        fails = rng.random((100_000, 2, 3)) < q
        apart = (fails.all(axis=2).any(axis=1) & ~fails.any(axis=2).all(axis=1)) & (
            (~fails).all(axis=2).any(axis=1)
        )
        assert apart.mean() <= all_or_none(3) + 0.002
    assert apart.mean() > 0
