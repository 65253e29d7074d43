"""Spread of scores by source: standard deviations, their intervals, and what cannot be known."""

import math
from collections.abc import Sequence

import numpy as np
import pytest

from lamella.core.errors import UsageError
from lamella.studies.analysis.sources import Spread, _interaction, _over_samples
from lamella.studies.definition.tables import Table
from lamella.studies.results import Results
from tests.studies.small import RUN, small_study
from tests.studies.synthetic import run, scored, study

stats = pytest.importorskip("scipy.stats", reason="scipy is not installed")


def by_source(values: dict[str, Sequence[float]]) -> Results:
    """Return results of a study of sources; "all" varies them all."""
    seeds = max(map(len, values.values()))
    arms: dict[str, Table] = {name: {} if name == "all" else {"vary": [name]} for name in values}
    runs = [
        run(arm, seed, {"test_accuracy": x})
        for arm, numbers in values.items()
        for seed, x in enumerate(numbers)
    ]
    definition = study(list(values), seeds)
    definition.arms = arms
    return Results(definition, runs)


def test_each_source_has_the_standard_deviation_of_its_runs() -> None:
    values = {"all": [0.90, 0.92, 0.97], "order": [0.9, 0.9, 0.91], "init": [0.90, 0.92, 0.93]}
    found = by_source(values).sources()
    assert list(found.alone) == ["init", "order"]
    assert found["order"].sd == pytest.approx(np.std(values["order"], ddof=1))
    assert found.together.sd == pytest.approx(np.std(values["all"], ddof=1))
    parts = sum(np.var(values[name], ddof=1) for name in ("init", "order"))
    assert found.interaction == pytest.approx(parts - np.var(values["all"], ddof=1))
    text = str(found)
    assert text.startswith("Spread of test accuracy, by source")
    assert "initial weights" in text
    assert "Not varied alone, such as what the arm does not have: dropout and" in text
    assert "the answers to them are not kept" in text


def test_interval_of_a_standard_deviation_is_the_chi_squared_one() -> None:
    low, high = Spread(2.0, 9).interval()
    assert low == pytest.approx(2 * math.sqrt(9 / stats.chi2(9).ppf(0.975)))
    assert high == pytest.approx(2 * math.sqrt(9 / stats.chi2(9).ppf(0.025)))
    assert math.isnan(Spread(0.0, 9).interval()[0])


def test_source_without_effect_is_zero_and_said_to_be() -> None:
    found = by_source({"all": [0.9, 0.92, 0.97], "split": [0.9, 0.9, 0.9]}).sources()
    assert found["split"].sd == 0
    assert "The score is the same with every seed of validation split." in str(found)
    assert math.isnan(found.interaction_interval[0])


def test_interval_of_the_interaction_covers_it() -> None:
    rng, covered = np.random.default_rng(0), 0
    for _ in range(300):  # two sources that only add up
        a, b, c, d = rng.standard_normal((4, 10)) * [[1.0], [0.5], [1.0], [0.5]]
        spreads = [Spread(float(x.std(ddof=1)), 9) for x in (a, b, c + d)]
        _, (low, high) = _interaction(spreads[2], spreads[:2])
        covered += low <= 0 <= high
    assert covered / 300 >= 0.92


def test_interval_over_test_samples_covers_the_spread_over_test_sets() -> None:
    rng, covered, n = np.random.default_rng(0), 0, 2000
    chance = rng.beta(0.5, 0.03, 100_000)  # of each sample of the population to be answered rightly
    truth = chance.std() / math.sqrt(n)
    for _ in range(200):
        sample = rng.choice(chance, n)
        low, high = _over_samples(rng.random((5, n)) < sample).interval()
        covered += low <= truth <= high
    assert 0.9 <= covered / 200 <= 0.99


def test_runs_of_another_study_are_refused() -> None:
    with pytest.raises(UsageError, match=r"call study.sources\(\).run"):
        scored({"a": [0.9], "b": [0.8]}).sources()
    values = {"all": [0.9, 0.8], "init": [0.9, 0.8]}
    other = by_source(values).study
    other.arms["init"]["epochs"] = 3
    with pytest.raises(UsageError, match="do not vary one source at a time"):
        Results(other, []).sources()


def test_one_seed_and_diverged_runs_are_said() -> None:
    assert math.isnan(by_source({"all": [0.9], "init": [0.9]}).sources().together.sd)
    complete = by_source({"all": [0.9, 0.8, 0.7], "init": [0.9, 0.8, 0.7]})
    lost = run("init", 2, status="diverged")
    results = Results(complete.study, [*complete.runs[:-1], lost])
    assert results.sources()["init"].df == 1
    assert "init: diverged with seed 2." in str(results.sources())


def test_sources_of_trained_runs_are_the_same_from_their_folder(tmp_path: object) -> None:
    pytest.importorskip("joblib", reason="joblib is not installed")
    results = small_study().sources("dropped", seeds=3).run(**RUN, out=tmp_path)
    found = results.sources()
    assert min(each.sd for each in found.alone.values()) > 0
    assert found.samples is not None
    loaded = Results.load(tmp_path).sources()
    assert loaded.table().rows == found.table().rows
