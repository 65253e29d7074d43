"""check_optimizer passes correct optimizers and names each defect of broken ones."""

from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.core.errors import CheckError, UsageError
from lamella.testing import check_optimizer

OPTIMIZERS = [name for name in lm.optimizers.__all__ if name != "Optimizer"]


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("clip_norm", [None, 1.0])
def test_every_optimizer_of_lamella_passes(name: str, clip_norm: float | None) -> None:
    check_optimizer(getattr(lm, name)(clip_norm=clip_norm))


def test_nesterov_passes() -> None:
    check_optimizer(lm.Momentum(0.01, nesterov=True))


class SignSGD(lm.Optimizer):
    """Steps of lr against the gradient's sign."""

    def scalars(self, t: int) -> tuple[float, ...]:
        return (self.learning_rate,)

    def rule(self, w: Any, g: Any, lr: Any) -> Any:
        return w - lr * np.sign(g)


class Normalised(SignSGD):
    """Steps of lr against the gradient, divided by its norm: needs a whole parameter."""

    elementwise = False

    def rule(self, w: Any, g: Any, lr: Any) -> Any:
        return w - lr * g / ((g * g).sum() ** 0.5 + 1e-12)


@pytest.mark.parametrize("kind", [SignSGD, Normalised])
def test_custom_optimizer_passes(kind: type[lm.Optimizer]) -> None:
    check_optimizer(kind(0.01))


class Ascends(SignSGD):
    def rule(self, w: Any, g: Any, lr: Any) -> Any:
        return w + lr * g


class Drifts(SignSGD):
    def rule(self, w: Any, g: Any, lr: Any) -> Any:
        return w - lr * (g + 1e-3)


class KeepsOutsideSlots(SignSGD):
    """Its step grows with the calls of this very object, which state_dict does not know."""

    calls = 0

    def scalars(self, t: int) -> tuple[float, ...]:
        self.calls += 1
        return (self.learning_rate / (1 + self.calls),)


class Waits(Normalised):
    def rule(self, w: Any, g: Any, lr: Any) -> Any:
        return w - lr * g if float(abs(g).max()) > 0 else w


@pytest.mark.parametrize(
    ("optimizer", "words"),
    [
        (Ascends(0.01), "does not descend.*is a sign wrong"),
        (Drifts(0.01), "must leave zeros"),
        (KeepsOutsideSlots(0.01), "goes on differently"),
        (Waits(0.01), "waits for the device"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, lm.Optimizer) else "",
)
def test_broken_optimizer_is_found_and_named(optimizer: lm.Optimizer, words: str) -> None:
    with pytest.raises(CheckError, match=words):
        check_optimizer(optimizer)


class Branches(SignSGD):
    def rule(self, w: Any, g: Any, lr: Any) -> Any:
        return w - lr if g > 0 else w + lr


def test_rule_that_branches_is_refused() -> None:
    with pytest.raises(UsageError, match="cannot branch"):
        check_optimizer(Branches(0.01))
