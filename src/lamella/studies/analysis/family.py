"""Differences of pairs of arms, and p of the other tests of their family."""

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress

from lamella.core.errors import LamellaError
from lamella.core.wording import named
from lamella.studies.analysis.difference import Difference, difference, untested
from lamella.studies.analysis.measures import Measure, TimeTo
from lamella.studies.analysis.reads import Read, Test, family_of
from lamella.studies.analysis.runs import Runs
from lamella.studies.analysis.sequential import over_looks
from lamella.studies.analysis.times import ratio, times_by_arm
from lamella.studies.definition.definition import StudyDefinition
from lamella.studies.definition.tables import merge

ALL_RUNS = "a verdict needs all runs"
ONE_RUN = "the seed changes nothing: all runs of each arm are one"


def differences_of(
    runs: Runs, measure: Measure, pairs: Sequence[tuple[str, str]]
) -> Iterator[Difference]:
    """Yield the difference of each pair, tested over all looks at the study.

    Pairs of which the runs lack an arm are left out, and those that cannot be compared not tested.
    Nor are those of some seeds only: a reader could stop, or choose them, as soon as they differ.
    """
    times = times_by_arm(runs, measure) if isinstance(measure, TimeTo) else {}
    values, correct = runs.ranked_values(measure), runs.correct(measure)
    gaps, copies = _gaps(runs), _copies(runs)
    for arm, other in pairs:
        if not {arm, other} <= values.keys():
            continue

        if reason := incomparable(runs.study, measure, arm, other):
            yield untested(arm, other, math.nan, 0, reason)
            continue

        def of_first(seeds: int, arm: str = arm, other: str = other) -> Difference:
            first = runs.seeds[:seeds]
            if times:
                sides = [{s: t for s, t in times[a].items() if s in first} for a in (arm, other)]
                return ratio(arm, other, *sides)
            return difference(
                arm,
                other,
                {seed: x for seed, x in values[arm].items() if seed in first},
                {seed: x for seed, x in values[other].items() if seed in first},
                higher_is_better=measure.higher_is_better,
                correct=(correct[arm], correct[other]),
            )

        looks = runs.looks
        found = of_first(len(runs.seeds)) if looks is None else over_looks(of_first, looks)
        reason = gaps.get(arm) or gaps.get(other, "")
        if {arm, other} <= copies and found.favours:
            reason = reason or ONE_RUN
        if reason and found.n > 1:
            found = untested(arm, other, found.mean, found.n, reason)
        yield found


def _gaps(runs: Runs) -> dict[str, str]:
    """Return, for each arm that lacks runs of the study or its folder, why it has no verdict."""
    if left_out := [seed for seed in runs.whole.seeds if seed not in runs.seeds]:
        return dict.fromkeys(runs.arms, f"without {named('seed', left_out)} of the folder")
    failed = [run.arm for run in runs.failed if run.status == "failed"]
    return dict.fromkeys([*(arm for arm, _ in runs.missing), *failed], ALL_RUNS)


def _copies(runs: Runs) -> set[str]:
    """Return the arms whose runs are all the same, whatever the seed."""
    found = set()
    for arm in runs.arms:
        numbers = [
            ([row["loss"] for row in run.epochs if "loss" in row], run.scores)
            for run in runs.of(arm)
        ]
        if len(numbers) > 1 and numbers[0][0] and all(each == numbers[0] for each in numbers):
            found.add(arm)
    return found


def incomparable(study: StudyDefinition, measure: Measure, arm: str, other: str) -> str:
    """Return why the difference of two arms would mean nothing; empty if it means something."""
    fields = [merge(study.base, study.arms[name]) for name in (arm, other)]
    vary, losses = ([each.get(name) for each in fields] for name in ("vary", "loss"))
    column = measure.column if isinstance(measure, TimeTo) else measure.name
    if vary[0] != vary[1]:
        return "the luck of the seed that one arm holds is in the difference: see sources()"
    if column.endswith("loss") and losses[0] != losses[1]:
        return "the arms minimise different losses"
    return ""


def all_tests(runs: Runs, reads: Iterable[Read]) -> list[Test]:
    """Return the tests of comparisons that were read, and of all arms of the folder as well.

    An arm that these runs lack can have been left out, and another baseline chosen, since they
    look best.
    """
    whole, found = runs.whole, list(reads)
    measures = dict.fromkeys(read.measure for read in found)
    found += [Read(measure, whole.baseline, tuple(whole.arms)) for measure in measures]
    return family_of(found, whole.baseline)


def p_values(runs: Runs, tests: Sequence[Test]) -> list[float]:
    """Return p of each test, uncorrected; 1 for those that the runs cannot repeat.

    They lack an arm that the folder of the study has, or the measure is not one of lamella's.
    """
    pairs: dict[str, list[tuple[str, str]]] = {}
    for measure, arms in tests:
        first, second = sorted(arms)
        pairs.setdefault(measure, []).append((first, second))
    found: dict[Test, float] = {}
    for name, there in pairs.items():
        with suppress(LamellaError):
            for d in differences_of(runs, runs.measure(name), there):
                found[name, frozenset((d.arm, d.to))] = d.p
    return [found.get(test, 1.0) for test in tests]
