"""Plans: power beside scipy's noncentral t, and beside simulated studies."""

import numpy as np
import pytest

from lamella.core.errors import ArgumentError, UsageError
from lamella.studies.analysis.planning import plan_seeds, power_of
from tests.studies.small import RUN, small_study
from tests.studies.synthetic import scored

stats = pytest.importorskip("scipy.stats", reason="plans need scipy")


@pytest.mark.parametrize("seeds", [2, 5, 20])
@pytest.mark.parametrize("comparisons", [1, 7])
def test_power_is_that_of_the_noncentral_t_distribution(seeds: int, comparisons: int) -> None:
    bound = stats.t.isf(0.025 / comparisons, seeds - 1)
    expected = stats.nct.sf(bound, seeds - 1, 0.3 / 0.2 * seeds**0.5)
    assert power_of(-0.3, 0.2, seeds, comparisons) == pytest.approx(expected)


def test_power_is_the_fraction_of_simulated_studies_that_show_the_difference() -> None:
    d = 0.3 + 0.1775 * np.random.default_rng(0).standard_normal((20_000, 5))
    shown = (stats.ttest_1samp(d, 0, axis=1).pvalue < 0.05 / 3).mean()
    assert power_of(0.3, 0.1775, 5, 3) == pytest.approx(shown, abs=0.01)


def test_a_plan_has_the_least_seeds_with_the_power() -> None:
    for comparisons in (1, 3, 7):
        plan = plan_seeds(0.3, 0.1775, comparisons)
        assert plan.power >= 0.8 > power_of(0.3, 0.1775, plan.seeds - 1, comparisons)
    assert [plan_seeds(0.3, 0.1775, k).seeds for k in (1, 3, 7)] == [5, 7, 9]
    assert plan_seeds(1e-9, 1.0).seeds == 10_000


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"effect": 0.0, "sd": 1.0}, "effect"),
        ({"effect": 0.1, "sd": 0.0}, "sd"),
        ({"effect": 0.1, "sd": 1.0, "power": 1.0}, "power"),
        ({"effect": 0.1}, "pilot=results of a few seeds, or sd="),
    ],
)
def test_wrong_plans_are_refused(wrong: dict[str, float], text: str) -> None:
    with pytest.raises(ArgumentError, match=text):
        small_study().plan(**wrong)


def test_a_pilot_gives_the_spread() -> None:
    study = small_study(seeds=3)
    pilot = study.run(**RUN)
    sds = [d.errors[0].error * 3**0.5 for d in pilot.compare(measure="test_loss")]
    plan = study.plan(0.1, pilot=pilot, measure="test_loss")
    assert plan == study.plan(0.1, sd=max(sds))
    assert plan.comparisons == 2
    assert str(plan).startswith(f"{plan.seeds} seeds show a difference of 0.1 with probability 0.")


def test_an_effect_is_a_number() -> None:
    with pytest.raises(ArgumentError, match="effect must be a finite number, got 'x'"):
        plan_seeds("x", 1.0)  # type: ignore[arg-type]


def test_power_with_new_test_samples_is_that_of_simulated_studies() -> None:
    """Differences of 0.3 on seeds of deviation 0.2 and samples of standard error 0.1."""
    rng, n = np.random.default_rng(1), 6
    samples = 0.1 * rng.standard_normal(20_000)
    d = 0.3 + samples[:, None] + 0.2 * rng.standard_normal((20_000, n))
    of_seeds = d.var(axis=1, ddof=1) / n
    variance = of_seeds + 0.1**2
    df = (n - 1) * (variance / of_seeds) ** 2
    p = 2 * stats.t.sf(abs(d.mean(axis=1)) / variance**0.5, df)
    assert power_of(0.3, 0.2, n, samples=0.1) == pytest.approx((p < 0.05).mean(), abs=0.02)


def test_a_plan_says_where_no_number_of_seeds_helps() -> None:
    plan = plan_seeds(0.1, 0.2, samples=0.1)
    assert (plan.seeds, plan.wanted) == (10_000, 0.8)
    assert plan.power == pytest.approx(stats.norm.cdf(1 - 1.96), abs=1e-3)
    assert "More seeds would not help, but more test samples." in str(plan)
    assert "Other test samples are not considered." in str(plan_seeds(0.1, 0.2))


def test_answers_of_a_pilot_give_the_error_of_the_test_samples() -> None:
    study = small_study(seeds=4)
    pilot = study.run(**RUN)
    plan = study.plan(0.1, pilot=pilot)
    errors = [d.errors for d in pilot.compare()]
    expected = max(wide.error**2 - own.error**2 for own, wide in errors) ** 0.5
    assert plan.samples == pytest.approx(expected)
    assert f"the test samples a standard error of {expected:.3g}" in str(plan)


def test_a_pilot_without_spread_is_refused() -> None:
    with pytest.raises(UsageError, match="difference is not the same with every seed"):
        small_study().plan(0.1, pilot=scored({"a": [0.9, 0.9], "b": [0.8, 0.8]}))
