"""lamella train --resume: a killed run ends as an uninterrupted one."""

import json
import os
import signal
from pathlib import Path

import pytest

from tests.cli.conftest import Call
from tests.cli.runs import history_of
from tests.data import contents
from tests.networks import without_times
from tests.subprocesses import TIME_LIMIT, start_python, wait_until

pytestmark = pytest.mark.slow

SMALL = ["--hidden", "8", "--dropout", "0.2", "--epochs", "3", "--batch-size", "500", "--quiet"]


@pytest.fixture(scope="module")
def whole(command: Call, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that was not interrupted; only to be read."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    done = command("train", *SMALL, "--out", folder)
    assert done.status == 0, done.err
    return folder


@pytest.fixture
def killed(tmp_path: Path) -> Path:
    """The folder of a run that was killed after its first epoch."""
    folder = tmp_path / "killed"
    process = start_python("-m", "lamella", "train", *SMALL, "--out", folder)
    wait_until(lambda: bool(list((folder / "checkpoints").glob("0*.safetensors"))), process)
    process.kill()
    process.communicate(timeout=TIME_LIMIT)
    assert process.returncode == -signal.SIGKILL
    return folder


def test_a_resumed_run_ends_as_an_uninterrupted_one(
    command: Call, whole: Path, killed: Path
) -> None:
    done = command("train", "--resume", killed, "--quiet")
    assert done.status == 0, done.err
    assert (killed / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
    assert without_times(history_of(killed)) == without_times(history_of(whole))
    assert sorted(os.listdir(killed)) == sorted(os.listdir(whole))
    old, new = (json.loads((folder / "run.json").read_text()) for folder in (whole, killed))
    for record in (old, new):
        del record["seconds"], record["configuration"]["out"]
    assert new == old


def test_a_damaged_checkpoint_is_reported_and_the_run_ends_the_same(
    command: Call, whole: Path, killed: Path
) -> None:
    for file in (killed / "checkpoints").glob("0*.safetensors"):
        file.write_bytes(file.read_bytes()[:-1] + b"?")
    done = command("train", "--resume", killed, "--quiet")
    assert done.status == 0, done.err
    assert "is damaged" in done.err
    assert "training starts from scratch" in done.err
    assert (killed / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()


def test_a_new_run_in_the_folder_of_a_killed_one_is_refused(call: Call, killed: Path) -> None:
    done = call("train", *SMALL, "--out", killed)
    assert done.status == 2
    assert f"interrupted run: resume it with --resume {killed}" in done.err
    assert "--overwrite" in done.err


def test_overwriting_a_killed_run_starts_from_scratch(call: Call, killed: Path) -> None:
    options = ["--model", "softmax", "--epochs", "1", "--batch-size", "2500", "--quiet"]
    done = call("train", *options, "--out", killed, "--overwrite")
    assert done.status == 0, done.err
    assert len(history_of(killed)) == 1
    assert not (killed / "checkpoints").exists()


def test_a_finished_run_is_left_as_it_is(call: Call, whole: Path) -> None:
    before = contents(whole)
    done = call("train", "--resume", whole)
    assert done.status == 0
    assert "is finished: there is nothing to resume" in done.out
    assert contents(whole) == before


def test_resume_without_a_run_is_an_error(call: Call, tmp_path: Path) -> None:
    done = call("train", "--resume", tmp_path)
    assert done.status == 2
    assert "holds no run to resume: start one with --out" in done.err
