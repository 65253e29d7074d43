"""Numbers as the page says them: with true minus signs, and zero without one."""

import math

from lamella.studies.analysis.measures import Measure
from lamella.studies.analysis.statistics import Difference


def signed(measure: Measure, value: float) -> str:
    """Return a value with its sign; what rounds to zero has none. A dash if there is no value."""
    if not math.isfinite(value):
        return "–"
    text = measure.show(value, sign=True)
    digits = text.lstrip("+-")
    return text.replace("-", "−") if digits.strip("0.") else digits


def difference(measure: Measure, found: Difference) -> str:
    """Return a difference and, if there is one, its interval."""
    text = signed(measure, found.mean)
    if math.isfinite(found.low):
        text += f" [{signed(measure, found.low)}, {signed(measure, found.high)}]"
    return text
