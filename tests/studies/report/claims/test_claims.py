"""The claims of the report, judged by synthetic results with known verdicts."""

import math
import tomllib
from collections.abc import Mapping
from importlib import resources
from typing import Any

import numpy as np
import pytest
from scipy import stats

from lamella.studies.analysis.difference import Difference
from lamella.studies.analysis.measures import MEASURES
from lamella.studies.definition import bundled
from lamella.studies.report.claims import Claim, Evidence, Part, judge
from lamella.studies.report.claims.claim import corrected
from lamella.studies.report.claims.evidence import SeedValues
from lamella.studies.results import Results
from lamella.studies.running.archived_run import archived
from tests.studies.made_up_studies import results_of, some_seeds

WIDTHS = ("[64, 10]", "[128, 25]", "[256, 30]", "[512, 64]", "[1024, 128]")


def judged(number: int, ends: Mapping[str, Mapping[str, Any]]) -> Claim:
    """Return one claim, judged by studies whose arms end at the scores ``ends``."""
    claims = judge([results_of(name, arms) for name, arms in ends.items()])
    return next(claim for claim in claims if claim.number == number)


def verdicts(claim: Claim) -> list[str]:
    return [part.verdict for part in claim.parts]


def test_claims_name_only_studies_and_mistakes_that_exist() -> None:
    page = resources.files("lamella.studies.report.page")
    mistakes = tomllib.loads((page / "mistakes.toml").read_text(encoding="utf-8"))
    claims = judge([])
    assert [claim.number for claim in claims] == list(range(71, 87))
    for claim in claims:
        assert set(claim.studies) <= set(bundled.names())
        assert set(claim.mistakes) <= set(mistakes)
        for part in claim.parts:
            assert not set("{}") & set(part.statement + part.criterion)


def test_all_evidence_finds_its_study_and_its_arms() -> None:
    for claim in judge([results_of(name) for name in bundled.names()]):
        for part in claim.parts:
            assert part.evidence
            for finding in part.evidence:
                assert finding.difference.n >= 3, (claim.number, part.statement)


def test_claims_rest_on_no_other_studies_than_those_they_name() -> None:
    for claim in judge([results_of(name) for name in bundled.names()]):
        again = judge([results_of(name) for name in claim.studies])
        (same,) = [each for each in again if each.number == claim.number]
        assert verdicts(same) == verdicts(claim)
        assert all(each.verdict == "not run" for each in judge([]))


def test_equal_arms_show_no_claim_about_differences() -> None:
    for claim in judge([results_of(name) for name in bundled.names()]):
        for part in claim.parts:
            margins = any(finding.by or finding.bound is not None for finding in part.evidence)
            nothing = part.verdict in ("undecided", "no difference")
            assert margins or nothing, (claim.number, part.statement)


def part_of(*outcomes: tuple[int, float, float]) -> Part:
    """Return a part whose evidence favours, has p and p_same as given."""
    side = SeedValues("a", {0: 1.0, 1: 1.0})
    nan = math.nan
    return Part(
        "",
        "",
        [
            Evidence(
                MEASURES["test_accuracy"],
                side,
                side,
                True,
                0.0,
                Difference("a", "b", nan, nan, nan, p, p, 2, favours=favours),
                p_same=same,
            )
            for favours, p, same in outcomes
        ],
    )


def test_verdicts_of_a_page_are_corrected_for_all_its_statements() -> None:
    p_values = [0.001, 0.015, 0.02, 0.04, 0.9]
    parts = [part_of((1, p, math.nan)) for p in p_values]
    claims = [Claim(1, "", "", parts[:2], []), Claim(2, "", "", parts[2:], [])]
    found = [part for claim in corrected(claims) for part in claim.parts]
    expected = stats.false_discovery_control(p_values)
    np.testing.assert_allclose([part.p_adjusted for part in found], expected)
    assert [part.verdict for part in found] == ["holds"] * 3 + ["undecided"] * 2


