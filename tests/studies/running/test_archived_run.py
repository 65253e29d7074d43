"""Runs of archives: what they keep, and what they say of the rest."""

import numpy as np
import pytest

from lamella.core.errors import UsageError
from lamella.studies.running.archived_run import archived, has_steps, step_summary
from lamella.studies.running.run_files import to_files
from tests.studies.small import small_study, task_and_run
from tests.studies.synthetic import run


def test_a_run_keeps_all_but_its_largest_arrays() -> None:
    _, whole, _ = task_and_run(small_study())
    kept = archived(whole)
    assert (kept.key, kept.config, kept.scores) == (whole.key, whole.config, whole.scores)
    np.testing.assert_array_equal(kept.predictions, whole.predictions)
    assert kept.steps.jitter == np.std(whole.step_losses[-11:].astype(float))
    assert len(kept.step_losses) == len(kept.confidence) == 0
    sums = to_files(whole)["run.json"].decode()
    assert all(digest in sums for digest in kept.digests.values())
    assert archived(kept) is kept


def test_steps_of_both_kinds_are_the_same() -> None:
    _, whole, _ = task_and_run(small_study())
    np.testing.assert_array_equal(step_summary(whole).curve, step_summary(archived(whole)).curve)
    assert has_steps(whole)
    assert has_steps(archived(whole))
    assert not has_steps(archived(run("lost", 0)))


def test_an_archived_run_says_what_it_cannot_do() -> None:
    _, whole, _ = task_and_run(small_study())
    with pytest.raises(UsageError, match=r"no trained models: .* 'slow' with seed 0 again"):
        archived(whole).model()
    with pytest.raises(UsageError, match="cannot be written to folders"):
        to_files(archived(whole))
