"""Evidence: tests of expected differences over the seeds."""

import numpy as np
import pytest
from scipy import stats

from lamella.studies.report.claims.evidence import Evidence, tolerated_values
from lamella.studies.report.claims.reading import read_evidence
from lamella.studies.results import Results
from lamella.studies.running.run import Run
from tests.studies.synthetic import run, study

GOOD, BAD, CLOSE = [0.981, 0.982, 0.983], [0.950, 0.952, 0.951], [0.9852, 0.9798, 0.9831]


def arms(**scores: list[float]) -> list[Run]:
    return [
        run(arm, seed, {"test_accuracy": value, "train_loss": 1 - value})
        for arm, values in scores.items()
        for seed, value in enumerate(values)
    ]


def expect(text: str, runs: list[Run]) -> list[Evidence]:
    """Return the evidence of a text on the test accuracy, or on the measure that it names."""
    text = text if ":" in text else f"test_accuracy: {text}"
    return read_evidence(text, {"made-up": runs}, "made-up")


def verdicts(text: str, runs: list[Run]) -> list[str]:
    return [each.outcome for each in expect(text, runs)]


def test_difference_beyond_the_noise_holds() -> None:
    study = arms(good=GOOD, bad=BAD)
    assert verdicts("good > bad", study) == ["holds"]
    assert verdicts("bad < good", study) == ["holds"]
    assert verdicts("train_loss: good < bad", study) == ["holds"]


def test_difference_the_other_way_round_does_not_hold() -> None:
    study = arms(good=GOOD, bad=BAD)
    assert verdicts("bad > good", study) == ["does not hold"]
    assert verdicts("good < bad", study) == ["does not hold"]


def test_difference_within_the_noise_is_undecided() -> None:
    study = arms(good=GOOD, close=CLOSE)
    assert verdicts("good > close", study) == ["undecided"]
    assert verdicts("good < close", study) == ["undecided"]


def test_one_seed_shows_nothing() -> None:
    assert verdicts("good > bad", arms(good=GOOD[:1], bad=BAD[:1])) == ["undecided"]


@pytest.mark.parametrize(
    ("by", "expected"), [("2%", "holds"), ("3.1%", "undecided"), ("5%", "does not hold")]
)
def test_margin_has_to_be_exceeded(by: str, expected: str) -> None:
    study = arms(good=GOOD, bad=BAD)
    assert verdicts(f"good > bad + {by}", study) == [expected]
    assert verdicts(f"bad < good - {by}", study) == [expected]


def test_negative_margin_is_a_tolerance() -> None:
    study = arms(good=GOOD, bad=BAD)
    assert verdicts("bad > good - 5%", study) == ["holds"]
    assert verdicts("good < bad + 5%", study) == ["holds"]
    assert verdicts("bad > good - 2%", study) == ["does not hold"]
    assert verdicts("good < bad + 2%", study) == ["does not hold"]


def test_margin_moves_the_test_and_not_the_difference_that_is_shown() -> None:
    (finding,) = expect("good > bad + 3.1%", arms(good=GOOD, bad=BAD))
    assert finding.difference.mean == pytest.approx(0.031)
    assert finding.difference.p == pytest.approx(1.0)


def test_close_arms_are_close_within_a_margin_and_far_ones_are_not() -> None:
    study = arms(good=GOOD, close=CLOSE, bad=BAD)
    assert verdicts("good = close ± 1%", study) == ["holds", "holds"]
    assert verdicts("good = bad ± 1%", study) == ["holds", "does not hold"]


@pytest.mark.parametrize(
    ("bound", "expected"), [("97%", "holds"), ("98.2%", "undecided"), ("99%", "does not hold")]
)
def test_bound_is_tested_against_the_noise_too(bound: str, expected: str) -> None:
    assert verdicts(f"good > {bound}", arms(good=GOOD)) == [expected]
    (finding,) = expect(f"good > {bound}", arms(good=GOOD))
    assert finding.bound == pytest.approx(float(bound[:-1]) / 100)


def test_order_is_tested_step_by_step() -> None:
    study = arms(a=BAD, b=GOOD, c=[0.99, 0.9905, 0.991])
    rising = expect("a < b < c", study)
    assert [(f.ours.name, f.theirs.name) for f in rising] == [("b", "a"), ("c", "b")]
    assert verdicts("a < b < c", study) == ["holds", "holds"]
    assert verdicts("a > b > c", study) == ["does not hold"] * 2


def test_difference_within_its_margin_is_none() -> None:
    study = arms(one=[0.9801, 0.9803, 0.9802, 0.9800], other=[0.9802, 0.9801, 0.9801, 0.9803])
    assert verdicts("one > other", study) == verdicts("one < other", study) == ["no difference"]
    assert verdicts("train_loss: one > other", study) == ["no difference"]  # a tenth of 0.02
    far = arms(one=[0.9801, 0.9803, 0.9802, 0.9800], other=[0.9842, 0.9821, 0.9801, 0.9763])
    assert verdicts("one > other", far) == ["undecided"]


