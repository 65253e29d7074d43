"""Activations: functions of one number."""

from abc import abstractmethod
from typing import Any

from numpy import absolute, exp, maximum, minimum, tanh

from lamella.backend.workspace import replayable
from lamella.core.descriptors import checked
from lamella.core.typing import Array
from lamella.core.validation import in_range
from lamella.layers.base import Layer


class Activation(Layer):
    """Function of one number, applied to each element. A subclass writes two formulas.

    They are rules (see `lamella.backend.elementwise`): arithmetic and numpy's elementwise functions
    of single numbers, without branches. Both get the hyper-parameters named in ``scalars`` last.
    """

    scalars: tuple[str, ...] = ()

    @staticmethod
    @abstractmethod
    def rule(x: Any, *scalars: Any) -> Any:
        """Return y for one number."""

    @staticmethod
    @abstractmethod
    def derivative(x: Any, y: Any, *scalars: Any) -> Any:
        """Return dy/dx for one number ``x`` and its ``y``, the result of `rule`."""

    @replayable
    def forward(self, x: Array, training: bool) -> Array:
        self.x, self.y = x, self.map("y", self.rule, x, scalars=self._values())
        return self.y

    @replayable
    def backward(self, dy: Array) -> Array:
        derivative, scalars = self.derivative, self._values()
        return self.map(
            "dx",
            lambda dy, x, y, *k: dy * derivative(x, y, *k),
            dy,
            self.x,
            self.y,
            scalars=scalars,
        )

    def inference(self, x: Array) -> Array:
        return self.rule(x, *self._values())

    @replayable
    def _values(self) -> tuple[float, ...]:
        return tuple(getattr(self, name) for name in self.scalars)


class ReLU(Activation):
    """Rectifier, ``y = max(x, 0)``. Its slope at 0 is taken as 0."""

    @staticmethod
    def rule(x: Any) -> Any:
        return maximum(x, 0)

    @staticmethod
    def derivative(x: Any, y: Any) -> Any:
        return x > 0


class LeakyReLU(Activation):
    """Rectifier with a small slope below 0: ``y = max(x, slope x)``, with ``slope`` in [0, 1].

    References
    ----------
    Maas et al., Rectifier Nonlinearities Improve Neural Network Acoustic Models, 2013.
    """

    scalars = ("slope",)
    slope: float = checked(in_range, 0, 1)

    def __init__(self, slope: float = 0.01) -> None:
        self.slope = slope

    @staticmethod
    def rule(x: Any, slope: Any) -> Any:
        return maximum(x, slope * x)

    @staticmethod
    def derivative(x: Any, y: Any, slope: Any) -> Any:
        return slope + (1 - slope) * (x > 0)


class Sigmoid(Activation):
    """Logistic function, ``y = 1 / (1 + exp(-x))``; exact to the last digits on both sides of 0."""

    gives_probabilities = True

    @staticmethod
    def rule(x: Any) -> Any:
        # The same number, but neither exponential overflows.
        return exp(minimum(x, 0)) / (1 + exp(-absolute(x)))

    @staticmethod
    def derivative(x: Any, y: Any) -> Any:
        return y * (1 - y)


class Tanh(Activation):
    """Hyperbolic tangent, ``y = tanh(x)``, with slope ``1 - y^2``."""

    @staticmethod
    def rule(x: Any) -> Any:
        return tanh(x)

    @staticmethod
    def derivative(x: Any, y: Any) -> Any:
        return 1 - y * y
