"""Folder of a run: which folders are accepted, and which files are replaced."""

import os
from pathlib import Path

import pytest

import lamella as lm
from lamella.cli.run_folder import RunFolder
from lamella.core.errors import UsageError

NAMES = ["model.safetensors", "history.jsonl", "steps.csv", "run.json", "curves.png"]


def test_new_folder_is_made(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "runs" / "first")
    folder.claim()
    assert folder.path.is_dir()
    assert folder.files == []


@pytest.mark.parametrize("name", NAMES)
def test_folder_with_any_file_of_a_run_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("old")
    with pytest.raises(UsageError, match=r"already exists.*--overwrite") as caught:
        RunFolder(tmp_path).claim()
    assert str(tmp_path / name) in str(caught.value)
    assert (tmp_path / name).read_text() == "old"


def test_folder_with_other_files_is_taken(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    RunFolder(tmp_path).claim()
    assert os.listdir(tmp_path) == ["notes.txt"]


def test_old_run_goes_when_training_begins_and_nothing_else_does(tmp_path: Path) -> None:
    for name in [*NAMES, "notes.txt"]:
        (tmp_path / name).write_text("old")
    folder = RunFolder(tmp_path, overwrite=True)
    folder.claim()
    assert len(folder.files) == 5
    folder.on_fit_begin(lm.SoftmaxClassifier(seed=0), epochs=1, batches=1)
    assert os.listdir(tmp_path) == ["notes.txt"]


def test_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(UsageError, match="cannot write to the folder"):
        RunFolder(tmp_path / "taken").claim()
