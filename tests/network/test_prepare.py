"""A data set against a model: scales at which sums of squares overflow, weights of any scale."""

from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.backend import Backend
from lamella.core.errors import DataError

FIT: dict[str, Any] = {"epochs": 1, "verbose": False, "check": False}


def samples() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    y = np.arange(24) % 3
    return rng.normal(size=(24, 4)) + np.eye(3, 4)[y], y


def made(backend: Backend | str = "numpy", dtype: str = "float32", norm: bool = True) -> Any:
    layers = [lm.Dense(5), *([lm.BatchNorm()] if norm else []), lm.Tanh(), lm.Dense(3)]
    model = lm.Sequential(layers, seed=1, backend=backend, dtype=dtype)
    return model.compile(lm.SoftmaxCrossEntropy(), lm.SGD(0.1), in_shape=(4,))


def test_inputs_whose_squares_overflow_are_refused_before_batch_norm(backend: Backend) -> None:
    x, y = samples()
    model = made(backend)
    before = model.state_dict()
    with pytest.raises(DataError, match=r"up to .*e\+20, and the sums of their squares, which Bat"):
        model.fit(1e20 * x, y, **FIT)
    with pytest.raises(DataError, match=r"up to .*e\+20, and the sums of their squares"):
        model.train_step(1e20 * x, y)
    np.testing.assert_equal(model.state_dict(), before)
    made(backend).fit(1e15 * x, y, **FIT)
    made(backend, norm=False).fit(1e20 * x, y, **FIT)


def test_batch_norm_is_right_where_squares_do_not_overflow() -> None:
    x, y = samples()
    plain, large = made(dtype="float64"), made(dtype="float64")
    plain.layers[1].eps = 1e-60
    for model, scale in ((plain, 1.0), (large, 2.0**66)):
        model.fit(scale * x, y, **FIT)
    np.testing.assert_allclose(
        large.history.steps, plain.history.steps, rtol=1e-4
    )  # the weights' steps differ, the normalized outputs do not
    normalized = large.layers[1].forward(1e15 * x @ np.ones((4, 5)), True)
    np.testing.assert_allclose(normalized.std(axis=0), abs(large.layers[1].gamma.value), rtol=1e-6)


@pytest.mark.parametrize("scale", [1e-300, 1e-40, 1e37, 1e300])
def test_the_scale_of_sample_weights_changes_nothing(backend: Backend, scale: float) -> None:
    """At 1e-40 the loss was 0 in float32, and not a number at 1e37."""
    x, y = samples()
    weights = np.linspace(1, 2, 24)
    losses = []
    for factor in (1.0, scale):
        model = made(backend)
        history = model.fit(x, y, sample_weight=factor * weights, **FIT)
        evaluated = model.evaluate(x, y, sample_weight=factor * weights)["loss"]
        losses.append(
            [*history["loss"], evaluated, float(model.train_step(x, y, factor * weights))]
        )
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-5)


def test_a_model_too_large_for_the_machine_is_refused_before_it_is_allocated() -> None:
    model = lm.Sequential([lm.Dense(3), lm.Dense(10**12)], seed=1, backend="numpy")
    model.compile(lm.MeanSquaredError(), lm.SGD(0.1))
    text = r"need 32,000\.0 GB of memory, .* 1\.Dense\.W of shape \(3, 1000000000000\)"
    with pytest.raises(lm.errors.ArgumentError, match=text):
        model.build((4,))
    assert model.store is None
