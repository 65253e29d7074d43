"""Contestants that need nothing but numpy: they do the same work, in their ways."""

import numpy as np
import pytest

from benchmarks.peers.contestant import Contestant, Material
from benchmarks.peers.tasks import LEARNING_RATES, Task
from benchmarks.peers.with_lamella import Lamella, build, start_weights
from benchmarks.peers.with_numpy import Numpy
from benchmarks.peers.with_report import Report
from lamella.backend import numba as compiled

SAMPLES = 80  # five batches


def material(task: Task) -> Material:
    """Return few images of noise in which the label is a bright row."""
    rng = np.random.default_rng(5)
    labels = rng.integers(10, size=SAMPLES)
    images = rng.integers(100, size=(SAMPLES, 28, 28), dtype=np.uint8)
    images[np.arange(SAMPLES), labels + 9] += 150
    return Material(
        task=task,
        weights=start_weights(build(task)),
        images=images,
        labels=labels,
        test_images=images[::-1].copy(),
        test_labels=labels[::-1].copy(),
        threads=1,
    )


def trained(contestant: Contestant, task: Task) -> Contestant:
    key = build(task).streams.key("shuffle", 0)
    contestant.train(SAMPLES, 0, key)
    return contestant


@pytest.mark.parametrize("rule", LEARNING_RATES)
@pytest.mark.parametrize("sizes", [(784, 10), (784, 12, 11, 10)])
def test_contestants_have_the_same_loss_after_an_epoch(rule: str, sizes: tuple[int, ...]) -> None:
    task = Task(sizes, 16, rule)
    before = Numpy(material(task)).loss(SAMPLES)
    losses = [trained(way(material(task)), task).loss(SAMPLES) for way in (Numpy, Report, Lamella)]
    assert losses[0] < 0.99 * before
    np.testing.assert_allclose(losses[1:], losses[0], rtol=1e-4)


def test_contestants_predict_the_same_classes() -> None:
    task = Task((784, 12, 10), 16, "momentum")
    classes = [
        trained(way(material(task)), task).predict(SAMPLES) for way in (Numpy, Report, Lamella)
    ]
    assert len(set(classes[0])) > 3
    np.testing.assert_array_equal(classes[1], classes[0])
    np.testing.assert_array_equal(classes[2], classes[0])


def test_report_computes_in_float64() -> None:
    task = Task((784, 12, 10), 16)
    report = trained(Report(material(task)), task)
    assert isinstance(report, Report)
    assert {array.dtype for array in report.W + report.b + report.m} == {np.dtype("f8")}


def test_report_takes_no_part_where_its_outer_products_fill_the_memory() -> None:
    with pytest.raises(SystemExit, match=r"2\.0 GB"):
        Report(material(Task((784, 5096, 10), 64)))


def test_lamella_shows_the_threads_of_numpys_products_and_has_own_ones_with_numba() -> None:
    task = Task((784, 12, 10), 16)
    contestant = Lamella(material(task))
    assert contestant.pools_at_work == ()
    seen = {pool["user_api"] for pool in trained(contestant, task).pools_at_work}
    assert ("blas" in seen) is not compiled.has_products()
