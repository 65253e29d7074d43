"""What others have written and not marked is never replayed."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.backend import NumpyBackend
from lamella.losses import Loss
from tests.network.replay.custom import Third, Twice
from tests.network.replay.networks import (
    CLASSES,
    FEATURES,
    X,
    assert_same,
    compiled_model,
    in_both_ways,
    small,
    train_with,
)


class Halved(lm.Dense):
    """Overrides a method that is marked."""

    def forward(self, x: Any, training: bool) -> Any:
        y = super().forward(x, training)
        y *= 0.5
        return y


class Wrapped(lm.Dense):
    """The same, in a disguise that has all attributes of the original."""

    @functools.wraps(lm.Dense.forward)
    def forward(self, x: Any, training: bool) -> Any:
        return np.multiply(
            lm.Dense.forward(self, x, training), 0.5, out=self.scratch("h", (len(x), 8))
        )


class Rounded(lm.Dense):
    """Overrides what a marked method calls."""

    def dot(self, a: Any, b: Any, out: Any, bias: Any = None) -> Any:
        return np.round(super().dot(a, b, out, bias), 1, out=out)


class Forgetful(lm.BatchNorm):
    """Overrides a helper of a marked method."""

    def _update_running(self, mean: Any, var: Any, samples: int) -> None:
        self.running_mean.value[...] += mean * samples


class Annealed(lm.LeakyReLU):
    """Counts its calls, and goes by that."""

    calls = 0

    def _values(self) -> tuple[float, ...]:
        Annealed.calls += 1
        return (1 / Annealed.calls,)


class Pulled(lm.L2):
    """A penalty whose gradient no rule of one number can tell."""

    def compile_rule(self, parameter: Any, backend: Any) -> Callable[[], None]:
        def run() -> None:
            parameter.grad[...] += parameter.value.sum(axis=0)

        return run


class Unweighted(lm.SoftmaxCrossEntropy):
    """Overrides how a loss is reduced."""

    def mean(self, losses: Any) -> Any:
        return super().mean(np.square(losses, out=losses))


FOREIGN: dict[str, Callable[[], tuple[list[lm.Layer], Loss]]] = {
    "a layer": lambda: ([lm.Dense(8), Twice()], lm.SoftmaxCrossEntropy()),
    "a subclass of a layer": lambda: ([Halved(8)], lm.SoftmaxCrossEntropy()),
    "a wrapped method": lambda: ([Wrapped(8)], lm.SoftmaxCrossEntropy()),
    "a product of its own": lambda: ([Rounded(8)], lm.SoftmaxCrossEntropy()),
    "a helper of its own": lambda: ([lm.Dense(8), Forgetful()], lm.SoftmaxCrossEntropy()),
    "scalars of its own": lambda: ([lm.Dense(8), Annealed()], lm.SoftmaxCrossEntropy()),
    "a penalty of its own": lambda: (
        [lm.Dense(8, regularizer=Pulled(0.1))],
        lm.SoftmaxCrossEntropy(),
    ),
    "a loss": lambda: ([lm.Dense(8)], Third()),
    "a mean of its own": lambda: ([lm.Dense(8)], Unweighted()),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_operations_that_lamella_does_not_know_are_never_replayed(name: str) -> None:
    def make() -> lm.Sequential:
        Annealed.calls = 0
        layers, loss = FOREIGN[name]()
        return compiled_model([*layers, lm.ReLU(), lm.Dense(CLASSES)], loss)

    (some, passes), (others, _) = in_both_ways(
        functools.partial(train_with, lambda model: None, 0, make)
    )
    assert_same(some, others)
    assert passes == 8


def test_network_whose_own_methods_are_overridden_is_never_replayed() -> None:
    class Noisy(lm.Sequential):
        def forward(self, x: Any, training: bool = False) -> Any:
            return super().forward(x + 1, training)

    def make() -> lm.Sequential:
        model = Noisy([lm.Dense(CLASSES)], seed=0, backend="numpy")
        return model.compile(lm.SoftmaxCrossEntropy(), lm.SGD(0.1), in_shape=(FEATURES,))

    (some, passes), (others, _) = in_both_ways(
        functools.partial(train_with, lambda model: None, 0, make)
    )
    assert_same(some, others)
    assert passes == 8
    model = make()
    predictions = {model.predict(X).tobytes() for _ in range(4)}
    assert predictions == {np.array(model.forward(X)).tobytes()}


class Backend(NumpyBackend):
    """Does products in its own way."""

    def dot(self, a: Any, b: Any, out: Any, bias: Any = None) -> Any:
        np.dot(a, b, out=out)
        return out if bias is None else np.add(out, bias, out=out)


def test_backend_that_is_not_numpys_own_is_never_replayed() -> None:
    make = functools.partial(small, backend=Backend())
    (some, passes), (others, _) = in_both_ways(
        functools.partial(train_with, lambda model: None, 0, make)
    )
    assert_same(some, others)
    assert passes == 8
