"""Running a study: only missing runs, and the same bits in processes, threads and clusters."""

import os
import re
import shutil
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

import lamella as lm
from lamella.core.errors import ArgumentError, DataError, MissingExtraError, UsageError
from lamella.studies import DamagedRunWarning, Results, Study, StudyFolder, StudyStopped
from lamella.studies.running.data import study_data
from lamella.studies.running.runner import key_of, plan
from lamella.training.environment import blas
from tests.data import contents
from tests.studies.small import RUN, TEST, TRAIN, small_study, times
from tests.subprocesses import run_python

pytest.importorskip("joblib", reason="joblib is not installed")


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the small study, run in one piece in this process; only to be read."""
    folder = tmp_path_factory.mktemp("reference")
    small_study().run(**RUN, out=folder, n_jobs=1)
    return folder


def test_results_have_every_arm_with_every_seed(reference: Path) -> None:
    results = small_study().run(**RUN, out=reference)
    pairs = {(run.arm, run.seed) for run in results.runs}
    assert pairs == {(arm, seed) for arm in ("slow", "fast", "dropped") for seed in (0, 1)}
    assert {run.status for run in results.runs} == {"done"}


def test_results_in_memory_are_those_in_the_folder(reference: Path) -> None:
    in_memory = small_study().run(**RUN)
    on_disk = {(run.arm, run.seed): run for run in StudyFolder(reference).runs()}
    assert len(on_disk) == 6
    for run in in_memory.runs:
        assert run.scores == on_disk[run.arm, run.seed].scores
        stored = on_disk[run.arm, run.seed].epochs
        assert [{**row, "seconds": 0} for row in run.epochs] == [
            {**row, "seconds": 0} for row in stored
        ]
        assert run.predictions.tolist() == on_disk[run.arm, run.seed].predictions.tolist()


def test_two_processes_give_the_same_bits_as_one(reference: Path, tmp_path: Path) -> None:
    small_study().run(**RUN, out=tmp_path, n_jobs=2)
    assert contents(tmp_path / "runs") == contents(reference / "runs")
    assert (tmp_path / "study.json").read_bytes() == (reference / "study.json").read_bytes()


def test_threads_give_the_same_bits_as_processes(reference: Path, tmp_path: Path) -> None:
    import joblib

    with threadpool_limits(2, user_api="blas"), joblib.parallel_config("threading", n_jobs=2):
        before = blas()
        small_study().run(**RUN, out=tmp_path)
        assert blas() == before
    assert contents(tmp_path / "runs") == contents(reference / "runs")


def test_the_order_of_arms_and_seeds_does_not_matter(reference: Path, tmp_path: Path) -> None:
    arms = dict(reversed(small_study().arms.items()))
    small_study(arms=arms, seeds=[1, 0]).run(**RUN, out=tmp_path)
    assert contents(tmp_path / "runs") == contents(reference / "runs")


def test_a_finished_study_is_read_and_not_run_again(reference: Path) -> None:
    before = times(reference)
    results = small_study().run(**RUN, out=reference, n_jobs=2)
    assert len(results.runs) == 6
    assert times(reference) == before


def test_a_seed_more_runs_that_seed_only(tmp_path: Path) -> None:
    small_study(seeds=1).run(**RUN, out=tmp_path)
    before = times(tmp_path / "runs")
    small_study(seeds=2).run(**RUN, out=tmp_path)
    after = times(tmp_path / "runs")
    assert len(after) == 2 * len(before)
    assert {name: after[name] for name in before} == before


def test_missing_and_damaged_runs_are_done_again_to_the_same_bits(
    reference: Path, tmp_path: Path
) -> None:
    small_study().run(**RUN, out=tmp_path)
    whole, cut, missing = sorted((tmp_path / "runs").iterdir())[:3]
    before = times(whole)
    (cut / "losses.npy").write_bytes(b"half")
    for file in missing.iterdir():
        file.unlink()
    missing.rmdir()
    with pytest.warns(DamagedRunWarning, match=cut.name):
        small_study().run(**RUN, out=tmp_path)
    assert contents(tmp_path / "runs") == contents(reference / "runs")
    assert times(whole) == before


@pytest.mark.slow
def test_mnist_is_read_by_each_process_itself(tmp_path: Path) -> None:
    base = {"model": lm.SoftmaxClassifier(), "samples": 500, "epochs": 1, "batch_size": 10}
    arms = {"slow": {"optimizer.lr": 5e-3}, "fast": {"optimizer.lr": 1e-2}}
    study = Study("digits", base=base, arms=arms, seeds=1)
    alone = study.run(out=tmp_path / "one", n_jobs=1, verbose=False)
    study.run(*lm.datasets.mnist(), out=tmp_path / "two", n_jobs=2, verbose=False)
    assert contents(tmp_path / "one" / "runs") == contents(tmp_path / "two" / "runs")
    assert all(run.scores["test_accuracy"] > 0.6 for run in alone.runs)
    assert len(alone.runs[0].predictions) == 10_000


def test_tasks_are_planned_seed_by_seed() -> None:
    tasks = plan(small_study(), study_data(TRAIN, TEST).checksums)
    assert [(task.seed, task.arm) for task in tasks] == [
        (seed, arm) for seed in (0, 1) for arm in ("slow", "fast", "dropped")
    ]


def test_a_key_depends_on_everything_that_decides_the_numbers_and_on_no_name() -> None:
    data = {"train": "a", "test": "b"}
    one = {"arms": {"one": {}}, "seeds": 1}
    (task,) = plan(small_study(**one), data)
    variants = [
        plan(small_study(**one, base={"model": lm.MLP([5], classes=3), "batch_size": 21}), data),
        plan(small_study(arms={"one": {"optimizer.eps": 1e-7}}, seeds=1), data),
        plan(small_study(**{**one, "seeds": [1]}), data),
        plan(small_study(**one), {"train": "a", "test": "c"}),
    ]
    keys = {task.key, *(variant[0].key for variant in variants)}
    assert len(keys) == 5
    (renamed,) = plan(small_study(arms={"uno": {}}, seeds=1, title="Other"), data)
    assert renamed.key == task.key
    assert re.fullmatch("[0-9a-f]{16}", task.key)


FACTOR = {"by": 1.0}


class Scaled(lm.Layer):
    """Multiply by a number in a global."""

    def forward(self, x: Any, training: bool) -> Any:
        return x * FACTOR["by"]

    def backward(self, dy: Any) -> Any:
        return dy * FACTOR["by"]


RNG = np.random.default_rng(0)


class Noisy(Scaled):
    def forward(self, x: Any, training: bool) -> Any:
        return x + RNG.normal()


def with_layer(layer: lm.Layer) -> Study:
    model = lm.Sequential([layer, lm.Dense(3)])
    return small_study(base={"model": model, "epochs": 1}, arms={"own": {}}, seeds=1)


def test_old_results_do_not_come_back_for_changed_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = with_layer(Scaled())
    [old] = study.run(**RUN, out=tmp_path).runs
    monkeypatch.setitem(FACTOR, "by", 3.0)
    with pytest.raises(UsageError, match="its own classes or functions have changed"):
        study.run(**RUN, out=tmp_path)
    [new] = study.run(**RUN).runs
    assert (new.key != old.key, new.scores != old.scores) == (True, True)


def test_a_worker_with_other_code_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would import this file anew, with the number that is written in it."""
    monkeypatch.setitem(FACTOR, "by", 3.0)
    study = with_layer(Scaled()).resized(seeds=2)
    with pytest.raises(StudyStopped, match="a worker process has other code of Scaled"):
        study.run(**RUN, n_jobs=2)


