"""What may be changed or done between two steps or two predictions."""

import copy
import pickle
from collections.abc import Callable

import numpy as np

import lamella as lm
from lamella.losses import Loss
from tests.network.replay.custom import Steep, Third, Twice
from tests.network.replay.networks import CLASSES, FEATURES, SAMPLES, WEIGHTS, Change, X, Y, small


def put_in(index: int, make: Callable[[], lm.Layer]) -> Change:
    """Replace a layer of a built model by another of the same shapes."""

    def change(model: lm.Sequential) -> None:
        layer = make()
        layer.attach_and_build(model.shapes[index], owner=model, index=index, class_index=9)
        model.layers[index] = layer
        model._built_layers = tuple(model.layers)

    return change


def assign_loss(make: Callable[[], Loss]) -> Change:
    def change(model: lm.Sequential) -> None:
        loss = make()
        loss.attach(model, model.backend, model.dtype)
        model._loss = loss

    return change


def set_rule(model: lm.Sequential) -> None:
    model.layers[2].rule = lambda x, slope: x * 0.5  # type: ignore[attr-defined]


def halve_weights(model: lm.Sequential) -> None:
    for parameter in model.parameters:
        parameter.value = parameter.value / 2


def load_others(model: lm.Sequential) -> None:
    model.load_state_dict(small(seed=11).state_dict())


def change_in_place(model: lm.Sequential) -> None:
    model.layers[0].W.value[0] *= 3  # type: ignore[attr-defined]
    model.layers[1].running_var.value[...] = 2  # type: ignore[attr-defined]


def passes_between(samples: int, training: bool = False) -> Change:
    def change(model: lm.Sequential) -> None:
        model.forward(X[:samples] + 1, training=training)

    return change


def backward_between(model: lm.Sequential) -> None:
    model.loss(model.forward(X[:11], training=True), Y[:11])
    model.backward(model.loss.gradient())


def one_layer_between(model: lm.Sequential) -> None:
    for layer, width in zip(model.layers[:3], (FEATURES, 8, 8), strict=True):
        layer.forward(np.ones((70, width), model.dtype), True)
        layer.backward(np.ones((70, 8), model.dtype))


def loss_between(model: lm.Sequential) -> None:
    model.loss(np.ones((70, CLASSES), model.dtype), np.zeros(70, np.int64))
    model.loss.gradient()


def weighted_step_between(model: lm.Sequential) -> None:
    model.train_step(X, Y, sample_weight=WEIGHTS)


CHANGES: dict[str, Change] = {
    "nothing": lambda model: None,
    "slope": lambda model: setattr(model.layers[2], "slope", 0.7),
    "rate": lambda model: setattr(model.layers[3], "rate", 0.6),
    "rate of 0": lambda model: setattr(model.layers[3], "rate", 0),
    "momentum": lambda model: setattr(model.layers[1], "momentum", 0.1),
    "eps": lambda model: setattr(model.layers[1], "eps", 0.5),
    "learning rate": lambda model: setattr(model.optimizer, "lr", 0.2),
    "weights": halve_weights,
    "weights in place": change_in_place,
    "weights loaded": load_others,
    "noise": lambda model: setattr(model.layers[3], "rng", model.backend.noise(99)),
    "draws": lambda model: setattr(model.layers[3].rng, "draws", 40),
    "rule": set_rule,
    "layer": put_in(2, lambda: lm.LeakyReLU(0.9)),
    "layer of another class": put_in(2, lm.Tanh),
    "layer with slope of its own": put_in(2, lambda: lm.LeakyReLU(0.1)),
    "layer that is not marked": put_in(2, Twice),
    "loss": assign_loss(lm.SoftmaxCrossEntropy),
    "loss that is not marked": assign_loss(Third),
    "loss for the same targets": assign_loss(Steep),
    "loss compiled": lambda model: model.compile(Third(), lm.SGD(0.1)),
    "optimizer compiled": lambda model: model.compile(lm.SoftmaxCrossEntropy(), lm.SGD(0.1)),
    "build": lambda model: model.build((FEATURES,)),
    "predict": lambda model: model.predict(X),
    "predict few": lambda model: model.predict(X[:3]),
    "predict more": lambda model: model.predict(np.ones((80, FEATURES))),
    "predict often": lambda model: [model.predict(X) for _ in range(4)],
    "predict bytes": lambda model: [model.predict(np.ones((40, 6), np.uint8)) for _ in range(4)],
    "evaluate": lambda model: model.evaluate(X, Y),
    "evaluate more": lambda model: model.evaluate(np.ones((80, FEATURES)), np.zeros(80, int)),
    "evaluate in parts": lambda model: model.evaluate(X, Y, batch_size=7),
    "forward": passes_between(SAMPLES),
    "forward of few": passes_between(5),
    "forward in training": passes_between(SAMPLES, training=True),
    "backward": backward_between,
    "single layers": one_layer_between,
    "the loss alone": loss_between,
    "step with weights": weighted_step_between,
    "step of few": lambda model: model.train_step(X[:9], Y[:9]),
    "copy": copy.deepcopy,
    "check": lambda model: model.check(X, Y),
    "summary": lambda model: model.summary(),
    "save": lambda model: pickle.dumps(model),
}
