"""Answer of a study in plain English: a sentence or two from its declared comparison."""

import math
from collections.abc import Sequence
from contextlib import suppress

from lamella.core.errors import UsageError
from lamella.core.wording import counted, listed
from lamella.studies.analysis.comparison import Comparison
from lamella.studies.analysis.difference import IDENTICAL, Difference
from lamella.studies.analysis.measures import Measure, interval_text
from lamella.studies.analysis.runs import Runs
from lamella.studies.analysis.sources import Sources, sources
from lamella.studies.definition.sources import sources_text


def answer(runs: Runs, comparison: Comparison | None) -> list[str]:
    """Return sentences on better, worse, equivalent and undecided arms, with their differences.

    Parameters
    ----------
    runs : Runs
    comparison : Comparison or None
        To the baseline; None if there is one arm.
    """
    if comparison is None:
        return [_one_arm(runs)]
    with suppress(UsageError):
        return [_spread(sources(runs, None))]
    measure, to = comparison.measure, comparison.to
    by_verdict: dict[str, list[Difference]] = {}
    for d in comparison:
        by_verdict.setdefault(d.verdict.partition(",")[0], []).append(d)
    sign = 1 if measure.higher_is_better else -1
    sentences = []
    for verdict, order in (("better", -sign), ("worse", sign)):
        found = sorted(by_verdict.get(verdict, []), key=lambda d: order * _or_zero(d.mean))
        if found:
            first, *others = found
            sentences.append(f"{first.arm} is {verdict} than {to}: {_by(first, measure)}.")
            sentences += [f"Also {verdict}: {_list(others, measure)}."] if others else []
    if same := by_verdict.get("equivalent", []):
        margin = _amount(measure, comparison.margin or 0.0)
        sentences.append(f"Equivalent to {to} within {margin}: {_list(same, measure)}.")
    undecided = by_verdict.get("undecided", [])
    if identical := [d for d in undecided if IDENTICAL in d.note]:
        arms = listed([d.arm for d in identical])
        sentences.append(f"{arms} and {to} have the same {measure.label} with every seed.")
    if undecided := [d for d in undecided if d not in identical]:
        sentences.append(_undecided(undecided, comparison, alone=not sentences))
    if untested := by_verdict.get("no verdict", []):
        sentences.append(_no_verdict(runs, untested, comparison))
    return sentences


def _one_arm(runs: Runs) -> str:
    (arm,) = runs.arms
    measure, e = runs.measure(None), runs.summary()[arm]
    if not e.n:
        return f"No run of {arm} has a {measure.label}."
    unit = measure.unit and f"{'' if measure.unit == '%' else ' '}{measure.unit}"
    of = _interval(measure, e.low, e.high, e.n)
    return f"{arm} has a {measure.label} of {measure.show(e.mean)}{unit} ({of})."


def _spread(found: Sources) -> str:
    measure = found.measure
    alone = [f"{sources_text([name])} {measure.show(s.sd)}" for name, s in found.alone.items()]
    return (
        f"Over seeds, the {measure.label} has a standard deviation of "
        f"{_amount(measure, found.together.sd)}; over those of one source alone: {listed(alone)}."
    )


def _by(d: Difference, measure: Measure) -> str:
    """Return the difference with its interval and seeds, or why there is no number."""
    if math.isnan(d.mean):
        return d.note or counted(d.n, "seed")
    side = "higher" if d.mean > 0 else "lower"
    low, high = (d.low, d.high) if math.isnan(d.low_samples) else (d.low_samples, d.high_samples)
    if low * high > 0:
        low, high = sorted((abs(low), abs(high)))
    of = _interval(measure, low, high, d.n)
    text = f"its {measure.label} is {_amount(measure, abs(d.mean))} {side} ({of})"
    return f"{text}; {d.note}" if d.note else text


def _interval(measure: Measure, low: float, high: float, seeds: int) -> str:
    interval = interval_text(measure.show, low, high)
    return ("" if interval == "-" else f"95% interval {interval}, ") + counted(seeds, "seed")


def _list(found: Sequence[Difference], measure: Measure) -> str:
    return ", ".join(
        d.arm if math.isnan(d.mean) else f"{d.arm} ({measure.show(d.mean, sign=True)})"
        for d in found
    )


def _undecided(found: Sequence[Difference], comparison: Comparison, *, alone: bool) -> str:
    measure = comparison.measure
    arms = listed([d.arm for d in found], "or")
    differ = "differs" if len(found) == 1 else "differ"
    text = f"{counted(max(d.n for d in found), 'seed')} do not decide whether {arms} {differ}"
    text += f" from {comparison.to} in {measure.label}" if alone else f" from {comparison.to}"
    if len(found) == 1 and alone and not math.isnan(found[0].mean):
        text += f": {_by(found[0], measure)}"
    smallest = [d.smallest_shown for d in found if not math.isnan(d.smallest_shown)]
    if not smallest:
        return f"{text}."
    amount = _amount(measure, max(smallest))
    text += f". A true difference of {amount} would have been seen with 80% probability."
    return text + (
        " More test samples would help, not more seeds."
        if all(d.needs_samples for d in found)
        else ""
    )


def _no_verdict(runs: Runs, found: Sequence[Difference], comparison: Comparison) -> str:
    if len(runs.seeds) > 1:
        arms = listed([d.arm for d in found], "or")
        return f"No verdict on {arms}: {found[0].note}."
    return "One seed allows no verdict: another seed may give another order."


def _amount(measure: Measure, value: float) -> str:
    return f"{measure.show(value)}{measure.unit_of_differences}"


def _or_zero(value: float) -> float:
    return 0.0 if math.isnan(value) else value
