"""Learning rate schedules: functions of the number of epochs done.

``progress`` counts epochs and grows with every batch: 2.5 is the middle of the third epoch.
In your own training loop, which has no epochs, each step counts as one.
"""

import math
from abc import ABC, abstractmethod
from numbers import Real

from lamella.core.config import Configured
from lamella.core.validation import at_least, in_range, instance, not_negative, positive


class Schedule(Configured, ABC):
    """Learning rate that changes; give it to an optimizer in place of a number."""

    @abstractmethod
    def __call__(self, progress: float) -> float:
        """Return the learning rate after ``progress`` epochs."""


class StepDecay(Schedule):
    """Multiply by ``factor`` after every ``every`` epochs: lr factor^floor(progress / every).

    The initial ``lr`` is > 0, ``every`` at least 1, ``factor`` in (0, 1].

    References
    ----------
    Equal to torch.optim.lr_scheduler.StepLR.
    """

    def __init__(self, lr: float, every: int, factor: float = 0.1) -> None:
        self.lr = positive("lr", lr)
        self.every = at_least("every", every, 1)
        self.factor = in_range("factor", positive("factor", factor), 0, 1)

    def __call__(self, progress: float) -> float:
        return self.lr * self.factor ** math.floor(progress / self.every)


class ExponentialDecay(Schedule):
    """Multiply by ``factor`` after every epoch: lr factor^floor(progress).

    The initial ``lr`` is > 0, ``factor`` in (0, 1].

    References
    ----------
    Equal to torch.optim.lr_scheduler.ExponentialLR.
    """

    def __init__(self, lr: float, factor: float) -> None:
        self.lr = positive("lr", lr)
        self.factor = in_range("factor", positive("factor", factor), 0, 1)

    def __call__(self, progress: float) -> float:
        return self.lr * self.factor ** math.floor(progress)


class InverseDecay(Schedule):
    """Divide by ``1 + decay`` after every epoch: lr / (1 + decay)^floor(progress).

    The initial ``lr`` is > 0, ``decay`` at least 0; 0 leaves the rate constant.
    """

    def __init__(self, lr: float, decay: float) -> None:
        self.lr = positive("lr", lr)
        self.decay = not_negative("decay", decay)

    def __call__(self, progress: float) -> float:
        # Not divided by the power, which overflows after some hundreds or thousands of epochs.
        return self.lr * (1 + self.decay) ** -math.floor(progress)


class CosineDecay(Schedule):
    """Fall along half a cosine from ``lr`` to ``floor`` within ``epochs``, then stay there.

        floor + (lr - floor) (1 + cos(pi progress / epochs)) / 2

    ``lr`` and ``epochs`` are > 0, ``floor`` in [0, lr]. The rate changes with every batch.

    References
    ----------
    Loshchilov and Hutter, SGDR, 2017. Equal to torch.optim.lr_scheduler.CosineAnnealingLR up to
    ``epochs``.
    """

    def __init__(self, lr: float, epochs: float, floor: float = 0.0) -> None:
        self.lr = positive("lr", lr)
        self.epochs = positive("epochs", epochs)
        self.floor = in_range("floor", floor, 0, lr)

    def __call__(self, progress: float) -> float:
        done = min(progress / self.epochs, 1.0)
        return self.floor + (self.lr - self.floor) * (1 + math.cos(math.pi * done)) / 2


class Warmup(Schedule):
    """Rise linearly from a fraction of another schedule's rate to all of it, then follow it.

        schedule(progress) (start + (1 - start) min(progress / epochs, 1))

    ``schedule`` is a rate or a schedule, whose progress counts from the beginning; the rise takes
    ``epochs`` > 0, from the fraction ``start`` in [0, 1].

    References
    ----------
    Goyal et al., Accurate, Large Minibatch SGD, 2017. Over a number, equal to
    torch.optim.lr_scheduler.LinearLR(start_factor=start).
    """

    def __init__(self, schedule: "float | Schedule", epochs: float, start: float = 0.1) -> None:
        self.schedule = expect_rate("schedule", schedule)
        self.epochs = positive("epochs", epochs)
        self.start = in_range("start", start, 0, 1)

    def __call__(self, progress: float) -> float:
        done = min(progress / self.epochs, 1.0)
        return rate_at(self.schedule, progress) * (self.start + (1 - self.start) * done)


def expect_rate(name: str, value: "float | Schedule") -> "float | Schedule":
    """Return ``value`` if it is a positive number or a schedule."""
    if isinstance(value, Real) and not isinstance(value, bool):  # numpy's numbers too
        return positive(name, value)
    return instance(name, value, Schedule, "CosineDecay(1e-3, epochs=10), or a number")


def rate_at(lr: "float | Schedule", progress: float) -> float:
    """Return the learning rate after ``progress`` epochs, whether it is a number or a schedule."""
    return lr(progress) if isinstance(lr, Schedule) else lr
