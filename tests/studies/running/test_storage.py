"""Folder of a study: complete or unchanged, and never two studies in one."""

import json
import math
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from lamella.core.errors import FileFormatError, UsageError
from lamella.studies import DamagedRunWarning, Run, StudyFolder, read_study_folder
from lamella.studies.running.runner import plan
from tests.data import contents
from tests.studies.small import CHECKSUMS, filled, small_study, task_and_run

ARRAYS = ["confidence.npy", "correct.npy", "losses.npy", "predictions.npy"]


def same(a: Run, b: Run) -> bool:
    arrays = ("step_losses", "predictions", "confidence")
    names = ("study", "arm", "seed", "key", "config", "status", "reason", "steps_per_epoch")
    return (
        all(np.array_equal(getattr(a, x), getattr(b, x), equal_nan=True) for x in arrays)
        and all(getattr(a, x).dtype == getattr(b, x).dtype for x in arrays)
        and all(getattr(a, x) == getattr(b, x) for x in names)
        and repr((a.epochs, a.scores)) == repr((b.epochs, b.scores))
    )


def test_a_run_comes_back_as_it_was_written(tmp_path: Path) -> None:
    study = small_study()
    folder = filled(tmp_path / "out", study)
    task, run, _ = task_and_run(study)
    back = folder.find(task)
    assert back is not None
    assert same(back, run)


def test_seconds_come_from_the_log_and_are_unknown_without_it(tmp_path: Path) -> None:
    study = small_study()
    folder = filled(tmp_path, study)
    task = plan(study, CHECKSUMS)[0]
    log = json.loads((tmp_path / "log" / f"{task.key}.json").read_text())
    back = folder.find(task)
    assert back is not None
    assert back.seconds == log["seconds"] > 0
    shutil.rmtree(tmp_path / "log")
    back = folder.find(task)
    assert back is not None
    assert math.isnan(back.seconds)


def test_all_files_of_a_run_are_those_documented(tmp_path: Path) -> None:
    study = small_study()
    filled(tmp_path, study)
    key = plan(study, CHECKSUMS)[0].key
    names = [f"log/{key}.json"]
    names += [f"runs/{key}/{x}" for x in ARRAYS]
    assert list(contents(tmp_path)) == [*names, f"runs/{key}/run.json", "study.json"]


def test_a_study_folder_is_read_without_runs_that_are_missing(tmp_path: Path) -> None:
    study = small_study(title="Small", question="Which?")
    filled(tmp_path, study)
    read, runs = read_study_folder(tmp_path)
    assert read.description() == study.description()
    assert [(run.study, run.arm, run.seed) for run in runs] == [("small", "slow", 0)]


