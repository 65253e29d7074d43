"""Lion: steps by the sign of a running mean."""

from typing import Any

from numpy import sign

from lamella.core.descriptors import checked
from lamella.core.validation import in_range
from lamella.optimizers.base import Optimizer, Scalars
from lamella.optimizers.schedules import Schedule


class Lion(Optimizer):
    """Take steps of exactly ``lr`` in every coordinate, against the sign of a running mean.

        w <- w - lr weight_decay w - lr sign(beta1 m + (1 - beta1) g)
        m <- beta2 m + (1 - beta2) g

    ``beta1`` and ``beta2`` are in [0, 1), ``weight_decay`` is in [0, 1]; parameters with one axis,
    biases and norm scales, are not decayed. ``lr``, ``clip_norm`` and ``clip_value`` are those of
    `Optimizer`. Rates that suit are 3 to 10 times smaller than Adam's.

    References
    ----------
    Chen et al., Symbolic Discovery of Optimization Algorithms, 2023, Algorithm 2. Equal to
    keras.optimizers.Lion where nothing is decayed; torch has none.
    """

    slots = ("m",)
    beta1: float = checked(in_range, 0, 1, right_open=True)
    beta2: float = checked(in_range, 0, 1, right_open=True)
    weight_decay: float = checked(in_range, 0, 1)

    def __init__(
        self,
        lr: float | Schedule = 1e-4,
        *,
        beta1: float = 0.9,
        beta2: float = 0.99,
        weight_decay: float = 0.0,
        clip_norm: float | None = None,
        clip_value: float | None = None,
    ) -> None:
        super().__init__(lr, clip_norm=clip_norm, clip_value=clip_value)
        self.beta1, self.beta2, self.weight_decay = beta1, beta2, weight_decay

    def scalars_of(self, matrices: bool) -> Scalars:
        return self.scalars if matrices else lambda t: (1.0, *self.scalars(t)[1:])

    def scalars(self, t: int) -> tuple[float, ...]:
        lr = self.learning_rate
        return 1 - lr * self.weight_decay, lr, self.beta1, self.beta2

    def rule(self, w: Any, g: Any, m: Any, shrink: Any, lr: Any, b1: Any, b2: Any) -> Any:
        return shrink * w - lr * sign(b1 * m + (1 - b1) * g), b2 * m + (1 - b2) * g
