"""AdaGrad and RMSProp: the gradient over the root of its squares' sum, or of their mean."""

from typing import Any

from numpy import sqrt

from lamella.core.descriptors import checked
from lamella.core.validation import in_range, positive
from lamella.optimizers.base import Optimizer
from lamella.optimizers.schedules import Schedule


class AdaGrad(Optimizer):
    """Take ever smaller steps, the smaller the more gradient a weight has had.

        v <- v + g^2
        w <- w - lr g / (sqrt(v) + eps)

    ``eps`` > 0 keeps the step finite where the gradient has been zero; ``lr``, ``clip_norm`` and
    ``clip_value`` are those of `Optimizer`.

    References
    ----------
    Duchi et al., Adaptive Subgradient Methods, 2011. Equal to torch.optim.Adagrad.
    """

    slots = ("v",)
    eps: float = checked(positive)

    def __init__(
        self,
        lr: float | Schedule = 0.01,
        *,
        eps: float = 1e-10,
        clip_norm: float | None = None,
        clip_value: float | None = None,
    ) -> None:
        super().__init__(lr, clip_norm=clip_norm, clip_value=clip_value)
        self.eps = eps

    def scalars(self, t: int) -> tuple[float, ...]:
        return self.learning_rate, self.eps

    def rule(self, w: Any, g: Any, v: Any, lr: Any, eps: Any) -> Any:
        v = v + g * g
        return w - lr * g / (sqrt(v) + eps), v


class RMSProp(Optimizer):
    """Take steps of about ``lr`` in every coordinate: the gradient over its root mean square.

        v <- beta2 v + (1 - beta2) g^2
        w <- w - lr g / (sqrt(v) + eps)

    ``beta2``, in [0, 1), is the decay rate of the mean, 0.9 in Keras (its rho); ``eps`` > 0 keeps
    the step finite where the gradient has been zero; ``lr``, ``clip_norm`` and ``clip_value`` are
    those of `Optimizer`.

    References
    ----------
    Tieleman and Hinton, 2012. Equal to torch.optim.RMSprop(alpha=beta2).
    """

    slots = ("v",)
    beta2: float = checked(in_range, 0, 1, right_open=True)
    eps: float = checked(positive)

    def __init__(
        self,
        lr: float | Schedule = 1e-3,
        *,
        beta2: float = 0.99,
        eps: float = 1e-8,
        clip_norm: float | None = None,
        clip_value: float | None = None,
    ) -> None:
        super().__init__(lr, clip_norm=clip_norm, clip_value=clip_value)
        self.beta2, self.eps = beta2, eps

    def scalars(self, t: int) -> tuple[float, ...]:
        return self.learning_rate, self.beta2, self.eps

    def rule(self, w: Any, g: Any, v: Any, lr: Any, b2: Any, eps: Any) -> Any:
        v = b2 * v + (1 - b2) * g * g
        return w - lr * g / (sqrt(v) + eps), v
