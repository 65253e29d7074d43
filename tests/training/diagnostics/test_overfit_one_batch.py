"""Overfitting one batch: it ends when the batch is learned or a number is not finite."""

from lamella.network.prepare import prepare
from lamella.training.diagnostics.overfit_one_batch import attempt
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
