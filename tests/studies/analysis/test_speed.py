"""Table of the time that arms need to a score."""

import math

import pytest

from lamella.core.errors import ArgumentError, DataError
from lamella.studies.results import Results
from tests.studies.synthetic import run, scored, study, trained

pytest.importorskip("scipy", reason="scipy is not installed")


def curves(arms: dict[str, list[list[float]]], **fields: object) -> Results:
    """Return results with these validation accuracies: for each arm, of each seed."""
    runs = [
        run(
            arm,
            seed,
            epochs=[{"epoch": i, "val_accuracy": x, "seconds": 2.0} for i, x in enumerate(each, 1)],
            steps_per_epoch=100 if arm == "a" else 50,
            **fields,  # type: ignore[arg-type]
        )
        for arm, seeds in arms.items()
        for seed, each in enumerate(seeds)
    ]
    return Results(study(list(arms), len(runs) // len(arms)), runs)


RISING = [0.5, 0.8, 0.9, 0.92]
RESULTS = curves({"a": [RISING, RISING, [0.9] * 4], "b": [RISING, [0.5] * 4, [0.5] * 4]})


def test_steps_epochs_and_seconds_tell_the_same_runs_apart() -> None:
    for by, median, until in (("epochs", 3, 4), ("steps", 300, 200), ("seconds", 6, 8)):
        found = RESULTS.speed(0.9, by=by)  # type: ignore[arg-type]
        assert (found["a"].reached, found["a"].of, found["a"].median) == (3, 3, median)
        assert (found["b"].reached, found["b"].median) == (1, math.inf)
        assert found.until == until
    assert RESULTS.speed(0.9, by="epochs")["b"].mean == pytest.approx((3 + 4 + 4) / 3)


def test_table_has_the_ratio_of_the_comparison() -> None:
    found = RESULTS.speed(0.9)
    (d,) = RESULTS.compare(measure="steps_to_0.9")
    assert found.comparison is not None
    assert found.comparison["b"] == d
    text = str(found)
    assert text.startswith("Steps to validation accuracy 90%")
    assert f"{math.exp(d.mean):.2f}" in text
    assert "1 of 3" in text
    assert "> 200" in text  # the median of b
    assert "Ratios to a, paired by seed; below 1 is faster." in text


def test_arms_of_which_half_diverge_never_get_there() -> None:
    results = curves({"a": [RISING] * 3})
    lost = [run("a", seed, epochs=[{"val_accuracy": 0.95}], status="diverged") for seed in (3, 4)]
    table = Results(study(["a"], 5), [*results.runs, *lost]).speed(0.9)
    assert (table["a"].reached, table["a"].of) == (3, 5)
    worse = Results(study(["a"], 3), [results.runs[0], *lost[:0]]).speed(0.9)
    assert worse["a"].median == 300
    alone = Results(study(["a"], 2), [results.runs[0], run("a", 1, status="diverged")]).speed(0.9)
    assert "never" in str(alone)


def test_difference_of_equal_arms_within_a_factor_is_equivalent() -> None:
    slow, fast = [0.5] * 20 + [0.9], [0.5] * 19 + [0.9]
    results = curves({"a": [slow, slow, fast, fast], "b": [slow, fast, slow, fast]})
    assert results.compare(measure="epochs_to_0.9", margin=1.2)["b"].verdict == "equivalent"
    with pytest.raises(ArgumentError, match=r"factor above 1, such as 1\.25; got 0\.9"):
        results.compare(measure="epochs_to_0.9", margin=0.9)


def test_planning_by_a_time_says_what_to_give() -> None:
    from lamella.studies.analysis.planning import spread_of

    with pytest.raises(ArgumentError, match="effect=, the logarithm of a ratio"):
        spread_of(RESULTS, "epochs_to_0.9")


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(ArgumentError, match="did you mean 'seconds'"):
        RESULTS.speed(0.9, by="second")  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="must be a fraction"):
        RESULTS.speed(90)
    with pytest.raises(DataError, match="no run has 'val_accuracy'"):
        scored({"a": [0.9]}).speed(0.9)
    with pytest.raises(ArgumentError, match="the arm 'all' is not known"):
        RESULTS.speed(0.9, to="all")


def test_runs_without_seconds_of_epochs_say_so() -> None:
    with pytest.raises(DataError, match="no seconds of epochs: use steps"):
        trained({"a": 0.97, "b": 0.9}).speed(0.9, by="seconds")
