"""A short form of tests/interrupt, on studies: real processes, real SIGKILL."""

import os
import re
import signal
import sys
from pathlib import Path

import pytest

from tests.interrupt.killing import group
from tests.subprocesses import ROOT, TIME_LIMIT, run_python, start_python, wait_until

pytest.importorskip("joblib", reason="joblib is not installed")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs Linux"),
]

LONG = """
from tests.studies.small import RUN, small_study

if __name__ == "__main__":
    small_study().resized(epochs=100_000).run(**RUN, n_jobs=2)
"""


def test_studies_killed_at_random_moments_end_the_same() -> None:
    done = run_python("-m", "tests.interrupt", "--study", "--kills=4", "--seed=1")
    said = r"(\d+) kills in (\d+) studies: all ended with the same bits.*\n"
    found = re.fullmatch(said, done.stdout)
    assert found is not None
    assert int(found[1]) >= 4


def test_workers_end_in_the_middle_of_a_run_when_the_study_is_killed(tmp_path: Path) -> None:
    (tmp_path / "long.py").write_text(LONG)
    paths = os.pathsep.join([str(ROOT), *sys.path])
    environment = {"PYTHONPATH": paths, "PYTHONWARNINGS": "ignore:resource_tracker"}
    process = start_python(tmp_path / "long.py", environment=environment, start_new_session=True)
    try:
        wait_until(lambda: sum(busy(number) for number in group(process.pid)) == 2, process)
        process.kill()
        process.communicate(timeout=TIME_LIMIT)
        wait_until(lambda: not group(process.pid))
    finally:
        if group(process.pid):
            os.killpg(process.pid, signal.SIGKILL)


def busy(process: int) -> bool:
    """Whether a worker has computed for three seconds, that is longer than it takes to begin."""
    try:
        words = Path(f"/proc/{process}/cmdline").read_bytes()
        ticks = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[11]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return b"popen_loky" in words and int(ticks) > 3 * os.sysconf("SC_CLK_TCK")
