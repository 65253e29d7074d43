"""EpochLog: means over samples and weights, and an epoch resumed in its middle."""

from typing import Any

import numpy as np
import pytest

from lamella.backend import Backend
from lamella.training.epoch_log import EpochLog
from tests.networks import small_classifier

SIZES = np.array([4, 4, 2])
LOSSES = [1.0, 2.0, 6.0]
SCORES = [[1, 0, 1, 1], [0, 0, 1, 0], [1, 1]]


def append(log: EpochLog, backend: Backend, batch: int, weight: Any = None) -> None:
    loss, scores = np.full(1, LOSSES[batch], "f4"), np.array(SCORES[batch], "f4")
    if weight is not None:
        weight = backend.asarray(np.array(weight, "f4"))
    log.append(backend.asarray(loss)[0, ...], [backend.asarray(scores)], weight)


def appended(backend: Backend, batches: int) -> EpochLog:
    """Return the log of the first batches of an epoch."""
    log = EpochLog(small_classifier(backend).build((6,)), SIZES)
    for batch in range(batches):
        append(log, backend, batch)
    return log


def test_means_count_each_sample_once(backend: Backend) -> None:
    assert appended(backend, 2).means() == {"loss": 1.5, "accuracy": 4 / 8}
    means = appended(backend, 3).means()
    assert means == pytest.approx({"loss": (4 + 8 + 12) / 10, "accuracy": 6 / 10})


def test_weights_decide_the_mean_loss_and_the_scores(backend: Backend) -> None:
    weights = [[1.0, 0, 2, 0], [0.5, 0.5, 0, 1], [3, 1]]
    log = EpochLog(small_classifier(backend).build((6,)), np.array([sum(w) for w in weights]))
    for batch, weight in enumerate(weights):
        append(log, backend, batch, weight)
    flat, right = np.concatenate(weights), np.concatenate(SCORES)
    expected = {"loss": (3 + 4 + 24) / 9, "accuracy": np.average(right, weights=flat)}
    assert log.means() == pytest.approx(expected, rel=1e-12)


def test_batches_without_weight_count_nothing(backend: Backend) -> None:
    log = EpochLog(small_classifier(backend).build((6,)), np.array([0.0, 4.0]))
    log.count()
    assert log.means() == {"loss": 0, "accuracy": 0}
    append(log, backend, 0)
    assert log.means() == {"loss": 1, "accuracy": 0.75}
    assert log.losses().tolist() == [0, 1]


def test_last_and_losses_are_those_of_the_batches_so_far(backend: Backend) -> None:
    log = appended(backend, 2)
    assert log.losses().tolist() == [1, 2]
    assert (float(log.last()), float(log.last("accuracy"))) == (2, 1)


def test_restored_log_goes_on_as_the_first(backend: Backend) -> None:
    log, resumed = appended(backend, 2), appended(backend, 0)
    resumed.restore(log.rows(), seconds=1000.0)
    assert resumed.done == 2
    assert resumed.seconds() >= 1000
    assert resumed.means() == log.means()
    append(resumed, backend, 2)
    np.testing.assert_array_equal(resumed.rows(), appended(backend, 3).rows())
