"""Comparison of all arms of a study to one of them."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from lamella.core.errors import ArgumentError
from lamella.studies.analysis.incomplete import missing_values
from lamella.studies.analysis.measures import Measure
from lamella.studies.analysis.runs import Runs
from lamella.studies.analysis.statistics import Difference, difference, with_verdicts
from lamella.studies.analysis.text_table import TextTable


@dataclass(frozen=True)
class Comparison:
    """Differences of all other arms to one arm; printing it shows a table.

    Attributes
    ----------
    measure : Measure
    to : str
        The arm that the others are compared to.
    differences : list of Difference
        In the order of the arms; iterating over the comparison yields them.
    notes : list of str
        Missing runs, with the reason.

    Examples
    --------
    ``results.compare(to="Adam")["SGD"].verdict`` is, say, "worse".
    """

    measure: Measure
    to: str
    differences: Sequence[Difference]
    notes: Sequence[str] = ()

    def __iter__(self) -> Iterator[Difference]:
        return iter(self.differences)

    def __len__(self) -> int:
        return len(self.differences)

    def __getitem__(self, arm: str) -> Difference:
        for found in self.differences:
            if found.arm == arm:
                return found
        known = ", ".join(repr(d.arm) for d in self.differences)
        raise KeyError(f"no arm {arm!r} is compared to {self.to!r}; there are {known}")

    def __str__(self) -> str:
        return str(self.table())

    __repr__ = __str__

    def table(self) -> TextTable:
        """Return the differences as a text table."""
        return TextTable(
            title=f"{_capital(self.measure.label)}, compared to {self.to}",
            head=["arm", f"difference{self._unit}", "95% interval", "p", "corrected", "pairs", ""],
            rows=[self._row(d) for d in self.differences],
            notes=[*self._method(), *self.notes],
            left=(6,),
        )

    @property
    def _unit(self) -> str:
        return {"%": ", points"}.get(
            self.measure.unit, self.measure.unit and f", {self.measure.unit}"
        )

    def _row(self, d: Difference) -> list[str]:
        show = self.measure.show
        interval = (
            "-" if math.isnan(d.low) else f"{show(d.low, sign=True)} to {show(d.high, sign=True)}"
        )
        verdict = f"{d.verdict} ({d.note})" if d.note else d.verdict
        return [
            d.arm,
            show(d.mean, sign=True),
            interval,
            show_p(d.p),
            show_p(d.p_adjusted),
            str(d.n),
            verdict,
        ]

    def _method(self) -> list[str]:
        tested = sum(not math.isnan(d.p) for d in self.differences)
        direction = "Higher" if self.measure.higher_is_better else "Lower"
        if not tested:
            return [f"{direction} is better. A verdict needs two seeds that both arms finished."]
        return [
            f"{direction} is better. Differences are paired by seed; intervals are not corrected;",
            f"verdicts: paired t-test, corrected for {tested} comparison{'s' * (tested > 1)} "
            "(Holm), p < 0.05.",
        ]


def compare(runs: Runs, to: str | None, measure: str | Measure | None) -> Comparison:
    """Compare every arm to the arm ``to``, or to the study's baseline if it is None.

    Raises
    ------
    ArgumentError
        If there is no such arm or measure, or nothing to compare.
    """
    to = runs.expect_arm(runs.study.baseline if to is None else to)
    if len(runs.arms) == 1:
        raise ArgumentError(f"the study has one arm, {to!r}: there is nothing to compare it to")
    measure = runs.measure(measure)
    values = runs.values(measure)
    missing = {arm: missing_values(runs, arm, measure, values[arm]) for arm in runs.arms}
    found = []
    for arm in values:
        if arm == to:
            continue
        paired = difference(arm, to, values[arm], values[to])
        notes = [missing[arm]] if missing[arm] and paired.n == 0 else [missing[arm], paired.note]
        found.append(replace(paired, note="; ".join(filter(None, notes))))
    differences = with_verdicts(found, higher_is_better=measure.higher_is_better)
    return Comparison(measure, to, differences, [f"{to}: {missing[to]}."] if missing[to] else [])


def show_p(p: float) -> str:
    """Return a p-value as text with three decimals, or a dash for nan."""
    if math.isnan(p):
        return "-"
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
