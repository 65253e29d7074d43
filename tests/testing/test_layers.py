"""check_layer passes correct layers and names each defect of broken ones."""

from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.core.errors import CheckError, UsageError
from lamella.testing import check_layer
from tests.networks import Gain

CASES: dict[str, list[tuple[lm.Layer, tuple[int, ...]]]] = {
    "BatchNorm": [(lm.BatchNorm(), (4,)), (lm.BatchNorm(momentum=0.5, eps=1e-3), (1,))],
    "Dense": [
        (lm.Dense(3), (4,)),
        (lm.Dense(1, use_bias=False), (1,)),
        (lm.Dense(2, init="glorot_uniform", regularizer=lm.L2(0.1)), (5,)),
    ],
    "Dropout": [(lm.Dropout(0.5), (6,)), (lm.Dropout(0), (6,)), (lm.Dropout(0.9), (2, 3))],
    "ELU": [(lm.ELU(), (4,)), (lm.ELU(0.3), (2, 3))],
    "Flatten": [(lm.Flatten(), (2, 3)), (lm.Flatten(), (6,))],
    "GELU": [(lm.GELU(), (4,)), (lm.GELU(), (2, 3))],
    "LayerNorm": [(lm.LayerNorm(), (4,)), (lm.LayerNorm(eps=1e-2), (2,))],
    "LeakyReLU": [(lm.LeakyReLU(0.2), (4,)), (lm.LeakyReLU(), (2, 3))],
    "ReLU": [(lm.ReLU(), (4,)), (lm.ReLU(), (2, 3))],
    "SiLU": [(lm.SiLU(), (4,)), (lm.SiLU(), (2, 3))],
    "Sigmoid": [(lm.Sigmoid(), (4,)), (lm.Sigmoid(), (2, 3))],
    "Softmax": [(lm.Softmax(), (4,)), (lm.Softmax(), (2, 3))],
    "Softplus": [(lm.Softplus(), (4,)), (lm.Softplus(), (2, 3))],
    "Tanh": [(lm.Tanh(), (4,)), (lm.Tanh(), (2, 3))],
}
LAYERS = [name for name in lm.layers.__all__ if name not in ("Activation", "Layer")]


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("batch", [2, 7])
def test_every_layer_of_lamella_passes(name: str, batch: int) -> None:
    for layer, in_shape in CASES[name]:
        check_layer(layer, in_shape, batch=batch)


def test_naive_custom_layer_passes() -> None:
    check_layer(Gain(), (5,))


class WrongGradient(Gain):
    def backward(self, dy: Any) -> Any:
        dx = super().backward(dy)
        self.gain.grad[3] *= 2
        return dx


class WrongInputGradient(Gain):
    def backward(self, dy: Any) -> Any:
        return super().backward(dy) * 1.001


class Accumulates(Gain):
    def backward(self, dy: Any) -> Any:
        self.gain.grad += (dy * self.x).sum(axis=0)
        return dy * self.gain.value


class ReadsScratch(Gain):
    def forward(self, x: Any, training: bool) -> Any:
        y = self.scratch("y", x.shape)
        y += super().forward(x, training)
        return y


class WholeScratch(Gain):
    """Keeps its memory from the longest batch, and sums over all of it."""

    kept: Any = None

    def backward(self, dy: Any) -> Any:
        if self.kept is None or len(self.kept) < len(dy):
            self.kept = self.xp.zeros(dy.shape, self.dtype)
        self.kept[: len(dy)] = dy * self.x
        self.gain.grad = self.kept.sum(axis=0)
        return dy * self.gain.value


class Rebinds(Gain):
    def forward(self, x: Any, training: bool) -> Any:
        self.gain._value = self.gain.value.copy()
        return super().forward(x, training)


class ChangesInput(Gain):
    def forward(self, x: Any, training: bool) -> Any:
        x *= 1.5
        return super().forward(x, training)


class NumpyOnDevice(Gain):
    def forward(self, x: Any, training: bool) -> Any:
        self.x = x
        return np.multiply(x, self.gain.value)


