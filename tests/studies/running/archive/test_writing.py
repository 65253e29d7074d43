"""Archives: studies come back, and each run is stored once."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.core.errors import ArgumentError, DataError, UsageError
from lamella.studies import ArchivedRun, Results, Run, StudyFolder, read_archive, write_archive
from lamella.studies.running.archive.container import unpack
from lamella.studies.running.archived_run import archived
from lamella.studies.running.repeat import differences
from lamella.studies.running.runner import plan
from tests.studies.small import CHECKSUMS, RUN, small_study, task_and_run

pytest.importorskip("joblib", reason="joblib is not installed")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two studies that share the runs of two arms, with a failed run and a diverged one."""
    folder = tmp_path_factory.mktemp("runs")
    small_study().run(**RUN, out=folder / "one")
    arms = {
        "slow": {"optimizer.lr": 1e-3},
        "fast": {"optimizer.lr": 3e-2},
        "lost": {"optimizer": lm.SGD(1e30)},
        "failed": {"model": lm.MLP([5], classes=2)},
    }
    small_study(arms=arms).run(**RUN, out=folder / "two")
    return folder


@pytest.fixture(scope="module")
def archive(folder: Path) -> Path:
    return write_archive(folder, folder / "runs.tar.xz")


def test_all_runs_come_back_without_their_largest_arrays(folder: Path, archive: Path) -> None:
    there = [Results.load(folder / name) for name in ("one", "two")]
    found = read_archive(archive)
    assert [each.study.description() for each in found] == [
        each.study.description() for each in there
    ]
    for old, new in zip(there, found, strict=True):
        assert [(r.arm, r.seed, r.status) for r in old.runs] == [
            (r.arm, r.seed, r.status) for r in new.runs
        ]
        for a, b in zip(old.runs, new.runs, strict=True):
            assert isinstance(b, ArchivedRun)
            assert differences(b, a) == []
            assert (a.study, a.key, a.reason) == (b.study, b.key, b.reason)
            assert a.config == b.config
            rows = [{k: v for k, v in row.items() if k != "seconds"} for row in a.epochs]
            assert repr((rows, a.scores)) == repr((b.epochs, b.scores))
            assert a.predictions.dtype == b.predictions.dtype
            assert a.steps_per_epoch == b.steps_per_epoch
            exact = archived(a).steps
            assert repr(exact.jitter) == repr(b.steps.jitter)
            np.testing.assert_allclose(b.steps.curve, exact.curve, rtol=1 / 256)
    seconds = [[repr(run.seconds) for run in each.runs] for each in (there[0], found[0])]
    assert seconds[0] == seconds[1]
    statuses = {run.status for run in found[1].runs}
    assert statuses == {"done", "diverged", "failed"}


def test_tables_and_comparisons_are_the_same(folder: Path, archive: Path) -> None:
    old, new = Results.load(folder / "one"), read_archive(archive)[0]
    assert str(old.table()) == str(new.table())
    assert str(old.compare("all")) == str(new.compare("all"))
    assert [{k: v for k, v in row.items() if k != "seconds"} for row in old.rows()] == new.rows()
    table, of_archive = (each.to_csv(folder / "a.csv", "run").read_text() for each in (old, new))
    assert table == of_archive


def test_shared_runs_take_space_once(archive: Path) -> None:
    table = json.loads(unpack(archive)["archive.json"])
    planned = [run["key"] for study in table["studies"] for run in study["runs"]]
    assert len(planned) == 14
    assert set(table["runs"]) == set(planned)
    assert len(table["runs"]) == 10
    assert len(table["configs"]) == 5


def test_it_does_not_name_the_machine(archive: Path) -> None:
    table = json.loads(unpack(archive)["archive.json"])
    assert len(table["logs"]) == 1
    assert not {"host", "process", "began", "traceback"} & set(table["logs"][0])
    assert "numpy" in table["logs"][0]["versions"]


def test_an_archive_packs_to_the_same_archive(archive: Path, tmp_path: Path) -> None:
    again = write_archive(archive, tmp_path / "again")
    assert again.read_bytes() == archive.read_bytes()


def stored(path: Path, run: Run | None = None, log: Any = None) -> Path:
    """Write a study with one run."""
    study, folder = small_study(), StudyFolder(path)
    _, whole, own_log = task_and_run(study)
    folder.claim(study, plan(study, CHECKSUMS), CHECKSUMS)
    folder.write(run or whole, own_log if log is None else log)
    return path


def test_an_unfinished_study_stays_unfinished(tmp_path: Path) -> None:
    path = write_archive(stored(tmp_path / "study"), tmp_path / "a.tar.xz")
    (results,) = read_archive(path)
    assert len(results.runs) == 1
    assert len(results.missing) == 5


def test_a_run_without_log_predictions_or_right_answers_comes_back(tmp_path: Path) -> None:
    _, run, _ = task_and_run(small_study())
    bare = replace(run, predictions=np.zeros(0, np.uint8), correct=np.zeros(0, bool))
    old = replace(run, correct=np.zeros(0, bool))
    for each in (bare, old):
        folder = stored(tmp_path / "study", each, log={})
        (results,) = read_archive(write_archive(folder, tmp_path / "a.tar.xz"))
        (back,) = results.runs
        assert differences(back, each) == []
        assert np.isnan(back.seconds)
        shutil.rmtree(folder)


def test_copies_with_other_numbers_are_refused(tmp_path: Path) -> None:
    _, run, log = task_and_run(small_study())
    stored(tmp_path / "runs" / "a", run, log)
    stored(tmp_path / "runs" / "b", replace(run, scores={**run.scores, "test_loss": 1.0}), log)
    with pytest.raises(DataError, match=r"with different numbers: test_loss: .* lamella verify"):
        write_archive(tmp_path / "runs", tmp_path / "a.tar.xz")
    assert not (tmp_path / "a.tar.xz").exists()


def test_nothing_to_pack_is_an_error(tmp_path: Path) -> None:
    study, folder = small_study(), StudyFolder(tmp_path / "study")
    with pytest.raises(UsageError, match="holds no study"):
        write_archive(tmp_path, tmp_path / "a")
    folder.claim(study, plan(study, CHECKSUMS), CHECKSUMS)
    with pytest.raises(UsageError, match="no finished run to pack"):
        write_archive(tmp_path, tmp_path / "a")
    with pytest.raises(UsageError, match="no folder or archive"):
        write_archive(tmp_path / "missing", tmp_path / "a")
    results: Any = Results(study, [])
    with pytest.raises(ArgumentError, match="must be a path"):
        write_archive(results, tmp_path / "a")


def test_comparisons_that_were_read_count_in_an_archive_too(tmp_path: Path) -> None:
    results = small_study().run(**RUN, out=tmp_path / "one")
    for measure in ("test_loss", "val_accuracy"):
        results.compare(measure=measure)
    there = results.compare()
    (found,) = read_archive(write_archive(tmp_path / "one", tmp_path / "a.tar.xz"))
    assert str(found.compare()) == str(there)
    assert str(found.ledger()) == str(results.ledger())
    again = write_archive(tmp_path / "a.tar.xz", tmp_path / "b.tar.xz")
    assert list(read_archive(again)[0].reads) == list(results.reads)
