"""The answer of a study in plain English."""

import pytest

from lamella.studies.analysis.answer import answer
from lamella.studies.analysis.comparison import declared
from lamella.studies.results import Results
from tests.studies.synthetic import broken, run, scored, study

pytest.importorskip("scipy")

BASE = [0.95, 0.951, 0.949, 0.95, 0.9505]


def said(results: Results) -> str:
    return " ".join(answer(results, declared(results)))


def moved(*shifts: float) -> list[float]:
    return [value + shift for value, shift in zip(BASE, shifts, strict=True)]


BETTER = moved(0.02, 0.021, 0.019, 0.02, 0.0205)
WORSE = moved(-0.02, -0.021, -0.019, -0.02, -0.0205)
OPEN = moved(0.001, -0.0012, 0.0007, -0.0003, 0.0001)


def test_better_and_worse_have_amount_interval_and_seeds() -> None:
    text = said(scored({"base": BASE, "up": BETTER, "down": WORSE}))
    assert text == (
        "up is better than base: its test accuracy is 2.01 points higher (95% interval 1.92 to "
        "2.10, 5 seeds). down is worse than base: its test accuracy is 2.01 points lower (95% "
        "interval 1.92 to 2.10, 5 seeds)."
    )


def test_the_best_of_several_comes_first() -> None:
    most = moved(0.03, 0.031, 0.029, 0.03, 0.0305)
    text = said(scored({"base": BASE, "up": BETTER, "most": most}))
    assert text.startswith("most is better than base: its test accuracy is 3.01 points higher")
    assert text.endswith("Also better: up (+2.01).")


def test_undecided_says_what_could_have_been_seen() -> None:
    results = scored({"base": BASE, "open": OPEN})
    smallest = 100 * results.compare()["open"].smallest_shown
    text = said(results)
    assert text.startswith(
        "5 seeds do not decide whether open differs from base in test accuracy: its test accuracy "
        "is 0.01 points higher (95% interval -0."
    )
    assert f"A true difference of {smallest:.2f} points would have been seen with 80%" in text


def test_equivalent_needs_the_margin_that_was_read() -> None:
    results = scored({"base": BASE, "open": OPEN})
    results.compare(margin=0.005)
    assert said(results) == "Equivalent to base within 0.50 points: open (+0.01)."


def test_lower_losses_are_better() -> None:
    values = {"base": BASE, "up": BETTER}
    text = said(scored(values, "test_loss"))
    assert text.startswith("up is worse than base: its test loss is 0.0201 higher (95% interval")


def test_one_seed_one_arm_and_no_numbers_have_a_sentence() -> None:
    assert "One seed allows no verdict" in said(scored({"a": [0.9], "b": [0.8]}))
    alone = said(scored({"a": BASE}))
    assert alone.startswith("a has a test accuracy of 95.01% (95% interval 94.9")
    assert alone.endswith(", 5 seeds).")
    assert "No run of a has a" in said(Results(study(["a"]), [run("a", 0, status="failed")]))
    assert "partly or lost" in said(broken())


def test_a_diverged_arm_is_worse_for_that_reason() -> None:
    runs = [run("good", seed, {"test_accuracy": 0.9 + seed / 100}) for seed in range(3)]
    runs += [run("lost", seed, status="diverged") for seed in range(3)]
    text = said(Results(study(["good", "lost"]), runs))
    assert text == "lost is worse than good: diverged with every seed; all-or-none test."


def test_identical_arms_are_neither_higher_nor_lower() -> None:
    text = said(scored({"base": BASE, "same": BASE, "up": BETTER}))
    assert "same and base have the same test accuracy with every seed." in text
    assert "lower" not in text


def test_losses_of_different_kinds_have_no_verdict() -> None:
    results = scored({"base": BASE, "b": BETTER, "c": WORSE}, "test_loss")
    results.study.arms["b"] = {"loss": {"class": "MSE"}}
    found = results.compare(measure="test_loss")
    assert (found["b"].verdict, found["c"].verdict) == ("no verdict", "better")
    assert found["b"].note == "the arms minimise different losses"
    assert "No verdict on b: the arms minimise different losses." in said(results)


def test_sources_of_variance_are_no_arms_to_compare() -> None:
    results = scored({"all sources": BASE, "init": BETTER, "order": WORSE})
    results.study.arms |= {"init": {"vary": ["init"]}, "order": {"vary": ["order"]}}
    assert {d.verdict for d in results.compare()} == {"no verdict"}
    assert "see sources()" in results.compare()["init"].note
    assert said(results) == (
        "Over seeds, the test accuracy has a standard deviation of 0.07 points; over those of one "
        "source alone: initial weights 0.15 and order of samples 0.00."
    )
