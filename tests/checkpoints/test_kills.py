"""A short form of tests/interrupt.py: real processes, real SIGKILL."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(not hasattr(sys, "getdlopenflags"), reason="needs os.fork")


def interrupt(*options: str) -> str:
    argv = [sys.executable, "-m", "tests.interrupt", *options]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=300, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_trainings_killed_at_random_moments_end_the_same() -> None:
    said = re.fullmatch(r"(\d+) kills in (\d+) trainings: (\d+) ended.*\n", interrupt("--kills=10"))
    assert said is not None
    kills, trainings, identical = map(int, said.groups())
    assert kills >= 10
    assert identical == trainings > 0


def test_a_training_killed_before_every_change_of_the_disk_ends_the_same() -> None:
    said = interrupt("--every-call", "--scene=diverging")
    found = re.fullmatch(r"(\d+) kills in (\d+) trainings: (\d+) ended.*\n", said)
    assert found is not None
    kills, trainings, identical = map(int, found.groups())
    assert kills == trainings - 1 > 20  # the last one had no call left to be killed before
    assert identical == trainings
