"""Findings about the last layer: whether its outputs fit the loss and the targets."""

from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.core.errors import UsageError
from tests.data import clouds
from tests.training.diagnostics.examples import checked_names, classifier

MISFIT = "loss does not fit the last layer"


MISFITS: dict[str, tuple[str, Any, Any]] = {
    "scores cut off": (MISFIT, lambda: classifier(3, (lm.ReLU(),)), lambda x, y: y),
    "scores bounded": (MISFIT, lambda: classifier(3, (lm.Tanh(),)), lambda x, y: y),
    "no probability": (
        MISFIT,
        lambda: classifier(1, (), lm.BinaryCrossEntropy()),
        lambda x, y: (x[:, :1] > 0) * 1.0,
    ),
    "out of reach": (
        "targets out of reach",
        lambda: classifier(1, (lm.Sigmoid(),), lm.MeanSquaredError()),
        lambda x, y: x[:, :1],
    ),
    "large targets": (
        "unscaled targets",
        lambda: classifier(1, (), lm.MeanSquaredError()),
        lambda x, y: 1e4 * x[:, :1],
    ),
    "one target": (
        "constant targets",
        lambda: classifier(1, (), lm.MeanSquaredError()),
        lambda x, y: np.full((200, 1), 0.5),
    ),
}


@pytest.mark.parametrize(("name", "make", "target"), MISFITS.values(), ids=MISFITS)
def test_last_layer_that_does_not_fit_the_loss_is_named(name: str, make: Any, target: Any) -> None:
    x, y = clouds(200)
    assert checked_names(make(), x, target(x, y)) == [name]


FITTING: dict[str, tuple[Any, Any]] = {
    "distance": (
        lambda: classifier(3, (lm.Softmax(),), lm.MeanSquaredError()),
        lambda x, y: y,
    ),
    "yes or no": (
        lambda: classifier(1, (lm.Sigmoid(),), lm.BinaryCrossEntropy()),
        lambda x, y: (x[:, :1] > 0) * 1.0,
    ),
    "yes or no, as logits": (
        lambda: classifier(1, (), lm.SigmoidCrossEntropy()),
        lambda x, y: (x[:, :1] > 0) * 1.0,
    ),
    "several labels": (
        lambda: classifier(3, (), lm.SigmoidCrossEntropy()),
        lambda x, y: (x[:, :3] > 0) * 1.0,
    ),
    "soft targets": (
        lambda: classifier(3, (), lm.SoftmaxCrossEntropy(label_smoothing=0.1)),
        lambda x, y: 0.1 + 0.7 * np.eye(3)[y],
    ),
    "number": (lambda: classifier(1, (), lm.MeanAbsoluteError()), lambda x, y: x[:, :1]),
}


@pytest.mark.parametrize(("make", "target"), FITTING.values(), ids=FITTING)
def test_last_layer_that_fits_the_loss_gives_no_finding(make: Any, target: Any) -> None:
    x, y = clouds(200)
    assert checked_names(make(), x, target(x, y)) == []


def test_softmax_of_one_output_is_refused() -> None:
    x, _ = clouds(200)
    with pytest.raises(UsageError, match="a single output, which is 1 for every input"):
        classifier(1, (lm.Softmax(),), lm.MeanSquaredError()).check(x, x[:, :1])


def test_certain_and_wrong_answers_behind_sigmoid_are_named() -> None:
    x, y = clouds(300)
    found = {}
    for loss, last in ((lm.BinaryCrossEntropy(), [lm.Sigmoid()]), (lm.SigmoidCrossEntropy(), [])):
        model = lm.Sequential([lm.Dense(3), *last], seed=1, backend="numpy")
        model.compile(loss, lm.Adam(0.05), in_shape=(6,))
        model.layers[0].b.value = 40.0
        report = model.doctor(x, np.eye(3)[y], steps=50)
        found[type(loss).__name__] = {f.name: f for f in report.findings}
    finding = found["BinaryCrossEntropy"]["saturated answers"]
    assert finding.message.startswith("600 of 900 answers are certain and wrong")
    assert finding.advice == "SigmoidCrossEntropy() without the Sigmoid layer"
    assert "saturated answers" not in found["SigmoidCrossEntropy"]
