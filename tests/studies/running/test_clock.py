"""Seconds of epochs: stored in the log, not among the numbers that a key determines."""

from pathlib import Path

import pytest

from lamella.studies.results import Results
from lamella.studies.running.clock import with_seconds
from lamella.studies.running.repeat import repeat_runs
from lamella.studies.running.run_files import read_json
from tests.studies.small import RUN, TEST, TRAIN, small_study
from tests.studies.synthetic import run

ROWS = [{"epoch": 1.0, "loss": 0.5}, {"epoch": 2.0, "loss": 0.4}]


def test_numbers_are_added_to_the_epochs() -> None:
    found = with_seconds(run("a", 0, epochs=ROWS), {"epoch_seconds": [0.25, 0.5]})
    assert [row["seconds"] for row in found.epochs] == [0.25, 0.5]


@pytest.mark.parametrize("damaged", [None, [1.0], [1.0, "2"], [1.0, -1.0], [1.0, None], {}, "ab"])
def test_damaged_log_adds_nothing(damaged: object) -> None:
    one = run("a", 0, epochs=ROWS)
    assert with_seconds(one, {"epoch_seconds": damaged}) is one
    assert with_seconds(one, {}) is one


def test_log_of_a_run_has_them_and_its_files_do_not(tmp_path: Path) -> None:
    pytest.importorskip("joblib", reason="joblib is not installed")
    results = small_study(seeds=1).run(**RUN, out=tmp_path)
    assert all(0 < row["seconds"] < each.seconds for each in results.runs for row in each.epochs)
    stored = Results.load(tmp_path)
    assert [each.epochs for each in stored.runs] == [each.epochs for each in results.runs]
    for each in results.runs:
        assert "seconds" not in (tmp_path / "runs" / each.key / "run.json").read_text()
        log = read_json(tmp_path / "log" / f"{each.key}.json")
        assert log["epoch_seconds"] == [row["seconds"] for row in each.epochs]
    assert [again.parts for again in repeat_runs(tmp_path, TRAIN, TEST)] == [[], [], []]
