"""lamella verify for the folder of a study, and for one of its runs."""

import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import Call

pytest.importorskip("joblib", reason="joblib is not installed")

STUDY = """
name = "small"
seeds = 2
[base]
model = { class = "MLP", hidden = [8] }
epochs = 2
samples = 400
[arms.plain]
[arms.dropped]
model.dropout = 0.2
"""


@pytest.fixture(scope="module")
def study(command: Call, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a study on MNIST; only to be read."""
    folder = tmp_path_factory.mktemp("study")
    (folder / "small.toml").write_text(STUDY)
    done = command("study", "run", folder / "small.toml", "--out", folder / "out", "--n-jobs", 1)
    assert done.status == 0, done.err
    return folder / "out"


def test_a_study_is_repeated_bit_for_bit(command: Call, study: Path) -> None:
    done = command("verify", study)
    assert (done.status, done.err) == (0, "")
    first, *others, last = done.out.splitlines()
    assert first == "arm 'plain', seed 0: bit-identical"
    assert len(others) == 3
    assert last == "bit-identical: 4 runs of 8 epochs, their scores and predictions"


def test_all_studies_of_a_folder_are_repeated(call: Call, study: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        shutil.copytree(study, tmp_path / name)
    done = call("verify", tmp_path, "--runs", 2)
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith("small, arm 'plain', seed 0: bit-identical\n")


def test_some_runs_and_one_are_repeated(
    call: Call, study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = call("verify", study, "--runs", 2, "--quiet")
    assert (done.status, done.err) == (0, "")
    assert done.out == "bit-identical: 2 runs of 4 epochs, their scores and predictions\n"
    run = next((study / "runs").iterdir())
    monkeypatch.chdir(run)
    done = call("verify", ".", "--quiet")
    assert (done.status, done.err) == (0, "")
    assert done.out == "bit-identical: 1 run of 2 epochs, its scores and predictions\n"


def test_a_damaged_run_and_another_version_are_reported(
    call: Call, study: Path, tmp_path: Path
) -> None:
    copied = Path(shutil.copytree(study, tmp_path / "copied"))
    damaged, changed, *_ = sorted((copied / "runs").iterdir())
    (damaged / "losses.npy").write_bytes(b"")
    log = copied / "log" / f"{changed.name}.json"
    log.write_text(log.read_text().replace('"numpy": "', '"numpy": "0.'))
    done = call("verify", copied, "--quiet")
    assert done.status == 1
    assert "its files are damaged: losses.npy is not what was written" in done.err
    assert "the study used a different numpy (0." in done.err
    assert "1 of 4 runs are not bit-identical; this may be the reason" in done.err


def test_number_of_runs_is_refused_for_other_folders(call: Call, softmax_run: Path) -> None:
    done = call("verify", softmax_run, "--runs", 1)
    assert done.status == 2
    assert "--runs is for studies" in done.err
    done = call("verify", softmax_run.parent / "nowhere", "--runs", 1)
    assert done.status == 2


def test_a_loop_of_links_is_refused_in_one_line(call: Call, tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    done = call("verify", tmp_path / "loop")
    assert (done.status, done.err.count("\n")) == (2, 1)
    assert "holds no finished run" in done.err


def test_a_study_without_runs_and_a_number_below_one_are_refused(
    call: Call, study: Path, tmp_path: Path
) -> None:
    done = call("verify", study, "--runs", 0)
    assert done.status == 2
    assert "at least 1" in done.err
    shutil.copy(study / "study.json", tmp_path)
    done = call("verify", tmp_path)
    assert done.status == 2
    assert "holds no finished run" in done.err


def test_an_archive_is_repeated_bit_for_bit(call: Call, study: Path, tmp_path: Path) -> None:
    archive = tmp_path / "a.tar.xz"
    assert call("study", "pack", study, "--out", archive).status == 0
    done = call("verify", archive, "--runs", 2)
    assert (done.status, done.err) == (0, "")
    first, _, last = done.out.splitlines()
    assert first == "small, arm 'plain', seed 0: bit-identical"
    assert last == "bit-identical: 2 runs of 4 epochs, their scores and predictions"
