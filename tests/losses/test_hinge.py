"""Hinge: known margins, kinks, the targets that it takes, and the models that it trains."""

from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.backend import Backend
from lamella.core.errors import LamellaError, UsageError
from tests.losses.test_base import bound, compute

FLOAT32 = np.dtype("float32")


def test_margins_of_known_scores(backend: Backend) -> None:
    scores = np.array([[2.0, 0.5, 1.5], [0.0, 3.0, 1.0]])
    got = compute(bound(lm.Hinge(), backend), scores, np.array([[1.0, 0, 0], [0, 0, 1]]))
    # Class 2 comes within 0.5 of class 0; classes 0 and 1 score -1 and 2 more than class 2.
    assert got.loss == pytest.approx((0.5 / 3 + (0 + 3) / 3) / 2)
    np.testing.assert_allclose(got.gradient, np.array([[-1, 0, 1], [0, 1, -1]]) / 6, rtol=1e-12)


def test_a_margin_of_exactly_1_is_enough(backend: Backend) -> None:
    got = compute(bound(lm.Hinge(), backend), np.array([[1.0, 0.0]]), np.array([[1.0, 0.0]]))
    assert got.loss == 0
    np.testing.assert_array_equal(got.gradient, [[0, 0]])


def test_labels_and_one_hot_rows_are_the_same_targets() -> None:
    labels = np.array([2, 0, 1])
    rows = lm.Hinge().check_targets(labels, (3,), FLOAT32)
    np.testing.assert_array_equal(rows, np.eye(3)[labels])
    assert rows.dtype == FLOAT32
    again = lm.Hinge().check_targets(np.eye(3, dtype=int)[labels], (3,), FLOAT32)
    np.testing.assert_array_equal(again, rows)


@pytest.mark.parametrize(
    ("target", "out_shape", "text"),
    [
        (np.array([0, 1]), (1,), "at least 2 class scores"),
        (np.array([[0, 1]]), (2, 2), "at least 2 class scores"),
        (np.array([0, 3]), (3,), r"labels must be in 0\.\.2"),
        (np.array([-1, 1]), (2,), r"labels must be in 0\.\.1"),
        (np.array([0.0, 1.5]), (3,), "labels must be integers"),
        (np.array([[1, 1, 0]]), (3,), "one label a sample"),
        (np.array([[0.9, 0.1]]), (2,), "one label a sample"),
        (np.array([[1, 0]]), (3,), "must have 3 columns"),
    ],
)
def test_other_targets_are_refused(target: Any, out_shape: tuple[int, ...], text: str) -> None:
    with pytest.raises(LamellaError, match=text):
        lm.Hinge().check_targets(target, out_shape, FLOAT32)


def test_trained_scores_give_classes_and_an_order_of_confidence(rng: np.random.Generator) -> None:
    x = rng.normal(size=(90, 2)).astype("f4")
    y = (x @ [[1.0, 0, -1], [0, 1, -1]]).argmax(axis=1)
    model = lm.Sequential([lm.Dense(3)], seed=1, backend="numpy")
    model.compile(lm.Hinge(), lm.Momentum(0.1), ["accuracy"])
    model.fit(x, y, epochs=40, batch_size=16, verbose=False)
    assert model.evaluate(x, y)["accuracy"] > 0.95
    assert (model.predict_classes(x) == y).mean() > 0.95
    scores, p = model.predict(x).astype(float), model.predict_proba(x)
    expected = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(p, expected, rtol=1e-5)


def test_probabilities_before_it_are_refused() -> None:
    with pytest.raises(UsageError, match="takes logits, but the last layer is Softmax"):
        lm.Sequential([lm.Dense(3), lm.Softmax()]).compile(lm.Hinge(), lm.SGD(0.1))
