"""Times to a score, and the ratio of two arms' times, paired by seed.

Some runs end before they reach the score, so that their times are only known to be longer. A t-test
of logarithms, in which such a run counts as if the next epoch had reached it, has more power than
rank tests, which need six seeds for any verdict; `python -m benchmarks.calibration` compares them.

References
----------
O'Brien and Fleming, A paired Prentice-Wilcoxon test for censored paired data, 1987.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from lamella.studies.analysis.difference import Difference, Verdict, difference
from lamella.studies.analysis.measures import TimeTo
from lamella.studies.analysis.ranks import all_or_none
from lamella.studies.analysis.runs import Runs
from lamella.studies.analysis.survival import Survival, survival
from lamella.studies.running.run import Run


@dataclass(frozen=True)
class Time:
    """Time of a run to a score.

    Attributes
    ----------
    reached : float
        Infinite if the run ended before.
    ended : float
        When the run ended; infinite if it diverged, since it can then never reach the score.
    next_epoch : float
        When one epoch more would have ended.
    """

    reached: float
    ended: float
    next_epoch: float

    @property
    def is_censored(self) -> bool:
        """Whether the run ended before it reached the score, and might have."""
        return math.isinf(self.reached) and math.isfinite(self.ended)


def time_of(run: Run, measure: TimeTo) -> Time:
    """Return the time of a run that is done or diverged."""
    epochs = len(run.epochs)
    ended = measure.elapsed(run, epochs)
    next_epoch = ended * (epochs + 1) / epochs if epochs else math.nan
    if not run.done:
        return Time(math.inf, math.inf, next_epoch)
    reached = measure.of(run)
    return Time(math.inf if math.isnan(reached) else reached, ended, next_epoch)


def times_by_arm(runs: Runs, measure: TimeTo) -> dict[str, dict[int, Time]]:
    """Return the times of all runs that did not fail, for each arm by seed.

    Raises
    ------
    DataError
        If no run has the score.
    """
    runs.values(measure)
    ended = [run for run in runs.runs if run.status != "failed" and measure.is_known(run)]
    return {
        arm: {run.seed: time_of(run, measure) for run in ended if run.arm == arm}
        for arm in runs.arms
    }


def curve(times: Mapping[int, Time]) -> Survival:
    """Return the survival curve of an arm's times by seed."""
    reached = [t.reached for t in times.values() if math.isfinite(t.reached)]
    return survival(reached, [t.ended for t in times.values() if math.isinf(t.reached)])


def ratio(arm: str, to: str, ours: Mapping[int, Time], theirs: Mapping[int, Time]) -> Difference:
    """Compare the times of two arms by the logarithm of their ratio, paired by seed.

    In a pair, a time is known up to the end of a run that did not reach the score. Both times
    are therefore limited to the end of the epoch after it: the least that this run can have
    needed. A diverged run never reaches the score; it counts as one epoch more than the longest
    run. If one arm never and the other always reaches it first, the test is that of `all_or_none`,
    without an interval.

    Returns
    -------
    Difference
        Of the natural logarithms of the times: exp(mean) is the geometric mean of the ratios.
    """
    seeds = [seed for seed in ours if seed in theirs]
    longest = max((t.next_epoch for side in (ours, theirs) for t in side.values()), default=1.0)
    pairs = [_limited(ours[seed], theirs[seed], longest) for seed in seeds]
    logs = [{s: math.log(pair[i]) for s, pair in zip(seeds, pairs, strict=True)} for i in (0, 1)]
    found = difference(arm, to, *logs, higher_is_better=False)
    never = [sum(math.isinf(side[s].reached) for s in seeds) for side in (ours, theirs)]
    signs = np.sign([a - b for a, b in pairs])
    if any(never) and not signs.any():
        return replace(found, mean=math.nan, note="no pair in which one got there first")
    if len(seeds) > 1 and sorted(never) == [0, len(seeds)] and abs(signs.sum()) == len(seeds):
        p, favours = all_or_none(len(seeds)), -int(signs[0])
        found = replace(found, p=p, p_adjusted=p, favours=favours, note="all-or-none test")
        found = replace(found, low=math.nan, high=math.nan, effect=math.nan, errors=())
    bound = {(True, False): "at least", (False, True): "at most"}.get((never[0] > 0, never[1] > 0))
    remarks = [found.note, f"the ratio is {bound} this" if bound else ""]
    return replace(found, note="; ".join(filter(None, remarks)))


def _limited(a: Time, b: Time, longest: float) -> tuple[float, float]:
    """Return the times of a pair, limited to the time up to which both are known."""
    limit = min([longest, *(t.next_epoch for t in (a, b) if t.is_censored)])
    return min(a.reached, limit), min(b.reached, limit)


def without_equivalence(d: Difference, times: Mapping[str, Mapping[int, Time]]) -> Difference:
    """Return a difference that is not called equivalent if a time is not known.

    Limited times can be equal where those that nobody waited for are not.
    """
    if all(math.isfinite(t.reached) for arm in (d.arm, d.to) for t in times[arm].values()):
        return d
    verdicts: dict[Verdict, Verdict] = {
        "equivalent": "undecided",
        "better, by less than the margin": "better",
        "worse, by less than the margin": "worse",
    }
    return replace(d, verdict=verdicts.get(d.verdict, d.verdict))
