"""Incomplete runs: each table says which are missing, and why."""

import pytest

from tests.studies.synthetic import broken

pytest.importorskip("scipy")


def test_comparison_lists_the_runs_left_out() -> None:
    comparison = broken().compare()
    partly, lost = comparison
    assert (partly.n, partly.verdict) == (2, "no verdict")
    assert partly.note == "diverged with seed 1; not run with seed 2; a verdict needs all runs"
    assert (lost.n, lost.verdict) == (2, "no verdict")
    assert lost.note == ("diverged with seeds 0, 1; failed with seed 2; a verdict needs all runs")
    assert f"no verdict ({lost.note})" in str(comparison)


def test_comparison_to_an_arm_that_lost_runs_says_so() -> None:
    text = str(broken().compare(to="partly"))
    assert "partly: diverged with seed 1; not run with seed 2." in text


def test_table_lists_the_runs_left_out() -> None:
    text = str(broken().table())
    assert "partly: diverged with seed 1; not run with seed 2." in text
    assert "lost: diverged with seeds 0, 1; failed with seed 2." in text
    assert next(line for line in text.splitlines() if line.startswith("partly")).endswith("1 of 3")
