"""Files of a run: the same run gives the same bytes."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from lamella.core.errors import FileFormatError
from lamella.studies.running.run_files import from_files, json_bytes, to_files
from tests.studies.small import small_study, task_and_run


def test_numbers_that_are_not_finite_are_written_as_null() -> None:
    study = small_study(arms={"wild": {"optimizer": {"class": "SGD", "lr": 1e30}}})
    _, run, _ = task_and_run(study)
    assert run.status == "diverged"
    files = to_files(run)
    assert json.loads(files["run.json"])["epochs"][0]["loss"] is None
    assert b"NaN" not in files["run.json"]


def test_the_same_run_gives_the_same_bytes_under_any_name() -> None:
    study = small_study()
    _, run, _ = task_and_run(study)
    _, again, _ = task_and_run(study)
    assert to_files(run) == to_files(again)
    renamed = replace(run, study="other", arm="other", seconds=1.0)
    assert to_files(renamed) == to_files(run)


def test_a_run_of_a_version_without_right_answers_is_read(tmp_path: Path) -> None:
    _, run, _ = task_and_run(small_study())
    files = to_files(run)
    table = json.loads(files["run.json"])
    del table["sha256"]["correct.npy"]
    for name, content in {**files, "run.json": json_bytes(table)}.items():
        if name != "correct.npy":
            (tmp_path / name).write_bytes(content)
    read = from_files(tmp_path, study="s", arm="a", seconds=0.0)
    assert (len(read.correct), len(read.predictions)) == (0, 90)


def test_a_folder_without_the_files_of_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=r"cannot read .*run\.json: No such file"):
        from_files(tmp_path, study="s", arm="a", seconds=0.0)
