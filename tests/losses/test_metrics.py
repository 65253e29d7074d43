"""Accuracy, and custom metrics."""

import numpy as np
import pytest

import lamella as lm
from lamella.backend import Backend
from lamella.core.typing import Array
from lamella.losses.metrics import METRICS, get_metrics

SCORES = np.array([[0.1, 0.7, 0.2], [3, 2, 1], [-3, -2, -1], [5, 5, 0]])


class Distance(lm.Metric):
    """A metric as a user writes it."""

    name = "distance"

    def score(self, pred: Array, target: Array) -> Array:
        return abs(pred - target).sum(axis=-1)


def score(metric: lm.Metric, pred: np.ndarray, target: np.ndarray, backend: Backend) -> np.ndarray:
    metric.attach(backend=backend, dtype="float32")
    pred = backend.asarray(pred, "float32")
    return backend.to_host(metric.score(pred, backend.asarray(target)))


@pytest.mark.parametrize("rows", [False, True], ids=["labels", "one-hot rows"])
def test_accuracy_compares_the_largest_output_with_the_class(rows: bool, backend: Backend) -> None:
    target = np.array([1, 1, 2, 0])
    target = np.eye(3, dtype="float32")[target] if rows else target
    got = score(lm.Accuracy(), SCORES, target, backend)
    np.testing.assert_array_equal(got, [1, 0, 1, 1])


def test_accuracy_takes_the_lowest_of_equal_outputs(backend: Backend) -> None:
    got = score(lm.Accuracy(), np.zeros((3, 3)), np.array([0, 1, 2]), backend)
    np.testing.assert_array_equal(got, [1, 0, 0])


@pytest.mark.parametrize("shape", [(-1,), (-1, 1)], ids=["labels", "rows"])
def test_accuracy_takes_a_single_output_over_one_half_as_yes(
    shape: tuple[int, ...], backend: Backend
) -> None:
    pred = np.array([[0.51], [0.5], [0.9], [0.1]])
    got = score(lm.Accuracy(), pred, np.array([1, 1, 0, 0]).reshape(shape), backend)
    np.testing.assert_array_equal(got, [1, 0, 0, 1])


def test_accuracy_of_a_short_batch_after_a_long_one_is_its_own(backend: Backend) -> None:
    metric = lm.Accuracy()
    score(metric, SCORES, np.array([1, 0, 2, 0]), backend)
    got = score(metric, SCORES[:2], np.array([0, 0]), backend)
    np.testing.assert_array_equal(got, [0, 1])


def test_evaluate_counts_samples_over_all_batches(
    backend: Backend, rng: np.random.Generator
) -> None:
    x, y = rng.normal(size=(23, 4)), rng.integers(0, 3, 23)
    model = lm.Sequential([lm.Dense(3)], seed=3, backend=backend)
    model.compile(lm.SoftmaxCrossEntropy(), lm.SGD(0.1), metrics=["accuracy"], in_shape=(4,))
    expected = (model.predict(x).argmax(axis=1) == y).mean()
    assert 0 < expected < 1
    for batch_size in (23, 5, 1):
        got = model.evaluate(x, y, batch_size=batch_size)["accuracy"]
        np.testing.assert_allclose(got, expected, rtol=1e-12)


def test_custom_metric_is_averaged_over_samples(backend: Backend, rng: np.random.Generator) -> None:
    x, y = rng.normal(size=(7, 4)), rng.normal(size=(7, 3))
    model = lm.Sequential([lm.Dense(3)], seed=3, backend=backend)
    model.compile(lm.MeanSquaredError(), lm.SGD(1e-9), metrics=[Distance()], in_shape=(4,))
    expected = abs(model.predict(x) - y).sum(axis=1).mean()
    np.testing.assert_allclose(model.evaluate(x, y, batch_size=3)["distance"], expected, rtol=1e-6)
    history = model.fit(x, y, epochs=1, batch_size=3, validation_data=(x, y), verbose=False)
    np.testing.assert_allclose(history["distance"], [expected], rtol=1e-5)
    np.testing.assert_allclose(history["val_distance"], [expected], rtol=1e-5)


def test_metrics_are_found_by_name() -> None:
    for name, kind in METRICS.items():
        (found,) = get_metrics([name])
        assert type(found) is kind
        assert found.name == name


def test_metric_objects_pass_as_they_are() -> None:
    own = Distance()
    assert get_metrics(["accuracy", own])[1] is own


@pytest.mark.parametrize(
    ("metrics", "text"),
    [
        ("accuracy", r"metrics must be a list, such as \['accuracy'\]"),
        (lm.Accuracy(), r"metrics must be a list, such as \[Accuracy\(\)\]"),
        (lm.Accuracy, "metrics must be a list"),
        (None, r'metrics must be a list, such as \["accuracy"\]; got None'),
        (["acuracy"], "got 'acuracy': did you mean 'accuracy'"),
        (["precision"], "metric must be one of accuracy; got 'precision'"),
        ([lm.Accuracy], r"got the class Accuracy: add \(\)"),
        ([3], r"metric must be a Metric such as Accuracy\(\), got 3"),
    ],
)
def test_wrong_metrics_are_refused(metrics: object, text: str) -> None:
    with pytest.raises(lm.LamellaError, match=text):
        get_metrics(metrics)
