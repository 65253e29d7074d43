"""Evidence: tests of expected differences over the seeds."""

import pytest

from lamella.studies.report.claims.evidence import Arms, Evidence, judged
from lamella.studies.report.claims.measures import TEST, TRAIN_LOSS
from tests.studies.synthetic import run

GOOD, BAD, CLOSE = [0.981, 0.982, 0.983], [0.950, 0.952, 0.951], [0.9812, 0.9818, 0.9831]


def arms(**scores: list[float]) -> Arms:
    runs = [
        run(arm, seed, {"test_accuracy": value, "train_loss": 1 - value})
        for arm, values in scores.items()
        for seed, value in enumerate(values)
    ]
    return Arms("made-up", runs)


def verdict(evidence: Evidence) -> str:
    return judged([evidence])[0].verdict


def test_difference_beyond_the_noise_holds() -> None:
    study = arms(good=GOOD, bad=BAD)
    assert verdict(study.more(TEST, "good", than="bad")) == "holds"
    assert verdict(study.less(TEST, "bad", than="good")) == "holds"
    assert verdict(study.less(TRAIN_LOSS, "good", than="bad")) == "holds"


def test_difference_the_other_way_round_does_not_hold() -> None:
    study = arms(good=GOOD, bad=BAD)
    assert verdict(study.more(TEST, "bad", than="good")) == "does not hold"
    assert verdict(study.less(TEST, "good", than="bad")) == "does not hold"


def test_difference_within_the_noise_is_not_shown() -> None:
    study = arms(good=GOOD, close=CLOSE)
    assert verdict(study.more(TEST, "good", than="close")) == "not shown"
    assert verdict(study.less(TEST, "good", than="close")) == "not shown"


def test_one_seed_shows_nothing() -> None:
    study = arms(good=GOOD[:1], bad=BAD[:1])
    assert verdict(study.more(TEST, "good", than="bad")) == "not shown"


@pytest.mark.parametrize(
    ("by", "expected"), [(0.02, "holds"), (0.031, "not shown"), (0.05, "does not hold")]
)
def test_margin_has_to_be_exceeded(by: float, expected: str) -> None:
    study = arms(good=GOOD, bad=BAD)
    assert verdict(study.more(TEST, "good", than="bad", by=by)) == expected
    assert verdict(study.less(TEST, "bad", than="good", by=by)) == expected


def test_margin_moves_the_test_and_not_the_difference_that_is_shown() -> None:
    finding = arms(good=GOOD, bad=BAD).more(TEST, "good", than="bad", by=0.031)
    assert finding.difference.mean == pytest.approx(0.031)
    assert finding.difference.p == pytest.approx(1.0)


def test_close_arms_are_close_within_a_margin_and_far_ones_are_not() -> None:
    study = arms(good=GOOD, close=CLOSE, bad=BAD)
    near = [verdict(f) for f in study.close(TEST, "good", to="close", within=0.01)]
    far = [verdict(f) for f in study.close(TEST, "good", to="bad", within=0.01)]
    assert near == ["holds", "holds"]
    assert far == ["holds", "does not hold"]


@pytest.mark.parametrize(
    ("bound", "expected"), [(0.97, "holds"), (0.982, "not shown"), (0.99, "does not hold")]
)
def test_bound_is_tested_against_the_noise_too(bound: float, expected: str) -> None:
    finding = arms(good=GOOD).above(TEST, "good", bound)
    assert verdict(finding) == expected
    assert finding.bound == pytest.approx(bound)


def test_order_is_tested_step_by_step() -> None:
    study = arms(a=BAD, b=GOOD, c=[0.99, 0.9905, 0.991])
    rising = study.rising(TEST, ["a", "b", "c"])
    assert [(f.ours.name, f.theirs.name) for f in rising] == [("b", "a"), ("c", "b")]
    assert [verdict(f) for f in rising] == ["holds", "holds"]
    assert [verdict(f) for f in study.falling(TEST, ["a", "b", "c"])] == ["does not hold"] * 2


def test_evidence_of_a_statement_is_corrected_for_its_number() -> None:
    study = arms(good=GOOD, bad=[0.9800, 0.9801, 0.9830])
    one = study.more(TEST, "good", than="bad")
    first, second = judged([one, one])
    assert first.difference.p_adjusted == pytest.approx(2 * one.difference.p)
    assert second.difference.p_adjusted == pytest.approx(2 * one.difference.p)


def test_study_without_runs_is_not_run() -> None:
    assert verdict(Arms("nothing", []).more(TEST, "good", than="bad")) == "not run"
    assert verdict(arms(good=GOOD).more(TEST, "good", than="bad")) == "not run"
    assert verdict(Arms("nothing", []).above(TEST, "good", 0.5)) == "not run"


def diverging(*statuses: str) -> Arms:
    good = [run("good", seed, {"test_accuracy": value}) for seed, value in enumerate(GOOD)]
    lost = [
        run("lost", seed, {"test_accuracy": BAD[seed]} if status == "done" else {}, status=status)
        for seed, status in enumerate(statuses)
    ]
    return Arms("made-up", [*good, *lost])


def test_arm_that_always_diverged_has_lost() -> None:
    study = diverging("diverged", "diverged", "diverged")
    finding = judged([study.more(TEST, "good", than="lost")])[0]
    assert (finding.verdict, finding.note) == ("holds", "lost diverged with every seed")
    assert verdict(study.less(TEST, "lost", than="good")) == "holds"
    assert verdict(study.more(TRAIN_LOSS, "lost", than="good")) == "holds"
    assert verdict(study.more(TEST, "lost", than="good")) == "does not hold"
    assert verdict(study.above(TEST, "lost", 0.9)) == "does not hold"


def test_single_diverged_runs_are_excluded_with_a_note() -> None:
    finding = diverging("done", "diverged", "done").more(TEST, "good", than="lost")
    assert finding.difference.n == 2
    assert finding.note.startswith("without 1 diverged run")


def test_spread_is_best_minus_worst_of_each_seed_and_takes_a_guess_for_the_diverged() -> None:
    spread = diverging("done", "diverged", "done").spread(TEST, 0.1)
    assert spread.by_seed == pytest.approx({0: 0.031, 1: 0.882, 2: 0.032})
