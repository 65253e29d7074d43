"""Differences over all looks: p, repeated intervals, equivalence."""

from dataclasses import replace

import numpy as np
import pytest

from lamella.studies.analysis.difference import Difference, difference
from lamella.studies.analysis.looks import Looks
from lamella.studies.analysis.sequential import over_looks
from lamella.studies.analysis.verdicts import with_verdicts

stats = pytest.importorskip("scipy.stats", reason="comparisons need scipy")
AT = (3, 4, 5, 6, 7, 8)


def grown(d: np.ndarray, looks: Looks) -> Difference:
    def of_first(seeds: int) -> Difference:
        ours = dict(enumerate(d[:seeds].tolist()))
        return difference("a", "b", ours, dict.fromkeys(ours, 0.0))

    return over_looks(of_first, looks)


def test_p_and_interval_are_those_of_the_bounds_of_the_look() -> None:
    d = np.random.default_rng(1).standard_normal(8) + 0.8
    looks = Looks(AT, 8)
    found = grown(d, looks)
    plain = stats.ttest_1samp(d, 0)
    p_values = [float(stats.ttest_1samp(d[:n], 0).pvalue) for n in AT]
    assert found.p == pytest.approx(looks.p_value(p_values))
    interval = plain.confidence_interval(1 - looks.level(0.05))
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
    assert found.low < plain.confidence_interval(0.95).low


def test_a_difference_shown_at_an_early_look_stays_shown() -> None:
    early = np.array([1.0, 1.02, 0.99, -3, 4, -2, 3, 0.5])
    assert with_verdicts([grown(early, Looks(AT, 8))])[0].verdict == "better"
    assert with_verdicts([replace(grown(early, Looks((8,), 8)))])[0].verdict == "undecided"


@pytest.mark.slow
@pytest.mark.parametrize("true", [0.0, 0.3])
def test_verdicts_with_a_margin_are_wrong_in_five_percent(true: float) -> None:
    """With a true difference of 0, "better" is wrong; with one of the margin, "equivalent" is."""
    rng, wrong, runs = np.random.default_rng(3), 0, 2000
    for _ in range(runs):
        d = true + 0.2 * rng.standard_normal(8)
        for n in AT:
            verdict = with_verdicts([grown(d, Looks(AT, n))], 0.3)[0].verdict
            if verdict != "undecided":
                break
        is_different = "better" in verdict or "worse" in verdict
        wrong += is_different if true == 0 else verdict == "equivalent"
    assert wrong / runs < 0.06
