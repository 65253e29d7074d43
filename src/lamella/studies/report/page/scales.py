"""Scales of drawings: maps from values to coordinates, with round ticks."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

CUT = 1e3  # times the median loss
TICKS = 8  # at most, on a logarithmic axis
STEPS = (1, 2, 2.5, 5, 10)
ACCURACIES = (0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9999)
MORE_ACCURACIES = (0.3, 0.7, 0.85, 0.93, 0.97, 0.985, 0.993, 0.997, 0.9985, 0.9993)


@dataclass(frozen=True)
class Scale:
    """Map from values in [low, high] to coordinates from ``start`` to ``end``.

    Values outside the range are clipped. The map is linear in ``transform(value)``, and ``note``
    says how, if that is not the value itself.
    """

    low: float
    high: float
    start: float
    end: float
    ticks: Sequence[tuple[float, str]]
    transform: Callable[[float], float] = float
    note: str = ""

    def __call__(self, value: float) -> float:
        low, high = self.transform(self.low), self.transform(self.high)
        fraction = (self.transform(min(max(value, self.low), self.high)) - low) / (high - low)
        return self.start + fraction * (self.end - self.start)

    def shown(self) -> list[tuple[float, str]]:
        """Return coordinate and text of the ticks in range."""
        return [(self(value), text) for value, text in self.ticks if self.low <= value <= self.high]


def linear(
    values: Sequence[float],
    start: float,
    end: float,
    text: Callable[[float, int], str] = lambda value, digits: f"{value:.{digits}f}",
    count: int = 4,
) -> Scale:
    """Return a linear scale with some room at both ends."""
    low, high = _span(values)
    ticks, digits = _round_numbers(low, high, count)
    return Scale(low, high, start, end, [(tick, text(tick, digits)) for tick in ticks])


def losses(values: Sequence[float], start: float, end: float) -> Scale:
    """Return a scale for losses: logarithmic if they differ by a factor above ten.

    It ends at 1000 times the median, so that a diverging loss does not hide the others.
    """
    positive = [value for value in values if value > 0]
    most = CUT * median(positive) if positive else 0.0
    note = "logarithmic axis" + (", cut at the top" if max(positive, default=0) > most else "")
    positive = [value for value in positive if value <= most]
    if not positive or max(positive) < 10 * min(positive):
        return linear(values, start, end)
    low, high = min(positive) / 1.15, max(positive) * 1.15
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    tens = [10.0**power for power in range(first, last + 1)]
    within = [ten for ten in tens if low <= ten <= high]
    tens = tens[:: math.ceil(len(within) / TICKS) or 1]
    if len(within) < 3:
        tens = [factor * ten for ten in tens for factor in (1, 3)]
    ticks = [(ten, f"{ten:g}") for ten in tens]
    return Scale(low, high, start, end, ticks, math.log10, note)


def accuracies(values: Sequence[float], start: float, end: float) -> Scale:
    """Return a scale for accuracies: logarithmic in the error if errors differ by a factor of four.

    The distance from 90 to 99% then equals that from 99 to 99.9%.
    """
    low, high = _span(values)
    low, high = max(0.0, low), min(1.0, high)
    errors = [1 - value for value in values]
    if max(errors) < 4 * max(min(errors), 1e-4):
        ticks, digits = _round_numbers(100 * low, 100 * high, 4)
        return Scale(low, high, start, end, [(t / 100, f"{t:.{digits}f}%") for t in ticks])
    high = 1 - max(min(errors) / 1.2, 1e-4)
    low = max(0.0, 1 - max(errors) * 1.15)
    ticks = [x for x in ACCURACIES if low <= x <= high]
    if len(ticks) < 4:
        ticks = [x for x in sorted((*ACCURACIES, *MORE_ACCURACIES)) if low <= x <= high]
    return Scale(
        low,
        high,
        start,
        end,
        [(tick, f"{100 * tick:.4g}%") for tick in ticks],
        lambda value: -math.log10(max(1 - value, 1e-4)),
        "axis logarithmic in the error",
    )


def _span(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    room = 0.06 * (high - low) or 0.05 * abs(high) or 1.0
    return low - room, high + room


def _round_numbers(low: float, high: float, count: int) -> tuple[list[float], int]:
    """Return about ``count`` round numbers in [low, high], and their number of decimals."""
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in STEPS if factor * power >= rough)
    digits = max(0, -math.floor(math.log10(step)))
    while digits < 9 and abs(round(step, digits) - step) > 1e-9 * step:
        digits += 1
    first = math.ceil(low / step)
    return [i * step for i in range(first, math.floor(high / step) + 1)], digits
