"""Variance over seeds and test samples, against an analysis of variance by hand."""

import math

import numpy as np
import pytest

from lamella.studies.analysis.samples import seeds_and_samples

pytest.importorskip("scipy")


def test_variances_are_those_of_the_two_way_layout() -> None:
    # Row means 3/4, 1/4; column means 1, 1/2, 1/2, 0; residuals +-1/4 in all eight cells.
    found = seeds_and_samples(np.array([[1, 1, 1, 0], [1, 0, 0, 0]]))
    assert found is not None
    seeds, both = found
    v_seed = 2 * 0.25**2 / 2  # variance of the row means, over 2 seeds
    v_sample = 0.5 / 3 / 4  # sum of squares of the column means, over 3 and 4 samples
    # Residuals: +-1/4 in the columns of mean 0 and 1, else +-1/4 too: 8 / 16 over 3, over 8.
    v_residual = 8 / 16 / 3 / 8
    assert (seeds.mean, both.mean) == (0.5, 0.5)
    assert seeds.error == pytest.approx(math.sqrt(v_seed))
    assert seeds.df == 1
    v = v_seed + v_sample - v_residual
    assert both.error == pytest.approx(math.sqrt(v))
    assert both.df == pytest.approx((v / v_seed) ** 2)


def test_seeds_that_agree_by_chance_have_the_error_of_the_residual() -> None:
    found = seeds_and_samples(1 - np.eye(3, 50))
    assert found is not None
    # Sums of squares: 3 - 9/150 in all, 0 of the seeds and 1 - 9/150 of the samples.
    assert found[0].error == pytest.approx(math.sqrt(2 / (2 * 49) / 150))


def test_seeds_that_agree_on_every_sample_have_no_error() -> None:
    assert seeds_and_samples(np.tile([1, 0, 1, 1], (3, 1))) is None


def test_errors_are_those_of_new_seeds_and_of_new_samples() -> None:
    # A score of seed + sample effects and noise: 400 studies, each with other seeds and samples.
    rng = np.random.default_rng(0)
    means, over_seeds, over_both = [], [], []
    for _ in range(400):
        d = (
            rng.normal(size=(6, 1)) * 0.1
            + rng.normal(size=(1, 50)) * 0.8
            + rng.normal(size=(6, 50)) * 0.5
        )
        found = seeds_and_samples(d)
        assert found is not None
        means.append(d.mean())
        over_seeds.append(found[0].error ** 2)
        over_both.append(found[1].error ** 2)
    true = 0.01 / 6 + 0.64 / 50 + 0.25 / 300
    assert np.var(means) == pytest.approx(true, rel=0.2)
    assert np.mean(over_both) == pytest.approx(true, rel=0.1)
    assert np.mean(over_seeds) == pytest.approx(0.01 / 6 + 0.25 / 300, rel=0.1)
