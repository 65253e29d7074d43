"""Trainings in real processes, killed with SIGKILL: a short form of tests/interrupt."""

import re
import sys

import pytest

from tests.subprocesses import run_python

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(sys, "getdlopenflags"), reason="needs os.fork"),
]


def interrupt(*options: str) -> str:
    return run_python("-m", "tests.interrupt", *options).stdout


def counted(said: str) -> tuple[int, int]:
    """Return how many kills there were, and in how many trainings."""
    found = re.fullmatch(r"(\d+) kills in (\d+) trainings: all ended with the same bits.*\n", said)
    assert found is not None, said
    return int(found[1]), int(found[2])


def test_trainings_killed_at_random_moments_end_the_same() -> None:
    kills, trainings = counted(interrupt("--training", "--kills=10"))
    assert kills >= 10
    assert trainings > 0


def test_a_training_killed_before_every_change_of_the_disk_ends_the_same() -> None:
    kills, trainings = counted(interrupt("--every-call", "--scene=diverging"))
    assert kills == trainings - 1 > 20  # the last one had no call left to be killed before
