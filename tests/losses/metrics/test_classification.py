"""Accuracy of classes, and classes among the k largest outputs."""

from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.backend import Backend
from lamella.core.errors import ArgumentError, DataError
from tests.losses.metrics.scoring import scores

SCORES = np.array([[0.1, 0.7, 0.2], [3, 2, 1], [-3, -2, -1], [5, 5, 0]])


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


@pytest.mark.parametrize("loss", [lm.MeanSquaredError, lm.BinaryCrossEntropy])
def test_one_hot_rows_and_rows_of_probabilities_are_classes(loss: type[lm.Loss]) -> None:
    pred = [[0.6, 0.4, 0.1], [0.1, 0.2, 0.3], [0.9, 0.8, 0.7]]
    for target in (np.eye(3)[[0, 1, 0]], [[0.5, 0.3, 0.2], [0.1, 0.8, 0.1], [0.7, 0.2, 0.1]]):
        got = scores(pred, target, ["accuracy"], loss())
        assert got == {"accuracy": pytest.approx(2 / 3)}


def test_one_sample_with_several_labels_makes_all_later_outputs_answers() -> None:
    model = lm.Sequential([lm.Dense(3), lm.Sigmoid()], seed=0, backend="numpy")
    model.compile(lm.BinaryCrossEntropy(), lm.SGD(0.1), ["accuracy"], in_shape=(3,))
    model.layers[0].W.value, model.layers[0].b.value = 9 * np.eye(3), -4.0
    several = np.array([[1.0, 1, 0], [0, 0, 1], [0, 0, 0]])
    options: dict[str, Any] = {"epochs": 1, "verbose": False, "check": False}
    model.optimizer.lr = 1e-9
    history = model.fit(
        several, several, validation_data=(np.eye(3), np.eye(3)[[1, 1, 2]]), **options
    )
    assert history["accuracy"] == [1.0]
    # As classes, 2 of 3 are right, of the answers 7 of 9.
    assert history["val_accuracy"] == [pytest.approx(7 / 9)]


@pytest.mark.parametrize("name", ["accuracy", "top_2"])
def test_regression_has_no_classes(name: str) -> None:
    fitting = "metrics that take these targets are 'r2', 'mae', 'rmse'"
    with pytest.raises(DataError, match=f"^{name} takes .*classes.*: {fitting}$"):
        scores([[1.0], [2.0]], [[0.5], [3.0]], [name], lm.MeanSquaredError())


def test_top_k_counts_classes_among_the_k_largest(backend: Backend) -> None:
    rng = np.random.default_rng(2)
    pred, labels, w = rng.random((50, 6)), rng.integers(0, 6, 50), rng.random(50)
    rank = (pred > pred[np.arange(50), labels][:, None]).sum(axis=1)
    metrics: list[str | lm.Metric] = ["top_1", lm.TopK(2), "top_5", "accuracy"]
    got = scores(pred, labels, metrics, lm.SoftmaxCrossEntropy(), backend)
    assert got == pytest.approx(
        {f"top_{k}": (rank < k).mean() for k in (1, 2, 5)} | {"accuracy": (rank == 0).mean()}
    )
    again = scores(pred, np.eye(6)[labels], ["top_2"], lm.MeanSquaredError(), backend, w)
    assert again == pytest.approx({"top_2": np.average(rank < 2, weights=w)})


def test_top_k_of_equal_outputs_takes_the_lower_and_never_nan(backend: Backend) -> None:
    equal = score(lm.TopK(2), np.ones((3, 3)), np.arange(3), backend)
    np.testing.assert_array_equal(equal, [1, 1, 0])
    nan = score(lm.TopK(2), np.full((3, 3), np.nan), np.arange(3), backend)
    np.testing.assert_array_equal(nan, [0, 0, 0])


def test_top_k_of_torch() -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(5)
    pred, labels = rng.standard_normal((40, 7)), rng.integers(0, 7, 40)
    best = torch.topk(torch.tensor(pred), 3).indices.numpy()
    expected = (best == labels[:, None]).any(axis=1).mean()
    assert scores(pred, labels, ["top_3"], lm.SoftmaxCrossEntropy())["top_3"] == expected


def test_top_k_of_all_classes_is_refused() -> None:
    with pytest.raises(DataError, match="top_3 needs more than 3 classes, the model has 3"):
        scores(SCORES, [0, 1, 2, 0], ["top_3"], lm.SoftmaxCrossEntropy())
    with pytest.raises(ArgumentError, match="k must be a whole number of at least 1, got 0"):
        lm.TopK(0)