@pytest.mark.parametrize(
    ("outcomes", "verdict", "p"),
    [
        ([(1, 0.01, 0.9), (1, 0.04, 0.9)], "holds", 0.04),  # all must hold: no correction
        ([(1, 0.01, 0.9), (-1, 0.02, 0.9)], "does not hold", 0.04),  # one is enough: corrected
        ([(1, 0.01, 0.9), (-1, 0.5, 0.015)], "no difference", 0.03),
        ([(1, 0.001, 0.01), (1, 0.002, 0.9)], "holds", 0.002),  # better, by less than the margin
        ([(-1, 0.8, math.nan)], "does not hold", 0.8),
        ([(0, 1.0, math.nan)], "undecided", math.nan),
    ],
)
def test_statement_needs_all_its_differences(
    outcomes: list[tuple[int, float, float]], verdict: str, p: float
) -> None:
    found, value = part_of(*outcomes).conclusion
    assert (found, value) == (verdict, pytest.approx(p, nan_ok=True))


def test_one_seed_decides_no_part_of_any_claim() -> None:
    alone = [some_seeds(results_of(name), [0]) for name in bundled.names()]
    for claim in judge(alone):
        assert set(verdicts(claim)) == {"undecided"}, claim.number


def test_learning_rate_claim_holds_where_long_steps_are_bad() -> None:
    ends = {
        "5e-4": {"loss": 0.010, "from": 7, "test": 0.98},
        "5e-3": {"loss": 0.005, "from": 3, "test": 0.98},
        "5e-2": {"loss": 0.500, "val": 0.90, "test": 0.90, "jitter": 0.1},
        "5e-1": {"loss": 2.000, "val": 0.50, "test": 0.50, "jitter": 0.3},
    }
    claim = judged(71, {"learning-rate": ends})
    assert verdicts(claim) == ["holds"] * 4 + ["does not hold"]
    assert claim.verdict == "holds in part"


def test_learning_rate_claim_counts_a_step_that_diverges_as_bad() -> None:
    ends = {"5e-1": {"status": "diverged"}, "5e-2": {"test": 0.9}}
    claim = judged(71, {"learning-rate": ends})
    assert claim.parts[2].verdict == "holds"
    notes = {finding.note for finding in claim.parts[2].evidence}
    assert "5e-1 diverged with every seed; all-or-none test" in notes


@pytest.mark.parametrize(
    ("adam", "expected"),
    [
        ({"16": {"test": 0.98}}, ["holds", "holds", "no difference"]),
        ({"256": {"test": 0.90}}, ["holds", "does not hold", "no difference"]),
        ({"64": {"fall": 0.03}}, ["does not hold", "holds", "no difference"]),
        (
            {str(batch): {"jitter": 1 / batch} for batch in (16, 32, 64, 128, 256)},
            ["holds", "holds", "holds"],
        ),
    ],
)
def test_adam_is_stable_above_its_bound_and_noisier_in_small_batches(
    adam: Mapping[str, Any], expected: list[str]
) -> None:
    assert verdicts(judged(74, {"batch-size-adam": adam})) == expected


def test_readings_of_the_batch_size_are_judged_apart() -> None:
    worse = {batch: {"test": 0.90} for batch in ("16", "64", "128", "256")}
    claim = judged(72, {"batch-size-sgd": {}, "batch-size-sgd-summed": worse})
    best = [part.verdict for part in claim.parts if part.statement.startswith("32 tests best")]
    assert best == ["no difference", "holds"]


def test_optimizers_hold_only_in_the_whole_order() -> None:
    order = {"SGD": {"test": 0.90}, "Momentum": {"test": 0.94}, "Adam": {"test": 0.98}}
    swapped = {**order, "Momentum": {"test": 0.99}}
    assert judged(75, {"optimizers": order}).parts[2].verdict == "holds"
    assert judged(75, {"optimizers": swapped}).parts[2].verdict == "does not hold"


def test_network_has_to_be_clearly_better_than_softmax() -> None:
    clear, little = {"softmax": {"test": 0.92}}, {"softmax": {"test": 0.965}}
    assert judged(76, {"softmax-vs-mlp": clear}).parts[0].verdict == "holds"
    assert judged(76, {"softmax-vs-mlp": little}).parts[0].verdict == "does not hold"


def test_width_has_to_gain_at_every_step_and_pass_its_mark() -> None:
    growing = {
        arm: {"test": 0.94 + 0.011 * place, "from": 12 - 2 * place}
        for place, arm in enumerate(WIDTHS)
    }
    claim = judged(78, {"width": growing})
    assert claim.verdict == "holds"
    flat = growing | {"[1024, 128]": {"test": 0.973, "from": 4}}
    assert verdicts(judged(78, {"width": flat})) == ["no difference", "holds", "does not hold"]


