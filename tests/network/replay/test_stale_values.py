"""A number that changes between two steps takes effect in the next one, wherever it is kept."""

from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.core.errors import UsageError

X = np.random.default_rng(0).standard_normal((5, 4)).astype("f4")
Y = np.zeros((5, 3), "f4")


class NoArgument(lm.Layer):
    """Keeps its factor in an attribute that is no ``__init__`` argument."""

    def __init__(self) -> None:
        self.k = 2.0

    @lm.replayable
    def forward(self, x: Any, training: bool) -> Any:
        return self.map("y", lambda x, k: x * k, x, scalars=(self.k,))

    @lm.replayable
    def backward(self, dy: Any) -> Any:
        return self.map("dx", lambda dy, k: dy * k, dy, scalars=(self.k,))


class Closure(NoArgument):
    """Its rules close over the factor."""

    @lm.replayable
    def forward(self, x: Any, training: bool) -> Any:
        k = self.k
        return self.map("y", lambda x: x * k, x)

    @lm.replayable
    def backward(self, dy: Any) -> Any:
        k = self.k
        return self.map("dx", lambda dy: dy * k, dy)


class Reads(lm.Activation):
    """Its rule is a method that reads the factor."""

    def __init__(self) -> None:
        self.k = 2.0

    def rule(self, x: Any) -> Any:  # type: ignore[override]
        return x * self.k

    def derivative(self, x: Any, y: Any) -> Any:  # type: ignore[override]
        return self.k + 0 * x


class Direct(NoArgument):
    """Works on arrays with numpy's operators, though it is marked."""

    @lm.replayable
    def forward(self, x: Any, training: bool) -> Any:
        return x * np.float32(self.k)

    @lm.replayable
    def backward(self, dy: Any) -> Any:
        return dy * np.float32(self.k)


class Listed(NoArgument):
    """Keeps the factor in a list, which changes in place."""

    def __init__(self) -> None:
        self.factors = [2.0]

    @property
    def k(self) -> float:
        return self.factors[0]

    @k.setter
    def k(self, value: float) -> None:
        self.factors[0] = value


class Counts(NoArgument):
    """Its factor grows with each call."""

    @lm.replayable
    def forward(self, x: Any, training: bool) -> Any:
        self.k += 1.0
        return self.map("y", lambda x, k: x * k, x, scalars=(self.k,))


class Clipped(NoArgument):
    """Clips with numpy, which changes nothing until the factor is large."""

    @lm.replayable
    def forward(self, x: Any, training: bool) -> Any:
        y = super().forward(x, training)
        return np.clip(y, -3, 3, out=y)


KINDS = [NoArgument, Closure, Reads, Direct, Listed, Counts, Clipped]


def model_of(layer: lm.Layer) -> lm.Sequential:
    model = lm.Sequential([layer, lm.Dense(3)], seed=0, backend="numpy")
    return model.compile(lm.MeanSquaredError(), lm.SGD(0.1), in_shape=(4,))


@pytest.mark.parametrize("kind", KINDS)
def test_a_factor_that_changes_takes_effect_in_the_next_step(kind: type[Any]) -> None:
    model, twin = model_of(kind()), model_of(kind())
    for _ in range(5):
        model.step(X, Y)
    twin.load_state_dict(model.state_dict())
    for one in (model, twin):
        one.layers[0].k = 50.0  # type: ignore[attr-defined]
        one.step(X, Y)
    np.testing.assert_array_equal(model.layer_outputs[0], twin.layer_outputs[0])
    np.testing.assert_array_equal(model.built().values, twin.built().values)


@pytest.mark.parametrize("kind", [k for k in KINDS if k not in (Counts, Clipped)])
def test_check_layer_accepts_changes_that_take_effect(kind: type[Any]) -> None:
    lm.testing.check_layer(kind(), (4,))


def test_nesterov_takes_effect_in_the_next_step() -> None:
    models = []
    for switch in (False, True):
        layers = [lm.Dense(3)]
        model = lm.Sequential(layers, seed=0, backend="numpy")
        model.compile(lm.MeanSquaredError(), lm.Momentum(0.1), in_shape=(4,))
        for _ in range(5):
            model.step(X, Y)
        model.optimizer.nesterov = switch  # type: ignore[attr-defined]
        model.step(X, Y)
        models.append(model.built().values.copy())
    assert (models[0] != models[1]).any()


def test_a_rate_of_a_regularizer_takes_effect_in_the_next_step() -> None:
    penalty = lm.L2(0.1)
    model = lm.Sequential([lm.Dense(3, regularizer=penalty)], seed=0, backend="numpy")
    model.compile(lm.MeanSquaredError(), lm.SGD(0.1), in_shape=(4,))
    twin = lm.Sequential([lm.Dense(3, regularizer=lm.L2(5.0))], seed=0, backend="numpy")
    twin.compile(lm.MeanSquaredError(), lm.SGD(0.1), in_shape=(4,))
    for _ in range(5):
        model.step(X, Y)
    twin.load_state_dict(model.state_dict())
    penalty.rate = 5.0
    model.step(X, Y)
    twin.step(X, Y)
    np.testing.assert_array_equal(model.built().values, twin.built().values)


@pytest.mark.parametrize(
    ("name", "value"),
    [("units", 5), ("use_bias", False), ("init", "zeros"), ("regularizer", lm.L2(1.0))],
)
def test_a_change_that_could_have_no_effect_is_refused(name: str, value: Any) -> None:
    model = model_of(NoArgument())
    with pytest.raises(UsageError, match=rf"Dense\.{name} is fixed once the layer is built"):
        setattr(model.layers[1], name, value)
    with pytest.raises(UsageError, match="is fixed once the model is built"):
        model.parameters[0].regularizer = lm.L2(1.0)
