"""Error rates and coverage of comparisons: a short form of `python -m benchmarks.calibration`.

A rate may exceed its nominal value by three standard errors of the number of studies.
"""

import numpy as np
import pytest

pytest.importorskip("scipy")

from benchmarks.calibration.__main__ import tables
from benchmarks.calibration.draws import NOISES, Answers
from benchmarks.calibration.habits import grown_with_divergence, looked_by_hand
from benchmarks.calibration.pages import false_discoveries
from benchmarks.calibration.rates import (
    alike,
    by_answers,
    equivalent,
    false_verdicts,
    flattered,
    grown,
    mean_coverage,
)
from benchmarks.calibration.reading import HABITS, false_verdicts_of
from benchmarks.calibration.speeds import Race, speed_rates
from benchmarks.calibration.tuned import tuned_against_tuned, tuned_by_test

pytestmark = pytest.mark.slow

STUDIES = 400
MOST = 0.05 + 3 * (0.05 * 0.95 / STUDIES) ** 0.5


def test_every_table_can_be_made() -> None:
    titles = [table.title for table in tables(1, np.random.default_rng(0))]
    assert len(titles) == len({*titles}) > 10


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize(("arms", "seeds"), [(2, 3), (4, 5), (8, 10)])
def test_equal_arms_get_a_verdict_in_5_percent_of_studies(
    noise: str, arms: int, seeds: int
) -> None:
    assert false_verdicts(np.random.default_rng(0), noise, arms, seeds, STUDIES) <= MOST


@pytest.mark.parametrize("seeds", [3, 6, 20])
def test_arm_whose_lowest_runs_diverge_is_not_called_better(seeds: int) -> None:
    rng = np.random.default_rng(0)
    for fraction in (0.1, 0.4):
        assert flattered(rng, fraction, seeds, STUDIES, lowest=True) <= MOST
        assert flattered(rng, fraction, seeds, STUDIES, lowest=False) <= MOST
        assert alike(rng, fraction, seeds, STUDIES) <= MOST


def test_leaving_diverged_runs_out_would_flatter() -> None:
    rng = np.random.default_rng(0)
    assert flattered(rng, 0.4, 20, STUDIES, lowest=True, dropped=True) > 0.15


def test_verdicts_hold_for_the_population_of_test_samples() -> None:
    found = by_answers(np.random.default_rng(0), Answers(1000), (3, 10, 20), STUDIES)
    for rates in found.values():
        assert rates["shown"] <= MOST
        assert rates["samples"] >= 1 - MOST
        assert rates["seeds"] >= 1 - MOST
    assert found[20]["shown by seeds"] > 0.2


@pytest.mark.parametrize("seeds", [3, 10])
def test_equivalence_and_differences_together_hold_5_percent(seeds: int) -> None:
    for truth in ([0.0, 0.0, 0.0], [0.2, 0.2, 0.2], [0.0, 0.2, 0.6]):
        assert equivalent(np.random.default_rng(0), truth, 0.2, seeds, STUDIES)[0] <= MOST


def test_studies_that_grow_until_decided_hold_5_percent() -> None:
    rng = np.random.default_rng(0)
    for noise in ("normal", "skewed (exponential)"):
        assert grown(rng, noise, 4, 0.0, STUDIES)[0] <= MOST
    for effect in (0.0, 0.2):
        assert grown(rng, "normal", 4, effect, STUDIES, margin=0.2)[0] <= MOST
    _, shown, seeds = grown(rng, "normal", 2, 0.3, STUDIES // 4)
    assert shown > 0.95
    assert seeds < 10


def test_intervals_near_100_percent_hold_with_answers() -> None:
    for seeds in (2, 3):
        covered, _ = mean_coverage(
            np.random.default_rng(0), Answers(360), seeds, STUDIES // 4, answers=True
        )
        assert covered >= 0.9


@pytest.mark.parametrize("noise", ["normal", "skewed (exponential)"])
def test_tuned_arms_get_a_verdict_in_5_percent_of_studies(noise: str) -> None:
    for arms, seeds in ((2, 3), (4, 5), (2, 10)):
        assert tuned_against_tuned(np.random.default_rng(0), noise, arms, seeds, STUDIES) <= MOST


def test_a_choice_by_test_scores_would_flatter() -> None:
    assert tuned_by_test(np.random.default_rng(0), 10, STUDIES) > MOST


def test_looks_by_hand_do_not_add_false_verdicts() -> None:
    rng = np.random.default_rng(0)
    assert looked_by_hand(rng, (3, 5, 10), STUDIES) <= MOST
    assert looked_by_hand(rng, range(2, 21), STUDIES // 2) <= MOST
    assert looked_by_hand(rng, range(2, 21), STUDIES // 4, counted=False) > 0.15


def test_growing_study_does_not_call_an_arm_better_whose_lowest_runs_diverge() -> None:
    rng = np.random.default_rng(0)
    for fraction in (0.05, 0.4):
        assert grown_with_divergence(rng, fraction, STUDIES // 4) <= MOST


@pytest.mark.parametrize("seeds", [3, 5, 10, 20])
def test_equal_times_get_a_verdict_in_5_percent_of_studies(seeds: int) -> None:
    for race in (Race(), Race(epochs=4), Race(median=10, epochs=30), Race(diverging=0.2)):
        rates = speed_rates(np.random.default_rng(0), race, seeds, STUDIES, ["lamella"])
        assert rates["lamella"] <= MOST


def test_slower_arm_is_shown_with_five_seeds_and_one_that_diverges_is_not_faster() -> None:
    rng = np.random.default_rng(0)
    found = speed_rates(rng, Race(factor=1.4, epochs=5), 5, STUDIES)
    assert found["lamella"] > 0.5 > found["signed ranks"]
    slowest = Race(diverging=0.4, slowest=True)
    assert speed_rates(rng, slowest, 20, STUDIES, ["lamella"])["second faster"] <= MOST


@pytest.mark.parametrize("habit", HABITS)
@pytest.mark.parametrize("arms", [4, 6])
def test_verdicts_that_stand_in_the_ledger_are_false_in_5_percent(habit: str, arms: int) -> None:
    rng = np.random.default_rng(0)
    tables, ledger, _ = false_verdicts_of(rng, HABITS[habit], "normal", arms, 5, STUDIES // 2)
    assert ledger <= 0.05 + 3 * (0.05 * 0.95 / (STUDIES // 2)) ** 0.5
    assert tables >= ledger


def test_reading_around_without_a_ledger_flatters() -> None:
    habit = HABITS["four measures, to each arm"]
    tables, _, _ = false_verdicts_of(np.random.default_rng(0), habit, "normal", 4, 5, 100)
    assert tables > 0.15


def test_false_discoveries_on_a_page_are_5_percent() -> None:
    for differing in (0.0, 0.5):
        alone, together, _ = false_discoveries(np.random.default_rng(0), differing, 5, 100)
        assert together <= 0.05 + 3 * (0.05 * 0.95 / 100) ** 0.5
        assert together <= alone