def test_code_whose_changes_cannot_be_seen_is_run_in_memory_only(tmp_path: Path) -> None:
    study = with_layer(Noisy())
    with pytest.raises(
        UsageError, match="Noisy reads RNG, of type Generator: changes of it cannot"
    ):
        study.run(**RUN, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert study.run(**RUN).runs[0].done


def test_the_version_of_lamella_is_not_in_the_key_and_its_numerics_are() -> None:
    (task,) = plan(small_study(arms={"one": {}}, seeds=1), {"train": "a", "test": "b"})
    assert key_of({**task.config, "lamella": "9.9"}) == task.key
    assert key_of({**task.config, "numerics": {}}) != task.key


def test_fewer_arms_and_seeds_leave_the_folder_whole(reference: Path, tmp_path: Path) -> None:
    shutil.copytree(reference, tmp_path / "out")
    few = small_study(arms={"fast": {"optimizer.lr": 3e-2}}, seeds=1)
    assert len(few.run(**RUN, out=tmp_path / "out").runs) == 1
    assert contents(tmp_path / "out") == contents(reference)
    assert len(Results.load(tmp_path / "out").runs) == 6


@pytest.mark.parametrize(("keep", "names"), [("best", ["best"]), ("last", ["last"])])
def test_a_kept_model_has_the_scores_of_its_run(
    tmp_path: Path, keep: str, names: list[str]
) -> None:
    small_study(seeds=1).run(**RUN, out=tmp_path)
    before = contents(tmp_path / "runs")
    results = small_study(seeds=1).run(**RUN, out=tmp_path, keep=keep, n_jobs=2)
    for loaded in (results, Results.load(tmp_path)):
        for run in loaded.runs:
            assert list(run.models) == names
            scores = loaded.model(run.arm, run.seed).evaluate(*TEST)
            part = "best_test" if keep == "best" else "test"
            assert scores["accuracy"] == run.scores[f"{part}_accuracy"]
    assert contents(tmp_path / "runs").items() >= before.items()
    times_before = times(tmp_path / "runs")
    small_study(seeds=1).run(**RUN, out=tmp_path, keep=keep)
    small_study(seeds=1).run(**RUN, out=tmp_path)
    assert times(tmp_path / "runs") == times_before


def test_models_of_all_epochs_and_of_the_last_can_be_kept_both(tmp_path: Path) -> None:
    study = small_study(seeds=1, arms={"one": {}})
    study.run(**RUN, out=tmp_path, keep="epochs")
    results = study.run(**RUN, out=tmp_path, keep="last")
    assert list(results.runs[0].models) == ["epoch-1", "epoch-2", "epoch-3", "last"]
    models = [results.model("one", 0, name) for name in ("epoch-3", "last")]
    assert np.array_equal(*(model.predict(TEST.x) for model in models))
    assert results.model("one", 0, "epoch-1").epochs_done == 1
    with pytest.raises(ArgumentError, match="the model 'lats' is not known: did you mean 'last'"):
        results.model("one", 0, "lats")


def test_models_need_a_folder_and_a_word(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="keep= needs a folder"):
        small_study().run(**RUN, keep="best")
    with pytest.raises(ArgumentError, match="keep must be one of"):
        small_study().run(**RUN, out=tmp_path / "out", keep="bets")
    with pytest.raises(UsageError, match="no model of the arm 'slow' with seed 0 was kept"):
        small_study(seeds=1).run(**RUN).model("slow", 0)


def test_a_validation_set_and_a_split_exclude_each_other() -> None:
    study = small_study(seeds=1, arms={"one": {"validation_split": 0.2}})
    with pytest.raises(UsageError, match="validation= or validation_split, not both"):
        study.run(**RUN, validation=(TEST.x + 1, TEST.y))


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A dask cluster of two worker processes on loopback."""
    distributed = pytest.importorskip(
        "distributed", reason="dask.distributed is not installed: no cluster to run on"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with (
            distributed.LocalCluster(
                n_workers=2,
                threads_per_worker=1,
                processes=True,
                host="127.0.0.1",
                dashboard_address=None,
            ) as local,
            distributed.Client(local) as client,
        ):
            yield client


def test_a_dask_cluster_gives_the_same_bits(reference: Path, tmp_path: Path, cluster: Any) -> None:
    import json

    import joblib

    with joblib.parallel_config("dask"):
        small_study().run(**RUN, out=tmp_path)
    assert contents(tmp_path / "runs") == contents(reference / "runs")
    workers = set(cluster.run(os.getpid).values())
    assert len(workers) == 2
    logs = [json.loads(file.read_text()) for file in (tmp_path / "log").iterdir()]
    assert len(logs) == 6
    assert {log["process"] for log in logs} <= workers


def test_lines_count_all_runs(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    small_study(seeds=1).run(TRAIN, TEST, out=tmp_path)
    capfd.readouterr()
    small_study(seeds=2).run(TRAIN, TEST, out=tmp_path, n_jobs=2)
    shown = capfd.readouterr().err
    assert all(line.startswith("small: ") for line in shown.splitlines())
    assert "small: 6 of 6 runs, " in shown.splitlines()[-1]
    assert "\r" not in shown


SILENT = """
import sys, threading
from tests.studies.small import RUN, small_study

small_study().run(**RUN, n_jobs=1)
print("tqdm" in sys.modules, threading.active_count())
"""


def test_without_a_bar_there_is_neither_its_thread_nor_its_lock() -> None:
    """Forks of a process share the lock: one that is killed with it would stop the others."""
    assert run_python("-c", SILENT).stdout == "False 1\n"


def test_no_bar_is_shown_when_nothing_is_to_be_done(
    reference: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    small_study().run(TRAIN, TEST, out=reference)
    assert capfd.readouterr().err == ""


def test_more_samples_than_there_are_is_refused_before_anything_is_run(tmp_path: Path) -> None:
    study = small_study(arms={"few": {"samples": 100}, "many": {"samples": 1000}})
    with pytest.raises(DataError, match=r"arm 'many' wants 1,000 training samples, but .* 240"):
        study.run(**RUN, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_without_joblib_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "joblib", None)
    with pytest.raises(MissingExtraError, match=r"needs joblib.*pip install 'lamella\[studies\]'"):
        small_study().run(**RUN)


def test_each_arm_warns_once(tmp_path: Path) -> None:
    arms = {"a": {}, "b": {"optimizer.lr": 3e-2}}
    study = small_study(base={"model": lm.MLP([5]), "epochs": 1}, arms=arms, seeds=3)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        study.run(**RUN)
    assert sum("missing classes" in str(each.message) for each in caught) == 2


def test_a_study_of_failed_runs_says_why() -> None:
    study = small_study(arms={"one": {"model": lm.MLP([5], classes=2)}})
    with pytest.raises(StudyStopped, match="every run failed, the first one with DataError: l"):
        study.run(**RUN)


def test_empty_sets_are_refused_before_any_run() -> None:
    with pytest.raises(DataError, match="test is empty"):
        small_study().run(TRAIN, (TEST.x[:0], TEST.y[:0]), verbose=False)
