"""How fast the arms of a study reach a score: medians, restricted means and ratios."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from lamella.core.wording import capitalized
from lamella.studies.analysis.comparison import (
    Comparison,
    compare,
    show_p,
    verdict_with_remarks,
)
from lamella.studies.analysis.measures import TimeTo, interval_text
from lamella.studies.analysis.runs import Runs
from lamella.studies.analysis.survival import HALF, Survival
from lamella.studies.analysis.text_table import Tabular, TextTable
from lamella.studies.analysis.times import curve, times_by_arm


@dataclass(frozen=True)
class ArmSpeed:
    """How fast one arm reaches a score.

    Attributes
    ----------
    reached, of : int
        Seeds that reached it, of all that did not fail. Diverged runs never reach it.
    median : float
        Of the survival curve; infinite if half of the seeds never reach it.
    mean : float
        Restricted mean: of the times, or of `Speed.until` where that is shorter.
    curve : Survival
        Fraction of seeds that have not reached it yet.
    """

    reached: int
    of: int
    median: float
    mean: float
    curve: Survival


@dataclass(frozen=True, repr=False)
class Speed(Tabular):
    """Times to a score of all arms; printing it shows a table.

    Attributes
    ----------
    measure : TimeTo
    until : float
        Up to here all arms were followed: restricted means end here.
    longest : float
        End of the longest run.
    arms : mapping of str to ArmSpeed
    comparison : Comparison or None
        Ratios of times to the baseline, the same as `Results.compare` returns; None for one arm.
    """

    measure: TimeTo
    until: float
    longest: float
    arms: Mapping[str, ArmSpeed]
    comparison: Comparison | None

    def __getitem__(self, arm: str) -> ArmSpeed:
        return self.arms[arm]

    def table(self) -> TextTable:
        """Return one row per arm as a text table."""
        until = self.measure.show(self.until)
        head = ["arm", "got there", "median", f"mean up to {until}"]
        notes = [
            "Scores are known at the end of each epoch. Runs that end before count as longer, "
            "diverged ones as never."
        ]
        others = {}
        if self.comparison is not None:
            head += ["ratio", "95% interval", "p, corrected", "verdict"]
            others = {d.arm: d for d in self.comparison}
            notes += [f"Ratios to {self.comparison.to}, paired by seed; below 1 is faster."]
            notes += self.comparison.table().notes[1:]
        show, rows = self.measure.show, []
        for arm, each in self.arms.items():
            row = [arm, f"{each.reached} of {each.of}", self._median(each), show(each.mean)]
            if d := others.get(arm):
                ratio = self.measure.show_difference
                row += [ratio(d.mean), interval_text(ratio, d.low, d.high), show_p(d.p_adjusted)]
                row.append(verdict_with_remarks(d, self.measure))
            rows.append(row + [""] * (len(head) - len(row)))
        left = (len(head) - 1,) if others else ()
        return TextTable(capitalized(self.measure.label), head, rows, notes, left)

    def _median(self, each: ArmSpeed) -> str:
        if math.isfinite(each.median):
            return self.measure.show(each.median)
        if math.isinf(each.curve.followed):
            return "never" if each.of else "-"
        half = each.curve.times[each.curve.fractions <= HALF]
        return f"> {self.measure.show(half[0] if len(half) else each.curve.followed)}"


def speed(runs: Runs, threshold: float, measure: str | None, by: str, to: str | None) -> Speed:
    """Return how fast all arms reach a score; `lamella.studies.Results.speed` documents it."""
    chosen = runs.time_to(threshold, measure, by)
    times = times_by_arm(runs, chosen)
    curves = {arm: curve(own) for arm, own in times.items()}
    longest = max(
        (t.ended for own in times.values() for t in own.values() if t.ended < math.inf),
        default=math.nan,
    )
    until = min([longest, *(each.followed for each in curves.values())])
    arms = {
        arm: ArmSpeed(
            reached=sum(math.isfinite(t.reached) for t in own.values()),
            of=len(own),
            median=curves[arm].median,
            mean=curves[arm].mean(until),
            curve=curves[arm],
        )
        for arm, own in times.items()
    }
    to = to if to is None else runs.expect_arm(to)
    comparison = compare(runs, to, chosen) if len(runs.arms) > 1 else None
    return Speed(chosen, until, longest, arms, comparison)
