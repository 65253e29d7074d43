"""Custom metrics: averaged over samples and weights, with several numbers a sample."""

from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.backend import Backend
from lamella.core.typing import Array, Shape
from tests.losses.metrics.scoring import scores
from tests.losses.metrics.test_lookup import Distance


class F1(lm.Metric):
    """The F1 score of single answers: a ratio of sums over the epoch."""

    name = "f1"
    higher_is_better = True

    def score_shape(self, out_shape: Shape) -> Shape:
        return (3,)

    def score(self, pred: Array, target: Array) -> Array:
        yes, wanted = pred[:, 0] > self.threshold, target[:, 0] > 0.5
        return self.xp.stack([yes & wanted, yes, wanted], axis=1)

    def result(self, means: np.ndarray) -> float:
        both, yes, wanted = means
        return float(2 * both / (yes + wanted))


def test_scores_count_samples_over_all_batches(backend: Backend, rng: np.random.Generator) -> None:
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


@pytest.mark.parametrize("weighted", [False, True])
def test_score_of_several_sums_is_that_of_the_epoch(backend: Backend, weighted: bool) -> None:
    rng = np.random.default_rng(6)
    pred, target, w = rng.random((40, 1)), rng.integers(0, 2, (40, 1)), rng.random(40)
    w = w if weighted else np.ones(40)
    yes, wanted = pred[:, 0] > 0.5, target[:, 0] == 1
    expected = 2 * w @ (yes & wanted) / (w @ yes + w @ wanted)
    options: dict[str, Any] = {"weight": w} if weighted else {}
    got = scores(pred, target * 1.0, [F1()], lm.BinaryCrossEntropy(), backend, **options)
    assert got == {"f1": pytest.approx(expected, rel=1e-12)}
