"""The report's figures in the folder of a study."""

import os
from pathlib import Path

import pytest

from lamella.studies.pictures.beside import draw_beside
from lamella.studies.results import Results
from tests.studies.small import TEST, TRAIN, small_study
from tests.studies.synthetic import trained
from tests.subprocesses import run_python

pytest.importorskip("matplotlib")
pytest.importorskip("scipy")

NAMES = {f"made-up_contrast_{end}.png" for end in ("train_loss", "train_scr", "test_scr")}


def times(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.glob("*.png")}


def test_three_figures_are_drawn_once_until_a_run_is_newer(tmp_path: Path) -> None:
    results = trained({"SGD": 0.9, "Adam": 0.97}, seeds=1)
    run = tmp_path / "runs" / "a" / "run.json"
    run.parent.mkdir(parents=True)
    run.touch()
    assert draw_beside(results, tmp_path) == ""
    first = times(tmp_path)
    assert set(first) == NAMES
    draw_beside(results, tmp_path)
    assert times(tmp_path) == first
    os.utime(run, ns=(max(first.values()) + 10**9,) * 2)
    draw_beside(results, tmp_path)
    assert all(times(tmp_path)[name] > first[name] for name in NAMES)


def test_a_study_that_shows_a_bar_draws_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("joblib")
    small_study(seeds=1).run(TRAIN, TEST, out=tmp_path / "loud")
    assert {path.name[:15] for path in (tmp_path / "loud").glob("*.png")} == {"small_contrast_"}
    small_study(seeds=1).run(TRAIN, TEST, out=tmp_path / "quiet", verbose=False)
    assert not list((tmp_path / "quiet").glob("*.png"))
    assert "no figures" not in capsys.readouterr().err


def test_what_cannot_be_drawn_or_written_is_a_note(tmp_path: Path) -> None:
    results = trained({"SGD": 0.9, "Adam": 0.97}, seeds=1)
    (tmp_path / "made-up_contrast_train_loss.png").mkdir()
    assert "no figures beside the results: cannot write" in draw_beside(results, tmp_path)
    assert draw_beside(Results(results.study, []), tmp_path / "none") == ""


@pytest.mark.slow
def test_missing_matplotlib_is_a_note(tmp_path: Path) -> None:
    pytest.importorskip("joblib")
    code = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "from tests.studies.small import *\n"
        f"small_study(seeds=1).run(TRAIN, TEST, out={str(tmp_path)!r})\n"
    )
    assert "no figures beside the results: " in run_python("-c", code).stderr
