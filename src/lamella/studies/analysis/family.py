"""Differences of pairs of arms, and p of the other tests of their family."""

from collections.abc import Iterator, Sequence
from contextlib import suppress

import numpy as np

from lamella.core.errors import LamellaError
from lamella.studies.analysis.difference import Difference, difference, untested
from lamella.studies.analysis.measures import Measure, TimeTo
from lamella.studies.analysis.reads import Test
from lamella.studies.analysis.runs import Runs
from lamella.studies.analysis.sequential import over_looks
from lamella.studies.analysis.times import ratio, times_by_arm
from lamella.studies.definition.definition import StudyDefinition
from lamella.studies.definition.tables import merge


def differences_of(
    runs: Runs, measure: Measure, pairs: Sequence[tuple[str, str]]
) -> Iterator[Difference]:
    """Yield the difference of each pair, tested over all looks at the study.

    Pairs of which the runs lack an arm are left out, and those that cannot be compared not tested.
    """
    times = times_by_arm(runs, measure) if isinstance(measure, TimeTo) else {}
    values, correct = runs.ranked_values(measure), runs.correct(measure)
    for arm, other in pairs:
        if not {arm, other} <= values.keys():
            continue

        if reason := _incomparable(runs.study, measure, arm, other):
            yield untested(arm, other, np.zeros(0), reason)
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
        yield of_first(len(runs.seeds)) if looks is None else over_looks(of_first, looks)


def _incomparable(study: StudyDefinition, measure: Measure, arm: str, other: str) -> str:
    """Return why the difference of two arms would mean nothing; empty if it means something."""
    fields = [merge(study.base, study.arms[name]) for name in (arm, other)]
    vary, losses = ([each.get(name) for each in fields] for name in ("vary", "loss"))
    column = measure.column if isinstance(measure, TimeTo) else measure.name
    if vary[0] != vary[1]:
        return "the luck of the seed that one arm holds is in the difference: see sources()"
    if column.endswith("loss") and losses[0] != losses[1]:
        return "the arms minimise different losses"
    return ""


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
