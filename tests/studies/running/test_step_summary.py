"""Step losses in brief: exact numbers, and means of any number of parts."""

from itertools import pairwise

import numpy as np
import pytest

from lamella.studies.running.step_summary import summarize


def losses(count: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(0.5, 1.5, count).astype(np.float32)


def test_jitter_is_the_deviation_in_the_last_epoch() -> None:
    steps = losses(300)
    assert summarize(steps, 100).jitter == np.std(steps[200:].astype(float))


@pytest.mark.parametrize("parts", [1, 4, 10, 20])
def test_means_of_equal_parts_are_exact(parts: int) -> None:
    steps = losses(300)
    expected = steps.reshape(3 * parts, -1).mean(axis=1)
    np.testing.assert_allclose(summarize(steps, 100).means(parts), expected, rtol=1e-5)


def test_means_of_other_parts_keep_the_mean_of_each_epoch() -> None:
    steps = losses(300)
    found = summarize(steps, 100).means(3)
    assert len(found) == 9
    expected = steps.reshape(3, 100).mean(axis=1)
    np.testing.assert_allclose(found.reshape(3, 3).mean(axis=1), expected, rtol=1e-5)


def test_short_epochs_keep_every_step() -> None:
    steps = losses(21)
    np.testing.assert_array_equal(summarize(steps, 7).curve, steps)


def test_uneven_parts_are_those_of_the_steps() -> None:
    steps = losses(86)
    found = summarize(steps, 43)
    assert len(found.curve) == 40
    edges = np.round(np.arange(41) * 43 / 20).astype(int)
    expected = [steps[a:b].mean() for a, b in pairwise(edges)]
    np.testing.assert_allclose(found.curve, expected, rtol=1e-6)


def test_means_end_where_the_loss_is_not_finite() -> None:
    steps = losses(300)
    steps[250] = np.inf
    found = summarize(steps, 100)
    assert len(found.means(20)) == 50
    assert len(found.means(2)) == 5
    assert np.isfinite(found.means(2)).all()


def test_no_steps_have_no_curve() -> None:
    found = summarize(losses(0), 0)
    assert np.isnan(found.jitter)
    assert len(found.means(4)) == 0
