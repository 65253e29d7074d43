"""Overfitting one batch: it ends when the batch is learned or a number is not finite."""

import numpy as np
import pytest

import lamella as lm
from lamella.network.prepare import prepare
from lamella.training.diagnostics.overfit_one_batch import attempt, constant_loss
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
