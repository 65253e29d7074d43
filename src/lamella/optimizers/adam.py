"""Adam, AdamW with decoupled weight decay, and NAdam with Nesterov's look ahead."""

from math import sqrt as root
from typing import Any

import numpy as np
from numpy import sqrt

from lamella.core.descriptors import checked
from lamella.core.validation import in_range, positive
from lamella.optimizers.base import Optimizer, Scalars
from lamella.optimizers.schedules import Schedule


class Adam(Optimizer):
    """Take steps of about ``lr`` in every coordinate, at any scale of the gradient.

        m <- beta1 m + (1 - beta1) g            m^ = m / (1 - beta1^t)
        v <- beta2 v + (1 - beta2) g^2          v^ = v / (1 - beta2^t)
        w <- w - lr m^ / (sqrt(v^) + eps)

    Parameters
    ----------
    lr, clip_norm, clip_value
        As in `Optimizer`.
    beta1, beta2 : float
        Decay rates of the two moments, in [0, 1).
    eps : float
        Keeps the step finite where the gradient has been zero, > 0; outside the corrected root,
        as in the paper.

    References
    ----------
    Kingma and Ba, Adam, 2015, Algorithm 1. Equal to torch.optim.Adam.
    """

    slots = ("m", "v")
    beta1: float = checked(in_range, 0, 1, right_open=True)
    beta2: float = checked(in_range, 0, 1, right_open=True)
    eps: float = checked(positive)

    def __init__(
        self,
        lr: float | Schedule = 1e-3,
        *,
        beta1: float = 0.9,
        beta2: float = 0.999,
        eps: float = 1e-8,
        clip_norm: float | None = None,
        clip_value: float | None = None,
    ) -> None:
        super().__init__(lr, clip_norm=clip_norm, clip_value=clip_value)
        self.beta1, self.beta2, self.eps = beta1, beta2, eps

    def scalars(self, t: int) -> tuple[float, ...]:
        # Both corrections are folded into the step and eps, so that no array pays for them.
        correction = root(1 - self.beta2**t)
        step = self.learning_rate * correction / (1 - self.beta1**t)
        return step, self.beta1, self.beta2, self.eps * correction

    def rule(self, w: Any, g: Any, m: Any, v: Any, step: Any, b1: Any, b2: Any, eps: Any) -> Any:
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g * g
        return w - step * m / (sqrt(v) + eps), m, v


class AdamW(Adam):
    """Adam with decoupled weight decay: weights shrink by their own step, not through the moments.

        w <- w - lr weight_decay w - lr m^ / (sqrt(v^) + eps)

    ``weight_decay`` is in [0, 1]; the other parameters are those of `Adam`. Biases and norm scales,
    that is parameters with one axis, are not decayed.

    References
    ----------
    Loshchilov and Hutter, Decoupled Weight Decay Regularization, 2019. Equal to
    torch.optim.AdamW with a parameter group without decay for the parameters of one axis.
    """

    weight_decay: float = checked(in_range, 0, 1)

    def __init__(
        self,
        lr: float | Schedule = 1e-3,
        *,
        beta1: float = 0.9,
        beta2: float = 0.999,
        eps: float = 1e-8,
        weight_decay: float = 0.01,
        clip_norm: float | None = None,
        clip_value: float | None = None,
    ) -> None:
        clips = {"clip_norm": clip_norm, "clip_value": clip_value}
        super().__init__(lr, beta1=beta1, beta2=beta2, eps=eps, **clips)
        self.weight_decay = weight_decay

    def scalars_of(self, matrices: bool) -> Scalars:
        return self.scalars if matrices else self.scalars_without_decay

    def scalars(self, t: int) -> tuple[float, ...]:
        return (1 - self.learning_rate * self.weight_decay, *super().scalars(t))

    def scalars_without_decay(self, t: int) -> tuple[float, ...]:
        """Return the scalars of step ``t`` for parameters that are not decayed."""
        return (1.0, *super().scalars(t))

    def rule(  # type: ignore[override]
        self, w: Any, g: Any, m: Any, v: Any, shrink: Any, step: Any, b1: Any, b2: Any, eps: Any
    ) -> Any:
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g * g
        return shrink * w - step * m / (sqrt(v) + eps), m, v


class NAdam(Adam):
    """Adam that looks one step ahead, as Nesterov's momentum does; its parameters are Adam's.

        mu_t = beta1 (1 - 0.96^(0.004 t) / 2)
        m^ = mu_t+1 m / (1 - mu_1 ... mu_t+1) + (1 - mu_t) g / (1 - mu_1 ... mu_t)
        w <- w - lr m^ / (sqrt(v^) + eps)

    References
    ----------
    Dozat, Incorporating Nesterov Momentum into Adam, 2016. Equal to torch.optim.NAdam.
    """

    def scalars(self, t: int) -> tuple[float, ...]:
        now, ahead = self._mu(t), self._mu(t + 1)
        # Of so many factors that 1 - product is 1, none need be computed.
        product = float(np.prod(self._mu(np.arange(1, t + 1)))) if self.beta1**t > 1e-17 else 0.0
        correction = root(1 - self.beta2**t)
        step = self.learning_rate * correction
        steps = step * (1 - now) / (1 - product), step * ahead / (1 - product * ahead)
        return *steps, self.beta1, self.beta2, self.eps * correction

    def _mu(self, t: Any) -> Any:
        return self.beta1 * (1 - 0.96 ** (0.004 * t) / 2)

    def rule(  # type: ignore[override]
        self, w: Any, g: Any, m: Any, v: Any, now: Any, ahead: Any, b1: Any, b2: Any, eps: Any
    ) -> Any:
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g * g
        return w - (now * g + ahead * m) / (sqrt(v) + eps), m, v
