"""All layers and losses of lamella, found by reflection: the same bits in replayed steps."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.backend.workspace import is_marked
from lamella.losses import Loss
from tests.network.replay.networks import (
    CLASSES,
    DTYPES,
    EPOCHS,
    FEATURES,
    X,
    Y,
    assert_same,
    compiled_model,
    in_both_ways,
    trained,
)

Layers = Callable[[], list[lm.Layer]]

# For each class of layers what stands between two layers with weights.
LAYERS: dict[str, Layers] = {
    "BatchNorm": lambda: [lm.BatchNorm(), lm.ReLU(), lm.BatchNorm(0.5, eps=0.1)],
    "Dense": lambda: [
        lm.Dense(7, regularizer=lm.L1(0.01)),
        lm.Dense(1, use_bias=False, regularizer=lm.L2(0.1)),
        lm.Dense(5, regularizer=lm.L1L2(0.1, 0.01)),
    ],
    "Dropout": lambda: [lm.Dropout(0.4), lm.Dropout(0), lm.Dense(4), lm.Dropout(0.1)],
    "ELU": lambda: [lm.ELU(), lm.ELU(0.3)],
    "Flatten": lambda: [lm.Flatten(), lm.Flatten()],
    "GELU": lambda: [lm.GELU()],
    "LayerNorm": lambda: [lm.LayerNorm(), lm.ReLU(), lm.LayerNorm(eps=0.1)],
    "LeakyReLU": lambda: [lm.LeakyReLU(), lm.LeakyReLU(0.3)],
    "ReLU": lambda: [lm.ReLU()],
    "SiLU": lambda: [lm.SiLU()],
    "Sigmoid": lambda: [lm.Sigmoid()],
    "Softmax": lambda: [lm.Softmax()],
    "Softplus": lambda: [lm.Softplus()],
    "Tanh": lambda: [lm.Tanh()],
}
LOSSES: dict[str, tuple[Callable[[], Loss], Layers]] = {
    "BinaryCrossEntropy": (lm.BinaryCrossEntropy, lambda: [lm.Sigmoid()]),
    "Hinge": (lm.Hinge, list),
    "Huber": (lambda: lm.Huber(0.2), list),
    "MeanAbsoluteError": (lm.MeanAbsoluteError, list),
    "MeanSquaredError": (lm.MeanSquaredError, lambda: [lm.Tanh()]),
    "Poisson": (lm.Poisson, lambda: [lm.Softplus()]),
    "SigmoidCrossEntropy": (lm.SigmoidCrossEntropy, list),
    "SoftmaxCrossEntropy": (lm.SoftmaxCrossEntropy, list),
}


def subclasses(kind: type) -> set[type]:
    """Return lamella's own classes below one, without those that only others are made of."""
    below = {k for child in kind.__subclasses__() for k in {child, *subclasses(child)}}
    own = {k for k in below if k.__module__.startswith("lamella.") and k.__name__[0] != "_"}
    return {k for k in own if not is_abstract(k)}


def is_abstract(kind: type) -> bool:
    methods = (getattr(kind, name, None) for name in dir(kind))
    return any(getattr(method, "__isabstractmethod__", False) for method in methods)


def test_every_layer_and_every_loss_of_lamella_is_tried_here() -> None:
    assert {kind.__name__ for kind in subclasses(lm.Layer)} == set(LAYERS)
    assert {kind.__name__ for kind in subclasses(Loss)} == set(LOSSES)


def test_every_layer_of_lamella_is_marked() -> None:
    both = ("forward", "backward")
    unmarked = {
        kind.__name__
        for kind in subclasses(lm.Layer)
        if not all(is_marked(getattr(kind, name)) for name in both)
    }
    assert unmarked == set()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", LAYERS)
def test_layer_has_the_same_bits_in_replayed_steps(
    name: str, dtype: str, any_threads: None
) -> None:
    def train() -> Any:
        layers = [lm.Dense(FEATURES), *LAYERS[name](), lm.Dense(CLASSES)]
        return trained(compiled_model(layers, dtype=dtype))

    (some, (steps, passes)), (others, without) = in_both_ways(train)
    assert_same(some, others)
    assert without == (5 * EPOCHS, 5 * EPOCHS)
    # The first whole batch and the first rest are new, the second ones are captured.
    assert (steps, passes) == (5 * EPOCHS, 4)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", LOSSES)
def test_loss_has_the_same_bits_in_replayed_steps(name: str, dtype: str, any_threads: None) -> None:
    make, last = LOSSES[name]
    y = np.eye(CLASSES)[Y] if name == "Poisson" else Y

    def train() -> Any:
        layers = [lm.Dense(8), lm.ReLU(), lm.Dense(CLASSES), *last()]
        return trained(compiled_model(layers, make(), dtype=dtype), X, y)

    (some, (_, passes)), (others, without) = in_both_ways(train)
    assert_same(some, others)
    assert without[1] == 5 * EPOCHS
    assert passes == 4


SOFT = np.full((len(Y), CLASSES), 0.1) + 0.7 * np.eye(CLASSES)[Y]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("loss", "y"),
    [
        (lambda: lm.SoftmaxCrossEntropy(), SOFT),
        (lambda: lm.SoftmaxCrossEntropy(label_smoothing=0.1), Y),
        (lambda: lm.SoftmaxCrossEntropy(label_smoothing=0.1), SOFT),
        (lambda: lm.SigmoidCrossEntropy(label_smoothing=0.1), Y),
    ],
    ids=["soft", "smoothed labels", "smoothed rows", "smoothed answers"],
)
def test_soft_targets_have_the_same_bits_in_replayed_steps(
    loss: Callable[[], Loss], y: np.ndarray, dtype: str
) -> None:
    def train() -> Any:
        layers = [lm.Dense(8), lm.ReLU(), lm.Dense(CLASSES)]
        return trained(compiled_model(layers, loss(), dtype=dtype), X, y)

    (some, (_, passes)), (others, without) = in_both_ways(train)
    assert_same(some, others)
    assert without[1] == 5 * EPOCHS
    assert passes == 4


@pytest.mark.parametrize("dtype", DTYPES)
def test_single_output_has_the_same_bits_in_replayed_steps(dtype: str) -> None:
    y = (Y[:, None] > 0).astype(float)

    def train() -> Any:
        layers = [lm.Dense(8), lm.Tanh(), lm.Dense(1), lm.Sigmoid()]
        return trained(compiled_model(layers, lm.BinaryCrossEntropy(), dtype=dtype), X, y)

    (some, (_, passes)), (others, _) = in_both_ways(train)
    assert_same(some, others)
    assert passes == 4
