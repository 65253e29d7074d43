"""Statistics of layers: those that numpy computes from the same step."""

import numpy as np
import pytest

import lamella as lm
from lamella.backend import Backend
from tests.data import clouds
from tests.networks import Gain
from tests.training.diagnostics.examples import names, relu_network


def test_custom_layers_are_observed_on_every_backend(backend: Backend) -> None:
    report = relu_network(lm.Dense(32), lm.ReLU(), Gain(), backend=backend).doctor(*clouds(300))
    assert names(report) == []
    assert [layer.name for layer in report.layers][3] == "3 Gain"
    assert report.layers[3].gradient is not None


def test_statistics_equal_those_of_numpy() -> None:
    x, y = clouds(300)
    model = relu_network()
    report = model.doctor(x, y)
    hidden = np.maximum(x @ model.layers[1].W.value + model.layers[1].b.value, 0)
    relu = report.layers[2]
    assert relu.mean == pytest.approx(hidden.mean(), rel=1e-5)
    assert relu.spread == pytest.approx(hidden.std(axis=0).mean(), rel=1e-5)
    assert relu.dead == (hidden == 0).all(axis=0).mean()
