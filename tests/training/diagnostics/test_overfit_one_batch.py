"""Overfitting one batch: it ends when the batch is learned or a number is not finite."""

import numpy as np
import pytest

import lamella as lm
from lamella.network.prepare import prepare
from lamella.training.diagnostics.overfit_one_batch import attempt, constant_loss, least_loss
from tests.data import clouds
from tests.training.diagnostics.examples import Dividing, relu_network


def test_first_nan_is_placed_in_layer_and_step() -> None:
    report = relu_network(Dividing()).doctor(*clouds(300))
    assert report.attempt.first_nan == "the outputs of layer 1 Dividing, in step 1"


def test_attempt_stops_when_the_batch_is_learned() -> None:
    x, y = clouds(300)
    model = relu_network()
    data, _ = prepare(model, x[:32], y[:32])
    tried = attempt(model, data, steps=300)
    assert tried.learned
    assert len(tried.losses) < 300


def test_a_constant_logit_answers_the_frequency_of_yes() -> None:
    x, y = clouds(300)
    model = lm.Sequential([lm.Dense(3)], seed=1, backend="numpy")
    model.compile(lm.SigmoidCrossEntropy(), lm.Adam(0.05), in_shape=(6,))
    data, _ = prepare(model, x, np.eye(3)[y])
    entropy = -np.log(1 / 3) / 3 - np.log(2 / 3) * 2 / 3
    assert constant_loss(model, data) == pytest.approx(entropy, rel=1e-6)


@pytest.mark.parametrize("loss", [lm.SoftmaxCrossEntropy, lm.SigmoidCrossEntropy])
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
def test_the_least_loss_is_that_of_free_predictions(loss: type, smoothing: float) -> None:
    x, y = clouds(30)
    model = lm.Sequential([lm.Dense(3)], seed=1, dtype="float64", backend="numpy")
    model.compile(loss(label_smoothing=smoothing), lm.Adam(0.05), in_shape=(6,))
    for targets in (y, 0.7 * np.eye(3)[y] + 0.1):
        data, _ = prepare(model, x, targets)
        scores = np.zeros((30, 3))
        for _ in range(2000):
            free = float(model.loss(scores, data.y))
            scores -= 30 * model.loss.gradient()
        assert least_loss(model, data) == pytest.approx(free, abs=2e-3)


@pytest.mark.parametrize("rate", [0.1, 2.0, 20.0])
def test_counts_are_learned_where_their_loss_is_least(rate: float) -> None:
    x, _ = clouds(32)
    y = np.random.default_rng(1).poisson(rate, (32, 1))
    model = lm.Sequential([lm.Dense(64), lm.Tanh(), lm.Dense(1), lm.Softplus()], seed=1)
    model.compile(lm.Poisson(), lm.Adam(0.03), in_shape=(6,))
    report = model.doctor(x, y)
    log = np.log(y, where=y > 0, out=np.zeros(y.shape))
    assert report.attempt.least == pytest.approx((y - y * log).mean(), abs=1e-5)
    assert report.attempt.learned, report
    assert len(report.attempt.losses) > 5
    assert report.healthy, report


def test_smoothed_labels_are_learned() -> None:
    model = lm.Sequential([lm.Dense(16), lm.ReLU(), lm.Dense(3)], seed=1)
    report = model.compile(lm.SoftmaxCrossEntropy(0.5), lm.Adam(0.03)).doctor(*clouds(300))
    assert report.attempt.learned, report