@pytest.mark.parametrize("name", ["run.json", *ARRAYS])
@pytest.mark.parametrize("how", ["truncated", "changed", "missing"])
def test_a_damaged_run_is_reported_and_left_out(tmp_path: Path, name: str, how: str) -> None:
    study = small_study()
    folder = filled(tmp_path, study)
    task = plan(study, CHECKSUMS)[0]
    file = tmp_path / "runs" / task.key / name
    content = file.read_bytes()
    if how == "missing":
        file.unlink()
    elif how == "truncated":
        file.write_bytes(content[: len(content) // 2])
    else:
        place = content.rindex(b"accuracy") if name == "run.json" else len(content) - 1
        file.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
    with pytest.warns(DamagedRunWarning, match=f"arm 'slow', seed 0.*{name}"):
        assert folder.find(task) is None
    with pytest.warns(DamagedRunWarning):
        assert folder.runs() == []


def test_a_damaged_run_is_replaced_by_a_new_one(tmp_path: Path) -> None:
    study = small_study()
    folder = filled(tmp_path, study)
    before = contents(tmp_path / "runs")
    task, run, log = task_and_run(study)
    (tmp_path / "runs" / task.key / "losses.npy").unlink()
    folder.write(run, log)
    assert contents(tmp_path / "runs") == before


@pytest.mark.parametrize("how", ["link to a folder", "loop of links", "file"])
def test_running_again_repairs_a_run_whose_folder_was_replaced(tmp_path: Path, how: str) -> None:
    study = small_study()
    folder = filled(tmp_path / "study", study)
    before = contents(tmp_path / "study" / "runs")
    task, run, log = task_and_run(study)
    place, other = tmp_path / "study" / "runs" / task.key, tmp_path / "other"
    place.rename(other)
    if how == "file":
        place.write_bytes(b"")
    else:
        place.symlink_to(other if how == "link to a folder" else place)
    (other / "losses.npy").unlink()
    if how != "loop of links":
        with pytest.warns(DamagedRunWarning, match="run the study again to repair it"):
            assert folder.find(task) is None
    folder.write(run, log)
    assert not place.is_symlink()
    assert contents(tmp_path / "study" / "runs") == before
    assert len(list(other.iterdir())) == 4  # the folder that the link led to is as it was


@pytest.mark.parametrize("name", ["study.json", "runs/{key}/run.json", "runs/{key}/losses.npy"])
def test_pipes_in_a_study_folder_are_refused_at_once(tmp_path: Path, name: str) -> None:
    study = small_study()
    folder = filled(tmp_path, study)
    file = tmp_path / name.format(key=plan(study, CHECKSUMS)[0].key)
    file.unlink()
    os.mkfifo(file)
    if name == "study.json":
        with pytest.raises(FileFormatError, match=r"cannot read .*study.json: it is a pipe"):
            folder.study()
        return
    with pytest.warns(DamagedRunWarning, match=f"cannot read .*{file.name}: it is a pipe"):
        assert folder.runs() == []


def test_unfinished_files_are_removed_and_nothing_else(tmp_path: Path) -> None:
    study = small_study()
    folder = filled(tmp_path, study)
    before = contents(tmp_path)
    half = tmp_path / "unfinished" / ("f" * 16)
    half.mkdir(parents=True)
    (half / "losses.npy").write_bytes(b"half")
    (tmp_path / ".study.json.abcd").write_bytes(b"half")
    (tmp_path / "log" / f".{'f' * 16}.json.abcd").write_bytes(b"half")
    folder.claim(study, plan(study, CHECKSUMS), CHECKSUMS)
    assert contents(tmp_path) == before


def test_a_run_that_cannot_be_put_in_its_place_leaves_nothing_half_written(tmp_path: Path) -> None:
    study = small_study()
    folder = StudyFolder(tmp_path)
    folder.claim(study, plan(study, CHECKSUMS), CHECKSUMS)
    _, run, log = task_and_run(study)
    (tmp_path / "runs").rmdir()
    (tmp_path / "runs").write_text("a file where a folder should be")
    with pytest.raises(UsageError, match=f"cannot write .*{run.key}: Not a directory"):
        folder.write(run, log)
    assert not (tmp_path / "unfinished").exists()


def test_a_folder_of_other_things_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    study = small_study()
    with pytest.raises(UsageError, match="holds other files than a study: choose a new folder"):
        StudyFolder(tmp_path).claim(study, plan(study, CHECKSUMS), CHECKSUMS)
    assert contents(tmp_path) == {"thesis.tex": b"years of work"}


def test_a_folder_that_cannot_be_created_is_reported_before_any_run(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    study = small_study()
    with pytest.raises(UsageError, match="cannot write to the folder"):
        StudyFolder(tmp_path / "file" / "out").claim(study, plan(study, CHECKSUMS), CHECKSUMS)


@pytest.mark.parametrize("place", [1, 3])
def test_a_copy_of_another_run_counts_as_damaged(tmp_path: Path, place: int) -> None:
    """Of another arm, or of the same arm with another seed."""
    study = small_study()
    folder = filled(tmp_path, study)
    tasks = folder.tasks()
    shutil.copytree(tmp_path / "runs" / tasks[0].key, tmp_path / "runs" / tasks[place].key)
    with pytest.warns(DamagedRunWarning, match="it is the run of seed 0 of another configuration"):
        assert [(run.arm, run.seed) for run in folder.runs()] == [("slow", 0)]
