"""Penalties on the size of weights, added to the loss."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np

from lamella.backend import Backend
from lamella.backend.parameters import Parameter
from lamella.backend.rules import bind_rule
from lamella.backend.workspace import replayable
from lamella.core.config import Configured
from lamella.core.descriptors import checked
from lamella.core.typing import Array
from lamella.core.validation import instance, not_negative


class Regularizer(Configured, ABC):
    """Penalty R(w) on one parameter, attached where the parameter is declared.

    A subclass writes `penalty`, and `rule` as a formula for one number, which the backend applies
    to all of them (see `lamella.backend.elementwise`). The rule's scalars are the hyper-parameters,
    in the order of ``__init__``. One object may serve many parameters.
    """

    @abstractmethod
    def penalty(self, w: Array) -> Array:
        """Return R(w) as a 0-d array."""

    @staticmethod
    @abstractmethod
    def rule(w: Any, g: Any, *scalars: Any) -> Any:
        """Return ``g + dR/dw`` for one weight ``w`` with gradient ``g``."""

    @replayable
    def compile_rule(self, parameter: Parameter, backend: Backend) -> Callable[[], None]:
        """Return a function that adds the penalty's gradient to that of ``parameter``."""
        w, g = parameter.value.reshape(-1), parameter.grad.reshape(-1)
        names = [*self.config()]
        add = bind_rule(self, backend, (w, g), {"g": g}, len(names))
        return lambda: add(*[getattr(self, name) for name in names])


class L1(Regularizer):
    """Pull every weight towards 0 at the same rate, many of them all the way: rate sum(abs(w)).

    The gradient is ``rate sign(w)``, and 0 at 0. ``rate`` is at least 0 and is not divided by the
    batch size.
    """

    rate: float = checked(not_negative)

    def __init__(self, rate: float) -> None:
        self.rate = rate

    def penalty(self, w: Array) -> Array:
        return self.rate * abs(w).sum()

    @staticmethod
    def rule(w: Any, g: Any, rate: Any) -> Any:
        return g + rate * np.sign(w)


class L2(Regularizer):
    """Pull every weight towards 0 in proportion to its size: rate / 2 sum(w^2).

    The gradient is ``rate w``. With plain SGD this is weight decay, torch's ``weight_decay=rate``;
    with Adam it is not, since Adam scales it (see `AdamW`). ``rate`` is at least 0 and is not
    divided by the batch size.
    """

    rate: float = checked(not_negative)

    def __init__(self, rate: float) -> None:
        self.rate = rate

    def penalty(self, w: Array) -> Array:
        return 0.5 * self.rate * (w * w).sum()

    @staticmethod
    def rule(w: Any, g: Any, rate: Any) -> Any:
        return g + rate * w


class L1L2(Regularizer):
    """Sum of both penalties (elastic net): l1 sum(abs(w)) + l2 / 2 sum(w^2); l1, l2 at least 0."""

    l1: float = checked(not_negative)
    l2: float = checked(not_negative)

    def __init__(self, l1: float, l2: float) -> None:
        self.l1, self.l2 = l1, l2

    def penalty(self, w: Array) -> Array:
        return self.l1 * abs(w).sum() + 0.5 * self.l2 * (w * w).sum()

    @staticmethod
    def rule(w: Any, g: Any, l1: Any, l2: Any) -> Any:
        return g + l1 * np.sign(w) + l2 * w


def expect_regularizer(value: Regularizer | None) -> Regularizer | None:
    """Return ``value`` if it is a regularizer or None, else raise an ArgumentError."""
    return None if value is None else instance("regularizer", value, Regularizer, "L2(1e-4)")
