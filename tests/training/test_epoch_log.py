"""EpochLog: means over samples and weights, and an epoch resumed in its middle."""

import numpy as np
import pytest

from lamella.backend import Backend
from lamella.training.epoch_log import EpochLog
from tests.networks import small_classifier

SIZES = np.array([4, 4, 2])
LOSSES = [1.0, 2.0, 6.0]
SCORES = [[1, 0, 1, 1], [0, 0, 1, 0], [1, 1]]


def append(log: EpochLog, backend: Backend, batch: int) -> None:
    loss, scores = np.full(1, LOSSES[batch], "f4"), np.array(SCORES[batch], "f4")
    log.append(backend.asarray(loss)[0, ...], [backend.asarray(scores)])


def appended(backend: Backend, batches: int) -> EpochLog:
    """Return the log of the first batches of an epoch."""
    log = EpochLog(small_classifier(backend), SIZES)
    for batch in range(batches):
        append(log, backend, batch)
    return log


def test_means_count_each_sample_once(backend: Backend) -> None:
    assert appended(backend, 2).means() == {"loss": 1.5, "accuracy": 4 / 8}
    means = appended(backend, 3).means()
    assert means == pytest.approx({"loss": (4 + 8 + 12) / 10, "accuracy": 6 / 10})


def test_weights_decide_the_mean_loss_but_not_the_accuracy(backend: Backend) -> None:
    log = appended(backend, 3)
    log.weights[:] = [0, 1, 3]
    assert log.means() == pytest.approx({"loss": (2 + 18) / 4, "accuracy": 6 / 10})
    log.weights[:] = 0
    assert log.means()["loss"] == 0


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
