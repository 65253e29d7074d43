"""p of the tests that stand in other tables."""

import pytest

from lamella.studies.analysis.family import differences_of, p_values
from tests.studies.synthetic import scored

stats = pytest.importorskip("scipy.stats")

VALUES = {"a": [0.9, 0.91, 0.93], "b": [0.92, 0.91, 0.96], "c": [0.8, 0.85, 0.9]}


def test_p_of_a_test_is_that_of_the_pair_in_either_direction() -> None:
    expected = stats.ttest_rel(VALUES["b"], VALUES["a"]).pvalue
    for pair in (("a", "b"), ("b", "a")):
        found = p_values(scored(VALUES), [("test_accuracy", frozenset(pair))])
        assert found == pytest.approx([expected])


def test_tests_that_cannot_be_repeated_count_with_p_of_one() -> None:
    tests = [
        ("test_accuracy", frozenset(("a", "gone"))),
        ("of another release", frozenset(("a", "b"))),
        ("test_loss", frozenset(("a", "b"))),
    ]
    assert p_values(scored(VALUES), tests) == [1.0, 1.0, 1.0]


def test_pairs_without_an_arm_are_left_out() -> None:
    results = scored(VALUES)
    pairs = [("a", "gone"), ("c", "a")]
    found = list(differences_of(results, results.measure(None), pairs))
    assert [(d.arm, d.to) for d in found] == [("c", "a")]
