"""Scales of drawings: from numbers to places, with round numbers at the ticks."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

STEPS = (1, 2, 2.5, 5, 10)
SHARES = (0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9999)
BETWEEN = (0.3, 0.7, 0.85, 0.93, 0.97, 0.985, 0.993, 0.997, 0.9985, 0.9993)


@dataclass(frozen=True)
class Scale:
    """Where numbers between ``low`` and ``high`` stand on a line from ``start`` to ``end``."""

    low: float
    high: float
    start: float
    end: float
    ticks: Sequence[tuple[float, str]]
    bend: Callable[[float], float] = float

    def __call__(self, value: float) -> float:
        low, high = self.bend(self.low), self.bend(self.high)
        share = (self.bend(min(max(value, self.low), self.high)) - low) / (high - low)
        return self.start + share * (self.end - self.start)

    def shown(self) -> list[tuple[float, str]]:
        """Return place and text of the ticks."""
        return [(self(value), text) for value, text in self.ticks if self.low <= value <= self.high]


def linear(
    values: Sequence[float],
    start: float,
    end: float,
    text: Callable[[float, int], str] = lambda value, digits: f"{value:.{digits}f}",
    count: int = 4,
) -> Scale:
    """Return a scale of equal steps, with a little room on both sides."""
    low, high = _span(values)
    ticks, digits = _round_numbers(low, high, count)
    return Scale(low, high, start, end, [(tick, text(tick, digits)) for tick in ticks])


def losses(values: Sequence[float], start: float, end: float) -> Scale:
    """Return a scale for losses: of equal factors where they differ by more than ten."""
    positive = [value for value in values if value > 0]
    if not positive or max(positive) < 10 * min(positive):
        return linear(values, start, end)
    low, high = min(positive) / 1.15, max(positive) * 1.15
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    tens = [10.0**power for power in range(first, last + 1)]
    within = [ten for ten in tens if low <= ten <= high]
    if len(within) < 3:
        tens = [factor * ten for ten in tens for factor in (1, 3)]
    return Scale(low, high, start, end, [(ten, f"{ten:g}") for ten in tens], math.log10)


def accuracies(values: Sequence[float], start: float, end: float) -> Scale:
    """Return a scale for accuracies: by errors, in equal factors, where they differ by far.

    From 90 to 99% it is then as far as from 99 to 99.9%: a tenth of the errors.
    """
    low, high = _span(values)
    low, high = max(0.0, low), min(1.0, high)
    errors = [1 - value for value in values]
    if max(errors) < 4 * max(min(errors), 1e-4):
        ticks, digits = _round_numbers(100 * low, 100 * high, 4)
        return Scale(low, high, start, end, [(t / 100, f"{t:.{digits}f}%") for t in ticks])
    high = 1 - max(min(errors) / 1.2, 1e-4)
    low = max(0.0, 1 - max(errors) * 1.15)
    ticks = [share for share in SHARES if low <= share <= high]
    if len(ticks) < 4:
        ticks = [share for share in sorted((*SHARES, *BETWEEN)) if low <= share <= high]
    return Scale(
        low,
        high,
        start,
        end,
        [(share, f"{100 * share:.4g}%") for share in ticks],
        lambda value: -math.log10(max(1 - value, 1e-4)),
    )


def _span(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    room = 0.06 * (high - low) or 0.05 * abs(high) or 1.0
    return low - room, high + room


def _round_numbers(low: float, high: float, count: int) -> tuple[list[float], int]:
    """Return about ``count`` round numbers between two, and how many digits they need."""
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in STEPS if factor * power >= rough)
    digits = max(0, -math.floor(math.log10(step)))
    while digits < 9 and abs(round(step, digits) - step) > 1e-9 * step:
        digits += 1
    first = math.ceil(low / step)
    return [i * step for i in range(first, math.floor(high / step) + 1)], digits
