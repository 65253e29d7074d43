"""Attributes that would have no effect are refused when the model is compiled or trained."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.core.errors import UsageError
from tests.data import clouds
from tests.networks import Gain, small_classifier, snapshot

X, Y = clouds()


def fit(model: lm.Sequential, **options: Any) -> lm.History:
    return model.fit(X, Y, epochs=1, verbose=False, check=False, **options)


def trained() -> lm.Sequential:
    model = small_classifier()
    fit(model)
    return model


def other_weights(model: Any) -> None:
    model.layers[0].W = model.layers[4].W


def other_rule(model: Any) -> None:
    model.optimizer.rule = lambda w, g, m, v, *scalars: (w, m, v)


def other_penalty(model: Any) -> None:
    model.layers[0].regularizer.rule = lambda w, g, rate: g


CHANGES: dict[str, tuple[Callable[[Any], None], str]] = {
    "frozen": (lambda m: setattr(m.layers[0], "trianable", False), "did you mean 'trainable'"),
    "thawed": (lambda m: setattr(m.layers[0], "requires_grad", True), "use 'trainable'"),
    "hyper-parameter": (lambda m: setattr(m.layers[3], "rates", 0.5), "did you mean 'rate'"),
    "optimizer": (lambda m: setattr(m.optimizer, "clipnorm", 1), "did you mean 'clip_norm'"),
    "regularizer": (lambda m: setattr(m.layers[0].regularizer, "rte", 1), "did you mean 'rate'"),
    "metric": (lambda m: setattr(m.metrics[0], "nam", "a"), "did you mean 'name'"),
    "model": (lambda m: setattr(m, "stop_reson", "a"), "did you mean 'stop_reason'"),
    "smoothing": (lambda m: setattr(m.loss, "smoothing", 0.1), "use 'label_smoothing'"),
    "frozen layer": (lambda m: setattr(m.layers[0], "frozen", True), "use 'trainable'"),
    "bias": (lambda m: setattr(m.layers[0], "b", None), "0.Dense.b was replaced by None"),
    "weights": (other_weights, "0.Dense.W is an array of another layer"),
    "array": (lambda m: setattr(m.layers[0], "W", np.ones((6, 8))), r"W.value = "),
    "state": (lambda m: setattr(m.layers[1], "running_var", None), "running_var was replaced"),
    "rule": (other_rule, "Adam.rule was replaced on one object"),
    "scalars": (lambda m: setattr(m.optimizer, "scalars", lambda t: ()), "Adam.scalars was"),
    "penalty": (other_penalty, "L2.rule was replaced on one object"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_attributes_without_effect_are_refused_and_nothing_changes(name: str) -> None:
    change, text = CHANGES[name]
    model = trained()
    before = snapshot(model)
    change(model)
    with pytest.raises(UsageError, match=text):
        fit(model)
    if name not in ("bias", "weights", "array", "state"):
        np.testing.assert_equal(snapshot(model), before)


@pytest.mark.parametrize("name", ["frozen", "hyper-parameter", "regularizer", "bias", "penalty"])
def test_compile_refuses_attributes_without_effect(name: str) -> None:
    change, text = CHANGES[name]
    model = trained()
    loss = model.loss
    change(model)
    with pytest.raises(UsageError, match=text):
        model.compile(lm.SoftmaxCrossEntropy(), lm.Adam())
    assert model.loss is loss


class Mentions(Gain):
    """A layer that keeps notes under names similar to its argument."""

    def forward(self, x: Any, training: bool) -> Any:
        self.factors = [self.factor]
        return super().forward(x, training)


class Composes(Gain):
    """A layer that composes the names of its attributes."""

    def __init__(self, factor: float = 1.0) -> None:
        super().__init__(factor)
        for i in range(2):
            setattr(self, f"factor{i}", factor)


def test_names_of_the_users_own_pass() -> None:
    layer = lm.Dense(3)
    layer.tag, layer.colour = "first", "red"  # type: ignore[attr-defined]
    model = lm.Sequential([layer]).compile(lm.SoftmaxCrossEntropy(), lm.SGD(0.1))
    model.note = "mine"  # type: ignore[attr-defined]
    fit(model)
    fit(model)


@pytest.mark.parametrize("kind", [Mentions, Composes])
def test_names_that_the_class_itself_writes_pass(kind: type[Gain]) -> None:
    layers = [lm.Dense(3), kind()]
    model = lm.Sequential(layers).compile(lm.SoftmaxCrossEntropy(), lm.SGD(0.1))
    fit(model)
    fit(model)


def test_a_model_as_a_whole_cannot_be_frozen() -> None:
    model = trained()
    with pytest.raises(UsageError, match=r"model.trainable = False has no .*: set layer.trainable"):
        model.trainable = False
    assert not hasattr(model, "trainable")


@pytest.mark.parametrize("name", ["loss", "optimizer", "metrics"])
def test_compile_is_the_way_to_another_loss_optimizer_or_metric(name: str) -> None:
    model = trained()
    old = getattr(model, name)
    with pytest.raises(UsageError, match=rf"model.{name} = .*: call compile\("):
        setattr(model, name, lm.SGD(0.1))
    assert getattr(model, name) is old


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (
            lambda: lm.Sequential(lm.Dense(3)),
            r"layers must be a list, such as \[Dense\(10\)\]; got",
        ),
        (lambda: lm.Sequential(lm.Dense), "layers must be a list"),
        (lambda: lm.Sequential(None), "layers must be a list.*got None"),
        (lambda: lm.Sequential(["relu"]), r"layer 0 must be a Layer .* 'relu': write ReLU\(\)"),
    ],
)
def test_layers_are_a_list_of_objects(make: Callable[[], object], text: str) -> None:
    with pytest.raises(lm.errors.ArgumentError, match=text):
        make()


class Misspelt(lm.Layer):
    def foward(self, x: Any, training: bool) -> Any:
        return x

    def backward(self, dy: Any) -> Any:
        return dy


class Unshaped(Gain):
    def bild(self, in_shape: tuple[int, ...]) -> tuple[int, ...]:
        return in_shape


class Unstored(lm.Callback):
    def load_sate_dict(self, state: dict[str, Any]) -> None: ...


class Unfinished(lm.Loss):
    def forward(self, pred: Any, target: Any) -> Any:
        return self.mean(pred)


class Slower(lm.SGD):
    def scalers(self, t: int) -> tuple[float, ...]:
        return (self.lr / 2,)


MISSPELT: dict[str, tuple[dict[str, Any], str]] = {
    "layer": ({"layer": Misspelt}, "nothing calls Misspelt.foward: did you mean 'forward'?"),
    "build": ({"layer": Unshaped}, "nothing calls Unshaped.bild: did you mean 'build'?"),
    "loss": ({"loss": Unfinished}, "Unfinished needs a method 'backward'"),
    "optimizer": ({"optimizer": Slower}, "nothing calls Slower.scalers: did you mean 'scalars'?"),
    "callback": ({"callback": Unstored}, "Unstored.load_sate_dict: .* 'load_state_dict'"),
}


@pytest.mark.parametrize("name", MISSPELT)
def test_misspelt_and_missing_methods_of_ones_own_classes_are_refused(name: str) -> None:
    parts, text = MISSPELT[name]
    layers = [lm.Dense(4), parts.get("layer", lm.ReLU)(), lm.Dense(3)]
    model = lm.Sequential(layers, seed=1, backend="numpy")
    loss, optimizer = parts.get("loss", lm.SoftmaxCrossEntropy), parts.get("optimizer", lm.SGD)
    callback = parts.get("callback", lm.Callback)()
    with pytest.raises(UsageError, match=text):
        fit(model.compile(loss(), optimizer(0.1)), callbacks=[callback])


class Helped(Gain):
    """A layer with a helper, which it calls, under a name similar to a method of its base."""

    def forward(self, x: Any, training: bool) -> Any:
        return self.forward_(x, training)

    def forward_(self, x: Any, training: bool) -> Any:
        return super().forward(x, training)

    def halves(self) -> float:
        return self.factor / 2


def test_helpers_of_ones_own_classes_pass() -> None:
    model = lm.Sequential([lm.Dense(4), Helped(), lm.Dense(3)], seed=1, backend="numpy")
    fit(model.compile(lm.SoftmaxCrossEntropy(), lm.SGD(0.1)))
