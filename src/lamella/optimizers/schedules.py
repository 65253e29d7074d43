"""Learning rate schedules: functions of the number of epochs done.

``progress`` counts epochs and grows with every batch: 2.5 is the middle of the third epoch.
In your own training loop, which has no epochs, each step counts as one.
"""

import bisect
import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from numbers import Real

from lamella.core.config import Configured
from lamella.core.descriptors import checked
from lamella.core.errors import ArgumentError, UsageError
from lamella.core.validation import at_least, in_range, instance, not_negative, positive

__all__ = [
    "CosineDecay", "CosineDecayRestarts", "ExponentialDecay", "InverseDecay", "InverseTimeDecay",
    "LinearDecay", "PiecewiseConstant", "StepDecay", "Warmup",
]  # fmt: skip


class Schedule(Configured, ABC):
    """Learning rate that changes; give it to an optimizer in place of a number."""

    @abstractmethod
    def __call__(self, progress: float) -> float:
        """Return the learning rate after ``progress`` epochs."""


def expect_rate(name: str, value: "float | Schedule") -> "float | Schedule":
    """Return ``value`` if it is a positive number or a schedule."""
    if isinstance(value, Real) and not isinstance(value, bool):  # numpy's numbers too
        return positive(name, value)
    return instance(name, value, Schedule, "CosineDecay(1e-3, epochs=10), or a number")


def _positives(name: str, values: Sequence[float]) -> list[float]:
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise ArgumentError(f"{name} must be a list of numbers, got {values!r}")
    return [positive(name, value) for value in values]


class StepDecay(Schedule):
    """Multiply by ``factor`` after every ``every`` epochs: lr factor^floor(progress / every).

    The initial ``lr`` is > 0, ``every`` at least 1, ``factor`` in (0, 1].

    References
    ----------
    Equal to torch.optim.lr_scheduler.StepLR.
    """

    lr: float = checked(positive)
    every: int = checked(at_least, 1)
    factor: float = checked(in_range, 0, 1, left_open=True)

    def __init__(self, lr: float, every: int, factor: float = 0.1) -> None:
        self.lr, self.every, self.factor = lr, every, factor

    def __call__(self, progress: float) -> float:
        return self.lr * self.factor ** math.floor(progress / self.every)


class ExponentialDecay(Schedule):
    """Multiply by ``factor`` after every epoch: lr factor^floor(progress).

    The initial ``lr`` is > 0, ``factor`` in (0, 1].

    References
    ----------
    Equal to torch.optim.lr_scheduler.ExponentialLR.
    """

    lr: float = checked(positive)
    factor: float = checked(in_range, 0, 1, left_open=True)

    def __init__(self, lr: float, factor: float) -> None:
        self.lr, self.factor = lr, factor

    def __call__(self, progress: float) -> float:
        return self.lr * self.factor ** math.floor(progress)


class InverseDecay(Schedule):
    """Divide by ``1 + decay`` after every epoch: lr / (1 + decay)^floor(progress).

    A geometric sequence, ``ExponentialDecay(lr, 1 / (1 + decay))``; `InverseTimeDecay` is inverse
    in time. The initial ``lr`` is > 0, ``decay`` at least 0; 0 leaves the rate constant.
    """

    lr: float = checked(positive)
    decay: float = checked(not_negative)

    def __init__(self, lr: float, decay: float) -> None:
        self.lr, self.decay = lr, decay

    def __call__(self, progress: float) -> float:
        # Not divided by the power, which overflows after some hundreds or thousands of epochs.
        return self.lr * (1 + self.decay) ** -math.floor(progress)


class InverseTimeDecay(Schedule):
    """Fall with the inverse of time: lr / (1 + decay progress).

    The initial ``lr`` is > 0, ``decay`` at least 0. The rate changes with every batch.

    References
    ----------
    Equal to keras.optimizers.schedules.InverseTimeDecay(lr, decay_steps, decay) with the steps of
    an epoch as ``decay_steps``.
    """

    lr: float = checked(positive)
    decay: float = checked(not_negative)

    def __init__(self, lr: float, decay: float) -> None:
        self.lr, self.decay = lr, decay

    def __call__(self, progress: float) -> float:
        return self.lr / (1 + self.decay * progress)


class _Fall(Schedule):
    """Base of schedules that fall from ``lr`` to ``floor`` within ``epochs``."""

    lr: float = checked(positive)
    epochs: float = checked(positive)
    floor: float = checked(not_negative)

    def __init__(self, lr: float, epochs: float, floor: float = 0.0) -> None:
        self.lr, self.epochs = lr, epochs
        self.floor = in_range("floor", floor, 0, lr)

    def _on_cosine(self, done: float) -> float:
        """Return the rate on half a cosine from ``lr`` at 0 to ``floor`` at 1."""
        return self.floor + (self.lr - self.floor) * (1 + math.cos(math.pi * done)) / 2


class LinearDecay(_Fall):
    """Fall in a straight line from ``lr`` to ``floor`` within ``epochs``, then stay there.

        lr + (floor - lr) progress / epochs

    ``lr`` and ``epochs`` are > 0, ``floor`` in [0, lr]. The rate changes with every batch.

    References
    ----------
    Equal to torch.optim.lr_scheduler.LinearLR(start_factor=1, end_factor=floor / lr,
    total_iters=epochs), and to keras.optimizers.schedules.PolynomialDecay(power=1).
    """

    def __call__(self, progress: float) -> float:
        done = min(progress / self.epochs, 1.0)
        return self.lr * (1 - done) + self.floor * done