class Waits(Gain):
    def forward(self, x: Any, training: bool) -> Any:
        if float(x.sum()) > 1e9:
            return x
        return super().forward(x, training)


class Widens(Gain):
    def forward(self, x: Any, training: bool) -> Any:
        return super().forward(x, training).astype("float64")


class Transposed(Gain):
    def forward(self, x: Any, training: bool) -> Any:
        return super().forward(x, training).T.copy().T


class NoisyEvaluation(lm.Layer):
    def forward(self, x: Any, training: bool) -> Any:
        return x + self.rng.normal(self.scratch("noise", x.shape))

    def backward(self, dy: Any) -> Any:
        return dy


class LearnsAtEvaluation(Gain):
    def build(self, in_shape: Any) -> Any:
        self.seen = self.add_state("seen", ())
        return super().build(in_shape)

    def forward(self, x: Any, training: bool) -> Any:
        self.seen.value += 1
        return super().forward(x, training)


class ForgetsArgument(Gain):
    def __init__(self, power: float = 1.0) -> None:
        self.exponent = power


class UnsavedState(Gain):
    """Learns a number that is neither parameter nor state."""

    def build(self, in_shape: Any) -> Any:
        self.shift = 0.0
        return super().build(in_shape)

    def forward(self, x: Any, training: bool) -> Any:
        self.shift += 0.5 if training else 0.0
        return super().forward(x, training) + (0.0 if training else self.shift)


class WrongShape(Gain):
    def build(self, in_shape: Any) -> Any:
        super().build(in_shape)
        return (7,)


class NoDx(Gain):
    def backward(self, dy: Any) -> Any:
        super().backward(dy)


class SkipsGradientWhenFirst(Gain):
    def backward(self, dy: Any) -> Any:
        return super().backward(dy) if self.needs_dx else None


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (WrongGradient(), r"gradient of 0.WrongGradient.gain is wrong at \[3\]: expected .*, got"),
        (WrongInputGradient(), r"dx of WrongInputGradient\(factor=1.0\) is wrong at \["),
        (Accumulates(), "added to instead of overwritten"),
        (ReadsScratch(), "scratch is read before it is written"),
        (WholeScratch(), "after a longer batch"),
        (Rebinds(), "no longer a view"),
        (ChangesInput(), "changed in place"),
        (NumpyOnDevice(), "would fail on a GPU.*Use self.xp"),
        (Waits(), "waits for the device"),
        (Widens(), "is float64, but the model computes in float32"),
        (Transposed(), "not C-contiguous"),
        (NoisyEvaluation(), "changes from call to call"),
        (LearnsAtEvaluation(), "changed it at evaluation"),
        (UnsavedState(), "after save and load"),
        (WrongShape(), r"build promised \(7,\)"),
        (NoDx(), "returned None"),
        (SkipsGradientWhenFirst(), "if needs_dx is False"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, lm.Layer) else "",
)
def test_broken_layer_is_found_and_named(layer: lm.Layer, words: str) -> None:
    with pytest.raises(CheckError, match=words):
        check_layer(layer, (5,))


def test_argument_that_is_not_kept_is_named() -> None:
    with pytest.raises(UsageError, match=r"does not store it: write self\.power = power"):
        check_layer(ForgetsArgument(), (5,))


def test_check_leaves_the_layer_free_for_a_model() -> None:
    layer = Gain()
    check_layer(layer, (5,))
    lm.Sequential([layer]).build((5,))


def test_layer_of_a_model_is_refused() -> None:
    layer = Gain()
    lm.Sequential([layer]).build((5,))
    with pytest.raises(UsageError, match="fresh layer"):
        check_layer(layer, (5,))


class Log(lm.Layer):
    """Natural logarithm, for positive inputs."""

    def forward(self, x: Any, training: bool) -> Any:
        self.x = x
        return self.xp.log(x)

    def backward(self, dy: Any) -> Any:
        return dy / self.x


def test_inputs_can_be_given_for_a_layer_of_limited_domain() -> None:
    check_layer(Log(), (3,), x=np.random.default_rng(0).uniform(0.5, 2, (4, 3)))
