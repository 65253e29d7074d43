"""Models for wrong calls, and a check that such a call changes nothing."""

from collections.abc import Callable

import numpy as np
import pytest

import lamella as lm
from lamella.backend import Backend
from lamella.core.errors import (
    LamellaError,
)
from tests.data import clouds
from tests.networks import snapshot

NAN, INF = float("nan"), float("inf")


X, Y = clouds(33)


def classifier(backend: Backend | str = "numpy") -> lm.Sequential:
    layers = [lm.Dense(5, regularizer=lm.L2(1e-3)), lm.BatchNorm(), lm.ReLU(), lm.Dense(3)]
    model = lm.Sequential(layers, seed=1, backend=backend)
    return model.compile(lm.SoftmaxCrossEntropy(), lm.Adam(0.01), ["accuracy"])


def regressor(backend: Backend | str = "numpy") -> lm.Sequential:
    model = lm.Sequential([lm.Dense(5), lm.Tanh(), lm.Dense(1)], seed=1, backend=backend)
    return model.compile(lm.MeanSquaredError(), lm.Adam(0.01))


def decider(backend: Backend | str = "numpy") -> lm.Sequential:
    model = lm.Sequential([lm.Dense(1), lm.Sigmoid()], seed=1, backend=backend)
    return model.compile(lm.BinaryCrossEntropy(), lm.Adam(0.01), ["accuracy"])


def good(model: lm.Sequential) -> tuple[np.ndarray, np.ndarray]:
    """Data that the model can be trained on."""
    y = Y if isinstance(model.loss, lm.SoftmaxCrossEntropy) else (Y % 2)[:, None].astype(float)
    return X, y


def train(model: lm.Sequential) -> lm.History:
    return model.fit(*good(model), epochs=2, batch_size=16, validation_split=0.2, verbose=False)


def expect_untouched(
    make: Callable[[], lm.Sequential],
    wrong: Callable[[lm.Sequential], object],
    error: type[LamellaError],
    parts: list[str],
) -> None:
    """Check that a wrong call fails as it should and harms neither a new nor a trained model."""
    never_asked = make()
    train(never_asked)
    once = snapshot(never_asked)
    train(never_asked)
    twice = snapshot(never_asked)

    model = make()
    with pytest.raises(error) as caught:
        wrong(model)
    assert model.epochs_done == 0
    assert model.optimizer.t == 0
    assert getattr(model, "history", None) is None
    train(model)
    np.testing.assert_equal(snapshot(model), once)

    history = model.history
    with pytest.raises(error) as again:
        wrong(model)
    np.testing.assert_equal(snapshot(model), once)
    assert model.history is history
    train(model)
    np.testing.assert_equal(snapshot(model), twice)

    for text in (str(caught.value), str(again.value)):
        missing = [part for part in parts if part not in text]
        assert not missing, f"{missing} is not in the error's text: {text}"
