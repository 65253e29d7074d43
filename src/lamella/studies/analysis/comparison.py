"""Comparison of the arms of a study: all to one, or all pairs."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from lamella.core.errors import ArgumentError
from lamella.core.validation import number, positive
from lamella.core.wording import capitalized, counted
from lamella.studies.analysis.difference import Difference
from lamella.studies.analysis.family import all_tests, differences_of, p_values
from lamella.studies.analysis.incomplete import missing_values
from lamella.studies.analysis.measures import Measure, TimeTo, interval_text
from lamella.studies.analysis.reads import ALL, Read
from lamella.studies.analysis.runs import Runs
from lamella.studies.analysis.text_table import Tabular, TextTable
from lamella.studies.analysis.times import times_by_arm, without_equivalence
from lamella.studies.analysis.tuning import tuning_notes
from lamella.studies.analysis.verdicts import with_verdicts
from lamella.studies.definition.sources import sources_text


@dataclass(frozen=True, repr=False)
class Comparison(Tabular):
    """Differences between arms, as one family of tests; printing it shows a table.

    Attributes
    ----------
    measure : Measure
    to : str
        The arm that the others are compared to, or "all" for all pairs.
    differences : list of Difference
        In the order of the arms; iterating over the comparison yields them.
    notes : list of str
        Missing runs, with the reason.
    margin : float or None
        Differences below it do not matter; of times, the logarithm of a factor.
    family : list of float
        p of all tests that p is corrected for, those of ``differences`` among them.
    before : int
        How many of them stood in other comparisons that were read.
    method : str
        Of the correction: "Holm", or with a margin anywhere "Bonferroni".

    Examples
    --------
    ``results.compare(to="Adam")["SGD"].verdict`` is, say, "worse", and so is
    ``results.compare(to="all")["SGD", "Adam"].verdict``, for the difference SGD minus Adam.
    """

    measure: Measure
    to: str
    differences: Sequence[Difference]
    notes: Sequence[str] = ()
    margin: float | None = None
    family: Sequence[float] = ()
    before: int = 0
    method: str = "Holm"

    @property
    def read(self) -> Read:
        """The comparison as one that was read."""
        arms = dict.fromkeys(arm for d in self.differences for arm in (d.to, d.arm))
        return Read(self.measure.name, self.to, tuple(arms), self.margin)

    def __iter__(self) -> Iterator[Difference]:
        return iter(self.differences)

    def __len__(self) -> int:
        return len(self.differences)

    def __getitem__(self, arm: str | tuple[str, str]) -> Difference:
        for found in self.differences:
            if arm in (found.arm if self._is_to_one else None, (found.arm, found.to)):
                return found
        if self._is_to_one:
            known = ", ".join(repr(d.arm) for d in self.differences)
            raise KeyError(f"no arm {arm!r} is compared to {self.to!r}; there are {known}")
        known = ", ".join(f"{d.arm!r}, {d.to!r}" for d in self.differences)
        raise KeyError(f"no pair {arm!r} is compared; there are {known}")

    @property
    def _is_to_one(self) -> bool:
        return all(d.to == self.to for d in self.differences)

    def table(self) -> TextTable:
        """Return the differences as a text table."""
        one = self._is_to_one
        over_samples = any(len(d.errors) > 1 for d in self.differences)
        unit = self.measure.unit_of_differences
        contrast = f"{self.measure.contrast}{unit and ','}{unit}"
        head = ["arm" if one else "pair", contrast, "95% interval, new seeds"]
        head += ["95%, new seeds and samples"] * over_samples
        head += ["p, corrected", "P(better)", "effect", "pairs", "verdict"]
        others = f"compared to {self.to}" if one else "all pairs"
        return TextTable(
            title=f"{capitalized(self.measure.label)}, {others}",
            head=head,
            rows=[self._row(d, over_samples) for d in self.differences],
            notes=[*self._method(over_samples), *self.notes],
            left=(len(head) - 1,),
        )

    def _row(self, d: Difference, over_samples: bool) -> list[str]:
        intervals = [(d.low, d.high), (d.low_samples, d.high_samples)][: 1 + over_samples]
        show = self.measure.show_difference
        return [
            d.arm if self._is_to_one else f"{d.arm} - {d.to}",
            show(d.mean),
            *(interval_text(show, *ends) for ends in intervals),
            show_p(d.p_adjusted),
            "-" if math.isnan(d.p_better) else f"{d.p_better:.2f}",
            "-" if math.isnan(d.effect) else f"{d.effect:+.1f}",
            str(d.n),
            verdict_with_remarks(d, self.measure),
        ]

    def _method(self, over_samples: bool) -> list[str]:
        tested = sum(not math.isnan(d.p) for d in self.differences)
        direction = "Higher" if self.measure.higher_is_better else "Lower"
        if not tested:
            few = all(d.n < 2 for d in self.differences)
            return [f"{direction} is better.{' A verdict needs two seeds with both arms.' * few}"]
        reach = "new seeds, not new samples"
        if over_samples:
            every = all(len(d.errors) > 1 for d in self.differences if not math.isnan(d.p))
            reach = "new seeds and new test samples"
            reach += "" if every else " (without a second interval, new seeds only)"
        plural = capitalized(f"{self.measure.contrast}s")
        notes = [
            f"{direction} is better. {plural} are paired by seed; intervals are not corrected.",
            f"Verdicts are about {reach}: p < 0.05, corrected for {self._counts(tested)}.",
        ]
        if self.margin is not None:
            margin = self.measure.show_margin(self.margin)
            notes.append(f"Equivalent: within {margin}, by two one-sided tests.")
        return notes

    def _counts(self, here: int) -> str:
        """Return the number of tests in the family, and where they stand."""
        total = sum(not math.isnan(p) for p in self.family)
        text = f"{counted(total, 'comparison')} ({self.method})"
        could = total - here - self.before
        parts = [
            f"{here} here",
            f"{self.before} read before" if self.before else "",
            f"{could} that could be chosen instead" if could else "",
        ]
        return text if total == here else f"{text}: {', '.join(filter(None, parts))}"


def compare(
    runs: Runs, to: str | None, measure: str | Measure | None, margin: float | None = None
) -> Comparison:
    """Compare every arm to the arm ``to``, by default the baseline; with "all" compare all pairs.

    Raises
    ------
    ArgumentError
        If there is no such arm or measure, nothing to compare, or the margin is not above 0.
    """
    if to != ALL or ALL in runs.arms:
        to = runs.expect_arm(runs.study.baseline if to is None else to)
    measure = runs.measure(measure)
    if margin is not None:
        margin = float(_check_margin(margin, measure))
    here = Read(measure.name, str(to), tuple(runs.arms), margin)
    if not here.pairs:
        raise ArgumentError(f"the study has one arm, {to!r}: there is nothing to compare it to")
    return compare_among(runs, here, measure, list(runs.reads))


def declared(runs: Runs) -> Comparison | None:
    """Return the comparison to the baseline by the default measure; None if there is one arm.

    It has the smallest margin with which it was read, if any.
    """
    if len(runs.arms) < 2:
        return None
    measure, to = runs.measure(None), runs.study.baseline
    margins = [read.margin for read in runs.reads if (read.measure, read.to) == (measure.name, to)]
    return compare(runs, to, measure, min(filter(None, margins), default=None))


def compare_among(runs: Runs, here: Read, measure: Measure, reads: Sequence[Read]) -> Comparison:
    """Make a comparison, with p corrected for all that were read; see `counted`."""
    missing = {arm: missing_values(runs, arm, measure) for arm in runs.arms}
    found = []
    for paired in differences_of(runs, measure, here.pairs):
        theirs = missing[paired.to] and f"{paired.to}: {missing[paired.to]}"
        remarks = [missing[paired.arm], theirs if paired.note else "", paired.note]
        found.append(replace(paired, note="; ".join(filter(None, remarks))))
    others = dict.fromkeys(d.to for d in found)
    notes = [f"{arm}: {missing[arm]}." for arm in others if missing[arm]]
    if runs.looks is not None:
        notes.append(f"The study was {runs.looks}: p and intervals hold for all looks together.")
    notes += tuning_notes(runs.study.tuning)
    if vary := runs.study.base.get("vary"):
        only = sources_text(vary)
        notes.append(f"Only {only} vary with the seed: verdicts hold for the others as they are.")
    own, before = set(here.tests), {test for read in reads for test in read.tests}
    tests = [test for test in all_tests(runs, [*reads, here]) if test not in own]
    p_others = p_values(runs, tests)
    equivalence = any(read.margin is not None for read in reads)
    found = with_verdicts(found, here.margin, others=p_others, equivalence=equivalence)
    if isinstance(measure, TimeTo):
        times = times_by_arm(runs, measure)
        found = [without_equivalence(d, times) for d in found]
    return Comparison(
        measure,
        here.to,
        found,
        notes,
        here.margin,
        family=[*(d.p for d in found), *p_others],
        before=sum(test in before and p == p for test, p in zip(tests, p_others, strict=True)),
        method="Holm" if here.margin is None and not equivalence else "Bonferroni",
    )


def _check_margin(margin: float, measure: Measure) -> float:
    """Return the margin; of times, the logarithm of a factor."""
    if isinstance(measure, TimeTo):
        if number("margin", margin) <= 1:
            raise ArgumentError(
                f"the margin of a time is a factor above 1, such as 1.25; got {margin!r}"
            )
        return math.log(margin)
    if positive("margin", margin) >= 1 and measure.unit == "%":
        raise ArgumentError(
            f"the margin of an accuracy is a fraction, such as 0.002 for 0.2 points; got {margin!r}"
        )
    return margin


def verdict_with_remarks(d: Difference, measure: Measure) -> str:
    """Return the verdict with its remark, and if undecided with the difference it would take."""
    remarks = [d.note]
    if not math.isnan(d.smallest_shown):
        smallest = f"{measure.show(d.smallest_shown)}{measure.unit_of_differences}"
        if isinstance(measure, TimeTo):
            smallest = f"a ratio of {measure.show_difference(d.smallest_shown)}"
        remarks.append(f"80% power from {smallest}")
        remarks.append("more test samples would help, not more seeds" if d.needs_samples else "")
    remark = "; ".join(filter(None, remarks))
    return f"{d.verdict} ({remark})" if remark else d.verdict


def show_p(p: float) -> str:
    """Return a p-value as text with three decimals, or a dash for nan."""
    if math.isnan(p):
        return "-"
    return "< 0.001" if p < 0.001 else f"{p:.3f}"