def test_margin_is_tested_by_two_one_sided_tests() -> None:
    ours, theirs = [0.9801, 0.9813, 0.9802, 0.9800], [0.9802, 0.9801, 0.9801, 0.9803]
    (found,) = expect("one > other", arms(one=ours, other=theirs))
    d = np.subtract(ours, theirs)
    below = stats.ttest_1samp(d, 0.002, alternative="less").pvalue
    above = stats.ttest_1samp(d, -0.002, alternative="greater").pvalue
    assert found.p_same == pytest.approx(max(below, above))


def test_the_same_number_with_every_seed_is_no_difference_after_six_seeds() -> None:
    five, six = ([0.5] * n for n in (5, 6))
    assert verdicts("a > b", arms(a=five, b=five)) == ["undecided"]
    assert verdicts("a > b", arms(a=six, b=six)) == ["no difference"]


def epochs_to_goal(*epochs: int) -> list[Run]:
    return [
        run(
            arm,
            seed,
            epochs=[{"epoch": i, "val_accuracy": 0.9 + 0.1 * (i >= goal)} for i in range(9)],
        )
        for arm, goals in (("fast", epochs), ("never", [99] * len(epochs)))
        for seed, goal in enumerate(goals)
    ]


def test_score_that_is_never_reached_is_later_than_any_epoch() -> None:
    study = epochs_to_goal(3, 4, 3)
    assert verdicts("epochs_to_0.95: fast < never", study) == ["holds"]
    assert verdicts("epochs_to_0.95: never < fast", study) == ["does not hold"]


def test_study_without_runs_is_not_run() -> None:
    assert verdicts("good > bad", []) == ["not run"]
    assert verdicts("good > bad", arms(good=GOOD)) == ["not run"]
    assert verdicts("good > 50%", []) == ["not run"]


def diverging(*statuses: str) -> list[Run]:
    good = arms(good=GOOD)
    lost = [
        run("lost", seed, {"test_accuracy": BAD[seed]} if status == "done" else {}, status=status)
        for seed, status in enumerate(statuses)
    ]
    return [*good, *lost]


def test_arm_that_always_diverged_has_lost() -> None:
    study = diverging("diverged", "diverged", "diverged")
    finding = expect("good > lost", study)[0]
    assert finding.outcome == "holds"
    assert finding.note == "lost diverged with every seed; all-or-none test"
    assert verdicts("lost < good", study) == ["holds"]
    assert verdicts("train_loss: lost > good", study) == ["holds"]
    assert verdicts("lost > good", study) == ["does not hold"]
    # A bound cannot diverge: three of three are then a sign test with p = 1/4.
    assert verdicts("lost > 90%", study) == ["undecided"]
    assert expect("lost > 90%", study)[0].difference.p == 0.25


def test_one_seed_that_diverged_shows_nothing() -> None:
    study = [each for each in diverging("diverged", "done", "done") if each.seed == 0]
    assert verdicts("good > lost", study) == ["undecided"]
    assert verdicts("lost > good", study) == ["undecided"]


def test_single_diverged_runs_count_against_their_arm() -> None:
    (finding,) = expect("lost < good", diverging("done", "diverged", "done"))
    assert (finding.difference.n, finding.difference.favours) == (3, 1)
    assert finding.note == "lost diverged with 1 of 3 seeds; rank test"
    assert finding.outcome == "undecided"


def test_claim_and_comparison_give_one_answer() -> None:
    for statuses in (["diverged"] * 3, ["done", "diverged", "done"], ["done"] * 3):
        runs = diverging(*statuses)
        compared = Results(study(["good", "lost"]), runs).compare()["lost"]
        (finding,) = expect("lost < good", runs)
        assert finding.difference.p == pytest.approx(compared.p)
        assert (finding.outcome == "holds") == (compared.verdict == "worse")


def test_settings_within_a_point_of_the_best_are_tolerated_by_seed() -> None:
    runs = [
        run(arm, seed, {"test_accuracy": value})
        for arm, values in (("a", [0.98, 0.97]), ("b", [0.971, 0.98]), ("c", [0.9, 0.9699]))
        for seed, value in enumerate(values)
    ]
    assert tolerated_values(runs, "study").by_seed == {0: 2, 1: 2}
    assert tolerated_values(diverging("done", "diverged", "done"), "x").by_seed == {
        0: 1,
        1: 1,
        2: 1,
    }


def test_tolerated_settings_leave_out_seeds_without_a_value_in_every_arm() -> None:
    assert set(tolerated_values(diverging("done", "failed", "done"), "x").by_seed) == {0, 2}
