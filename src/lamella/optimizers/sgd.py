"""Gradient descent, plain and with momentum."""

from collections.abc import Callable
from typing import Any

from lamella.core.descriptors import checked
from lamella.core.validation import flag, in_range
from lamella.optimizers.base import Optimizer
from lamella.optimizers.schedules import Schedule


class SGD(Optimizer):
    """Step against the gradient (mini-batch gradient descent).

        w <- w - lr g

    ``lr``, ``clip_norm`` and ``clip_value`` are those of `Optimizer`.

    References
    ----------
    Robbins and Monro, 1951. Equal to torch.optim.SGD.
    """

    def __init__(
        self,
        lr: float | Schedule = 0.01,
        *,
        clip_norm: float | None = None,
        clip_value: float | None = None,
    ) -> None:
        super().__init__(lr, clip_norm=clip_norm, clip_value=clip_value)

    def scalars(self, t: int) -> tuple[float, ...]:
        return (self.learning_rate,)

    def rule(self, w: Any, g: Any, lr: Any) -> Any:
        return w - lr * g


class Momentum(Optimizer):
    """Step along a running sum of gradients, which evens out their zigzag.

        v <- beta v + g
        w <- w - lr v                    Nesterov:  w <- w - lr (g + beta v)

    Parameters
    ----------
    lr, clip_norm, clip_value
        As in `Optimizer`. With a steady gradient the step grows to lr / (1 - beta).
    beta : float
        Weight of the old sum, in [0, 1).
    nesterov : bool
        Whether to look one step ahead.

    References
    ----------
    Polyak, 1964; Sutskever et al., 2013. Equal to torch.optim.SGD(momentum=beta).
    """

    slots = ("v",)
    beta: float = checked(in_range, 0, 1, right_open=True)
    nesterov: bool = checked(flag)

    def __init__(
        self,
        lr: float | Schedule = 0.01,
        *,
        beta: float = 0.9,
        nesterov: bool = False,
        clip_norm: float | None = None,
        clip_value: float | None = None,
    ) -> None:
        super().__init__(lr, clip_norm=clip_norm, clip_value=clip_value)
        self.beta = beta
        self.nesterov = nesterov

    def scalars(self, t: int) -> tuple[float, ...]:
        return self.beta, self.learning_rate

    @property
    def rule(self) -> Callable[..., Any]:
        return _nesterov if self.nesterov else _momentum


def _momentum(w: Any, g: Any, v: Any, beta: Any, lr: Any) -> Any:
    v = beta * v + g
    return w - lr * v, v


def _nesterov(w: Any, g: Any, v: Any, beta: Any, lr: Any) -> Any:
    v = beta * v + g
    return w - lr * (g + beta * v), v