class PiecewiseConstant(Schedule):
    """Take one rate after the other: ``values[i]`` from ``boundaries[i - 1]`` epochs on.

    ``boundaries`` are numbers of epochs, > 0 and increasing; ``values`` are rates > 0, one more
    than boundaries. ``PiecewiseConstant([10, 15], [0.1, 0.01, 0.001])`` is 0.1 for ten epochs.

    References
    ----------
    Equal to torch.optim.lr_scheduler.MultiStepLR(milestones=boundaries) where each value is gamma
    times the one before. (Keras's PiecewiseConstantDecay holds a value for one step longer.)
    """

    boundaries: Sequence[float] = checked(_positives)
    values: Sequence[float] = checked(_positives)

    def __init__(self, boundaries: Sequence[float], values: Sequence[float]) -> None:
        self.boundaries, self.values = boundaries, values
        if any(a >= b for a, b in itertools.pairwise(self.boundaries)):
            raise ArgumentError(f"boundaries must increase, got {boundaries!r}")
        if len(self.values) != len(self.boundaries) + 1:
            raise ArgumentError(
                f"values must be one more than boundaries: {len(self.boundaries) + 1}, got "
                f"{values!r}"
            )

    def __call__(self, progress: float) -> float:
        return self.values[bisect.bisect_right(self.boundaries, progress)]


class CosineDecay(_Fall):
    """Fall along half a cosine from ``lr`` to ``floor`` within ``epochs``, then stay there.

        floor + (lr - floor) (1 + cos(pi progress / epochs)) / 2

    ``lr`` and ``epochs`` are > 0, ``floor`` in [0, lr]. The rate changes with every batch.

    References
    ----------
    Loshchilov and Hutter, SGDR, 2017. Equal to torch.optim.lr_scheduler.CosineAnnealingLR up to
    ``epochs``.
    """

    def __call__(self, progress: float) -> float:
        return self._on_cosine(min(progress / self.epochs, 1.0))


class CosineDecayRestarts(_Fall):
    """Fall along half a cosine from ``lr`` to ``floor``, begin again at ``lr``, and so on.

    The first cycle takes ``epochs`` > 0, each later one ``factor`` times the one before, a whole
    number of at least 1. ``lr`` is > 0, ``floor`` in [0, lr]. The rate changes with every batch.

    References
    ----------
    Loshchilov and Hutter, SGDR, 2017. Equal to
    torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(T_0=epochs, T_mult=factor, eta_min=floor).
    """

    factor: int = checked(at_least, 1)

    def __init__(self, lr: float, epochs: float, factor: int = 1, floor: float = 0.0) -> None:
        super().__init__(lr, epochs, floor)
        self.factor = factor

    def __call__(self, progress: float) -> float:
        length = self.epochs
        if self.factor == 1:
            progress = progress % length
        while progress >= length:
            progress -= length
            length *= self.factor
        return self._on_cosine(progress / length)


class Warmup(Schedule):
    """Rise linearly from a fraction of another schedule's rate to all of it, then follow it.

        schedule(progress) (start + (1 - start) min(progress / epochs, 1))

    The schedule falls while the rise multiplies it. With ``delay`` it begins where the rise ends:

        schedule(max(progress - epochs, 0)) (start + (1 - start) min(progress / epochs, 1))

    Parameters
    ----------
    schedule : float or Schedule
    epochs : float
        Duration of the rise, > 0.
    start : float
        Fraction of the rate at the beginning, in [0, 1].
    delay : bool
        Whether the schedule begins after the rise; by default it begins with it.

    References
    ----------
    Goyal et al., Accurate, Large Minibatch SGD, 2017. Over a number, equal to
    torch.optim.lr_scheduler.LinearLR(start_factor=start); with ``delay``, to SequentialLR of that
    and the schedule, milestones=[epochs], and to Keras's CosineDecay(warmup_steps=).
    """

    schedule: "float | Schedule" = checked(expect_rate)
    epochs: float = checked(positive)
    start: float = checked(in_range, 0, 1)

    def __init__(
        self,
        schedule: "float | Schedule",
        epochs: float,
        start: float = 0.1,
        *,
        delay: bool = False,
    ) -> None:
        self.schedule, self.epochs, self.start = schedule, epochs, start
        self.delay = instance("delay", delay, bool, "True")

    def __call__(self, progress: float) -> float:
        done = min(progress / self.epochs, 1.0)
        at = max(progress - self.epochs, 0.0) if self.delay else progress
        return rate_at(self.schedule, at) * (self.start + (1 - self.start) * done)


def rate_at(lr: "float | Schedule", progress: float) -> float:
    """Return the learning rate after ``progress`` epochs, whether it is a number or a schedule.

    Raise a UsageError if a schedule gives no finite number of at least 0.
    """
    if not isinstance(lr, Schedule):
        return lr
    rate = lr(progress)
    try:
        valid = 0 <= rate < math.inf
    except (TypeError, ValueError):
        valid = False
    if not valid:
        raise UsageError(
            f"the schedule {type(lr).__name__} gives {rate!r:.80} after {progress:g} epochs: a "
            "learning rate must be a finite number of at least 0"
        )
    return rate
