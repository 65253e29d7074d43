"""The record of a run: its folder, and what is written into it."""

import json
import os
import platform
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

import lamella as lm
from lamella.backend import NumpyBackend
from lamella.errors import UsageError
from lamella.record import RunFolder, blas, environment, finite, installed, write_json
from lamella.threads import cores

NAMES = ["model.safetensors", "history.jsonl", "run.json", "curves.png"]


def test_new_folder_is_made(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "runs" / "first")
    folder.claim()
    assert folder.path.is_dir()
    assert folder.files == []


@pytest.mark.parametrize("name", NAMES)
def test_folder_with_any_file_of_a_run_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("old")
    with pytest.raises(UsageError, match=r"is there already.*--overwrite") as caught:
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
    assert len(folder.files) == 4
    folder.on_fit_begin(lm.SoftmaxClassifier(seed=0), epochs=1, batches=1)
    assert os.listdir(tmp_path) == ["notes.txt"]


def test_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(UsageError, match="cannot write to the folder"):
        RunFolder(tmp_path / "taken").claim()


def test_environment_is_json_and_true() -> None:
    told = json.loads(json.dumps(environment(NumpyBackend("because"))))
    assert told["backend"] == {"name": "numpy", "why": "because"}
    assert told["versions"] == {
        "lamella": lm.__version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "platform": platform.platform(),
    }
    assert told["blas"] == blas()


def test_blas_is_told_in_the_same_order_whatever_was_loaded_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    both = [
        {"user_api": "blas", "internal_api": "openblas", "version": version, "num_threads": 1}
        for version in ("0.3.31", "0.3.30")
    ]
    monkeypatch.setattr("lamella.record.threadpool_info", lambda: both)
    told = blas()
    both.reverse()
    assert blas() == told
    assert {library["version"] for library in told} == {"0.3.30", "0.3.31"}


def test_blas_tells_the_threads_of_this_moment() -> None:
    if not blas():
        pytest.skip("numpy's BLAS is one that threadpoolctl does not know")
    with threadpool_limits(1, user_api="blas"):
        assert [library["threads"] for library in blas()] == [1] * len(blas())


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="cores cannot be chosen here")
def test_cores_are_those_the_process_may_use() -> None:
    allowed = os.sched_getaffinity(0)
    assert cores() == len(allowed)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        assert cores() == 1
    finally:
        os.sched_setaffinity(0, allowed)


def test_numbers_without_a_word_in_json_become_none() -> None:
    assert [finite(x) for x in (1.5, 0.0, float("nan"), float("inf"))] == [1.5, 0.0, None, None]


def test_json_that_nobody_could_read_is_not_written(tmp_path: Path) -> None:
    write_json(tmp_path / "run.json", {"loss": 1.0})
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "run.json", {"loss": float("nan")})
    assert json.loads((tmp_path / "run.json").read_text()) == {"loss": 1.0}


def test_installed_tells_what_can_be_imported() -> None:
    assert installed("numpy")
    assert not installed("a_package_that_nobody_has")