def test_over_fitting_needs_training_and_test_accuracy_side_by_side() -> None:
    normal = {"[2048, 256]": {"test": 0.98, "train": 0.999}}
    fits_worse = normal | {"[10240, 512]": {"test": 0.97, "train": 0.980}}
    over_fits = normal | {"[10240, 512]": {"test": 0.97, "train": 0.9995}}
    assert verdicts(judged(79, {"over-fitting": fits_worse}))[3:5] == ["holds", "does not hold"]
    assert verdicts(judged(79, {"over-fitting": over_fits}))[3:5] == ["holds", "holds"]


def test_vanishing_gradient_shows_in_the_first_layer_and_on_the_training_images() -> None:
    lower = {"[100, 70, 50, 30]": {"test": 0.95, "train": 0.99}}
    vanishing = {"[100, 70, 50, 30]": {"test": 0.95, "train": 0.95, "gradient": 0.01}}
    assert verdicts(judged(80, {"depth": lower}))[2:5] == ["holds"] + ["does not hold"] * 2
    assert verdicts(judged(80, {"depth": vanishing}))[2:5] == ["holds"] * 3


def test_readings_of_lambda_are_judged_apart() -> None:
    claim = judged(82, {"regularize-wide": {"L2 0.01": {"test": 0.93, "train": 0.94}}})
    assert verdicts(claim) == [
        "no difference",
        "holds",
        "holds",
        "does not hold",
        "no difference",
    ]


def test_combinations_bring_nothing_unless_one_of_them_is_better() -> None:
    worse = {arm: {"test": 0.96} for arm in bundled.load("combinations").arms if arm != "none"}
    assert judged(83, {"combinations": worse}).parts[0].verdict == "holds"
    better = {"Dropout + L2 0.01/64": {"test": 0.98}}
    assert judged(83, {"combinations": better}).parts[0].verdict == "does not hold"


def test_collapse_is_more_than_a_low_score() -> None:
    low, collapsed = {"Dropout + L2 0.01": {"test": 0.95}}, {"Dropout + L2 0.01": {"test": 0.3}}
    assert judged(83, {"combinations": low}).parts[2].verdict == "does not hold"
    assert judged(83, {"combinations": collapsed}).parts[2].verdict == "holds"


def test_accuracy_has_to_fall_with_every_larger_lambda() -> None:
    falling = {"1e-4": {"test": 0.96}, "1e-3": {"test": 0.94}, "1e-2": {"test": 0.90}}
    assert verdicts(judged(84, {"lambda": falling})) == ["holds", "no difference"]
    assert verdicts(judged(84, {"lambda": {"1e-4": {"test": 0.99}}})) == [
        "does not hold",
        "no difference",
    ]


def test_sensitivity_counts_the_settings_that_are_close_to_the_best() -> None:
    names = ("batch-size-sgd", "batch-size-momentum", "batch-size-adam")
    one_bad, two_bad = {"256": {"test": 0.80}}, {"128": {"test": 0.8}, "256": {"test": 0.8}}
    claim = judged(86, {names[0]: two_bad, names[1]: one_bad, names[2]: {}})
    assert claim.parts[0].verdict == "holds"
    assert [each.difference.mean for each in claim.parts[0].evidence] == [-2, -1]
    assert claim.parts[2].verdict == "holds"  # momentum against gradient descent
    assert set(verdicts(claim)[3:]) == {"not run"}
    assert claim.verdict == "holds in part"


def test_sensitivity_is_judged_for_summed_gradients_too() -> None:
    names = ("batch-size-sgd-summed", "batch-size-momentum-summed", "batch-size-adam")
    claim = judged(86, {names[0]: {}, names[1]: {}, names[2]: {"16": {"test": 0.90}}})
    assert verdicts(claim)[:4] == ["not run", "does not hold", "not run", "no difference"]
    (sgd, momentum) = claim.parts[1].evidence
    assert (sgd.ours.name, momentum.ours.name) == ("gradient descent", "momentum")


def test_runs_of_an_archive_are_judged_like_those_of_folders() -> None:
    arms = results_of("batch-size-sgd").arms
    ends = {arm: {"jitter": 0.1 / (i + 1)} for i, arm in enumerate(arms)}
    whole = results_of("batch-size-sgd", ends)
    kept = Results(whole.study, [archived(run) for run in whole.runs])
    assert repr(judge([kept])) == repr(judge([whole]))
    found = {verdict for claim in judge([whole]) for verdict in verdicts(claim)}
    assert found & {"holds", "does not hold"}
