"""Activations: functions of one number."""

from abc import abstractmethod
from typing import Any

from numpy import absolute, exp, expm1, log1p, maximum, minimum, tanh

from lamella.backend.workspace import replayable
from lamella.core.descriptors import checked
from lamella.core.typing import Array
from lamella.core.validation import in_range, positive
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


class ELU(Activation):
    """Exponential linear unit: ``y = x`` above 0, ``alpha (exp(x) - 1)`` below; ``alpha`` > 0.

    Clevert et al., 2016. Equal to torch.nn.ELU.
    """

    scalars = ("alpha",)
    alpha: float = checked(positive)

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = alpha

    @staticmethod
    def rule(x: Any, alpha: Any) -> Any:
        return maximum(x, 0) + alpha * expm1(minimum(x, 0))

    @staticmethod
    def derivative(x: Any, y: Any, alpha: Any) -> Any:
        return (x > 0) + (x <= 0) * (alpha * exp(minimum(x, 0)))


class Softplus(Activation):
    """Smooth rectifier, ``y = log(1 + exp(x))``, which is above 0, as rates for `Poisson` must be.

    Equal to torch.nn.Softplus() to 2e-9: that takes x itself above 20.
    """

    @staticmethod
    def rule(x: Any) -> Any:
        # The same number, but the exponential does not overflow.
        return maximum(x, 0) + log1p(exp(-absolute(x)))

    @staticmethod
    def derivative(x: Any, y: Any) -> Any:
        return exp(minimum(x, 0)) / (1 + exp(-absolute(x)))


class SiLU(Activation):
    """Sigmoid linear unit, ``y = x sigmoid(x)``; also called swish (Ramachandran et al., 2017).

    Equal to torch.nn.SiLU.
    """

    @staticmethod
    def rule(x: Any) -> Any:
        return x * (exp(minimum(x, 0)) / (1 + exp(-absolute(x))))

    @staticmethod
    def derivative(x: Any, y: Any) -> Any:
        # With sigmoid(x) = a / (a + b) and 1 - sigmoid(x) = b / (a + b), which do not overflow.
        a, b = exp(minimum(x, 0)), exp(-maximum(x, 0))
        return (a + y * b) / (a + b)


class GELU(Activation):
    """Gaussian error linear unit (Hendrycks and Gimpel, 2016) in its tanh form.

        y = x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) = x sigmoid(1.5958 x + 0.071355 x^3)

    Equal to torch.nn.GELU(approximate="tanh"). torch's default, ``x Phi(x)``, differs from it by at
    most 4.8e-4: Phi, the normal distribution function, needs erf, which numpy does not have.
    """

    @staticmethod
    def rule(x: Any) -> Any:
        c = minimum(maximum(x, -30), 30)  # beyond, the sigmoid is 0 or 1, and x^3 may overflow
        z = c * (1.5957691216057308 + 0.07135481627260025 * c * c)
        return x * (exp(minimum(z, 0)) / (1 + exp(-absolute(z))))

    @staticmethod
    def derivative(x: Any, y: Any) -> Any:
        c = minimum(maximum(x, -30), 30)
        z = c * (1.5957691216057308 + 0.07135481627260025 * c * c)
        a, b = exp(minimum(z, 0)), exp(-maximum(z, 0))  # as in SiLU, times the slope of z
        return (a + y * b * (1.5957691216057308 + 0.21406444881780076 * c * c)) / (a + b)
