"""Failures in a study: they are reported, stop no other run, and lose no finished run."""

import os
import re
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

import lamella as lm
from lamella.studies import StudyFolder, StudyStopped
from tests.data import contents
from tests.studies.small import RUN, small_study, times
from tests.subprocesses import ROOT, TIME_LIMIT, start_python, wait_until

pytestmark = pytest.mark.slow

pytest.importorskip("joblib", reason="joblib is not installed")


class Fatal(lm.Layer):
    """Kills the process that trains it, as long as a file is there."""

    def __init__(self, file: str) -> None:
        self.file = file

    def forward(self, x: Any, training: bool) -> Any:
        if Path(self.file).exists():
            os.kill(os.getpid(), signal.SIGKILL)
        return x

    def backward(self, dy: Any) -> Any:
        return dy


class Moody(lm.Layer):
    """Fails as long as a file is there."""

    def __init__(self, file: str) -> None:
        self.file = file

    def forward(self, x: Any, training: bool) -> Any:
        if Path(self.file).exists():
            raise MemoryError("no room for this")
        return x

    def backward(self, dy: Any) -> Any:
        return dy


def test_a_failed_run_is_recorded_and_stops_nothing(tmp_path: Path) -> None:
    arms = {"impossible": {"model.classes": 2}, "wild": {"optimizer": lm.SGD(1e30)}, "good": {}}
    study = small_study(arms=arms, seeds=1)
    study.run(**RUN, out=tmp_path, n_jobs=2)
    runs = {run.arm: run for run in StudyFolder(tmp_path).runs()}
    assert {arm: run.status for arm, run in runs.items()} == {
        "impossible": "failed",
        "wild": "diverged",
        "good": "done",
    }
    assert runs["impossible"].reason.startswith("DataError: labels must be in 0..1")
    assert "not finite in epoch 1" in runs["wild"].reason


def test_failed_runs_are_tried_again_and_diverged_ones_are_not(tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    flag.touch()
    model = lm.Sequential([Moody(str(flag)), lm.Dense(3)])
    arms = {"moody": {"model": model}, "wild": {"optimizer": lm.SGD(1e30)}}
    study = small_study(arms=arms, seeds=1)
    out = tmp_path / "out"
    first = {run.arm: run for run in study.run(**RUN, out=out).runs}
    assert first["moody"].reason == "MemoryError: no room for this"
    before = times(out / "runs" / first["wild"].key)
    flag.unlink()
    second = {run.arm: run for run in study.run(**RUN, out=out).runs}
    assert (second["moody"].status, second["wild"].status) == ("done", "diverged")
    assert second["moody"].key == first["moody"].key
    assert times(out / "runs" / first["wild"].key) == before


@pytest.mark.filterwarnings("ignore:A worker stopped")
def test_a_killed_worker_is_reported_and_the_next_call_continues(tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    flag.touch()
    arms: dict[str, Any] = {f"arm {i}": {"optimizer.lr": 0.001 * (i + 1)} for i in range(8)}
    arms["fatal"] = {"model": lm.Sequential([Fatal(str(flag)), lm.Dense(3)])}
    study = small_study(arms=arms, seeds=1)
    out = tmp_path / "out"
    with pytest.raises(StudyStopped) as caught:
        study.run(**RUN, out=out, n_jobs=2)
    told = re.search(
        r"a worker process died: .* (\d+) of 9 runs are done and stored in", str(caught.value)
    )
    assert told, caught.value
    kept = times(out / "runs")
    assert len(list((out / "runs").iterdir())) == int(told[1])
    flag.unlink()
    results = study.run(**RUN, out=out, n_jobs=2)
    assert {run.status for run in results.runs} == {"done"}
    assert len(results.runs) == 9
    assert {name: when for name, when in times(out / "runs").items() if name in kept} == kept


SCRIPT = """
import resource, sys
import lamella as lm
from tests.studies.small import TEST, TRAIN, small_study
from lamella.studies.running.data import study_data

if __name__ == "__main__":
    out, n_jobs, limit = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    if limit:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    study = small_study(seeds=8).resized(epochs=40)
    study.run(TRAIN, TEST, out=out, n_jobs=n_jobs, verbose=False)
"""


def start(folder: Path, *args: object) -> "subprocess.Popen[str]":
    """Start a study of 24 runs, in a process group of its own."""
    script = folder / "script.py"
    script.write_text(SCRIPT)
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    environment = {"PYTHONPATH": path}
    return start_python(script, *args, environment=environment, start_new_session=True)


def wait_for_runs(out: Path, count: int, process: "subprocess.Popen[str]") -> None:
    wait_until(lambda: len(list((out / "runs").glob("*"))) >= count, process)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The folder of the study of `SCRIPT`."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    small_study(seeds=8).resized(epochs=40).run(**RUN, out=folder)
    return contents(folder / "runs")


def finish(folder: Path, out: Path, n_jobs: int) -> None:
    process = start(folder, out, n_jobs, 0)
    _, err = process.communicate(timeout=TIME_LIMIT)
    assert process.returncode == 0, err


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_killed_study_continues_to_the_same_bits(
    tmp_path: Path, n_jobs: int, uninterrupted: dict[str, bytes]
) -> None:
    out = tmp_path / "out"
    process = start(tmp_path, out, n_jobs, 0)
    wait_for_runs(out, 4, process)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=TIME_LIMIT)
    there = contents(out / "runs")
    assert 4 <= len(there) // 4 < 24
    assert there.items() <= uninterrupted.items()
    finish(tmp_path, out, n_jobs)
    assert contents(out / "runs") == uninterrupted
    assert not (out / "unfinished").exists()


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_ctrl_c_reports_the_stored_runs_and_the_next_call_continues(
    tmp_path: Path, n_jobs: int, uninterrupted: dict[str, bytes]
) -> None:
    out = tmp_path / "out"
    process = start(tmp_path, out, n_jobs, 0)
    wait_for_runs(out, 3, process)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=TIME_LIMIT)
    assert process.returncode != 0
    told = re.search(r"(\d+) of 24 runs are done and stored in .*: repeat the call", err)
    assert told, err
    there = contents(out / "runs")
    # It may come when a run has been kept and not yet counted.
    assert int(told[1]) <= len(there) // 4 <= int(told[1]) + 1
    assert there.items() <= uninterrupted.items()
    finish(tmp_path, out, n_jobs)
    assert contents(out / "runs") == uninterrupted


def test_a_full_disk_is_reported_and_no_finished_run_is_lost(
    tmp_path: Path, uninterrupted: dict[str, bytes]
) -> None:
    out = tmp_path / "out"
    process = start(tmp_path, out, 1, 0)
    wait_for_runs(out, 2, process)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=TIME_LIMIT)
    before = contents(out / "runs")
    # No file may be larger than this: a run's run.json is.
    process = start(tmp_path, out, 1, 8000)
    _, err = process.communicate(timeout=TIME_LIMIT)
    assert process.returncode != 0
    said = (
        rf"StudyStopped: cannot write .*: File too large\. {len(before) // 4} of 24 runs are done"
    )
    assert re.search(said, err), err
    assert contents(out / "runs") == before
    assert not (out / "unfinished").exists()
    finish(tmp_path, out, 1)
    assert contents(out / "runs") == uninterrupted
