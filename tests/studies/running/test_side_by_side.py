"""Runs on a GPU, here its stand-in: side by side, with the bits of each alone."""

import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.backend import selection
from lamella.backend.cupy.graph_backend import GraphBackend
from lamella.core.errors import CheckWarning, DivergenceWarning
from lamella.studies import Study, StudyFolder
from lamella.studies.running.data import study_data
from lamella.studies.running.side_by_side import MOST, bytes_of_run, in_threads, runs_at_once
from lamella.testing import strict_cupy
from lamella.testing.strict_cupy.memory import free_memory
from tests.data import contents
from tests.studies.small import RUN, TEST, TRAIN, small_study

pytest.importorskip("joblib", reason="joblib is not installed")

BASE = {"model": lm.MLP([5], classes=3, backend="numpy"), "batch_size": 60, "epochs": 2}
ARMS: dict[str, Any] = {
    "good": {},
    "dropped": {"model.dropout": 0.2},
    "wild": {"optimizer": lm.SGD(1e30)},
    "impossible": {"model.classes": 2},
}


@pytest.fixture(autouse=True)
def gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine whose GPU is the stand-in."""
    monkeypatch.setattr(selection, "open_cupy", lambda *_: GraphBackend(strict_cupy))


def study(**changes: Any) -> Study:
    base = {**BASE, "model": lm.MLP([5], classes=3, backend="cupy")}
    return small_study(**{"base": base, "arms": ARMS, "seeds": 2, **changes})


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the study, whose runs were trained one after another."""
    folder = tmp_path_factory.mktemp("alone")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(selection, "open_cupy", lambda *_: GraphBackend(strict_cupy))
        study().run(**RUN, out=folder, n_jobs=1)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("n_jobs", [None, 3])
def test_runs_side_by_side_have_the_bits_of_runs_alone(
    alone: Path, tmp_path: Path, n_jobs: int | None
) -> None:
    results = study().run(**RUN, out=tmp_path, n_jobs=n_jobs)
    assert contents(tmp_path / "runs") == contents(alone / "runs")
    status = {run.arm: run.status for run in results.runs}
    assert status == {"good": "done", "dropped": "done", "wild": "diverged", "impossible": "failed"}


@pytest.mark.slow
def test_runs_that_do_not_fit_side_by_side_are_trained_here_one_by_one(
    alone: Path, tmp_path: Path
) -> None:
    with free_memory(1000):
        study().run(**RUN, out=tmp_path, n_jobs=-1)  # another process would not find the stand-in
    assert contents(tmp_path / "runs") == contents(alone / "runs")


@pytest.mark.slow
def test_runs_without_captures_have_the_same_bits(
    alone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAMELLA_CAPTURE", "0")
    study().run(**RUN, out=tmp_path)
    assert contents(tmp_path / "runs") == contents(alone / "runs")


@pytest.mark.slow
def test_a_study_that_is_interrupted_resumes(
    alone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, before = StudyFolder.write, threading.active_count()

    def interrupt(folder: StudyFolder, *run: Any) -> None:
        if len(list(folder.runs())) == 3:
            raise KeyboardInterrupt
        write(folder, *run)

    monkeypatch.setattr(StudyFolder, "write", interrupt)
    with pytest.raises(KeyboardInterrupt) as caught:
        study().run(**RUN, out=tmp_path)
    assert "3 of 8 runs are done and stored" in caught.value.__notes__[0]
    assert threading.active_count() == before
    monkeypatch.undo()
    monkeypatch.setattr(selection, "open_cupy", lambda *_: GraphBackend(strict_cupy))
    study().run(**RUN, out=tmp_path)
    assert contents(tmp_path / "runs") == contents(alone / "runs")


@pytest.mark.slow
def test_the_number_of_runs_at_once_is_said_and_logged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arms = {"good": {}, "here": {"model": lm.MLP([5], classes=3, backend="numpy")}}
    kept = study(arms=arms, seeds=3)
    kept.run(TRAIN, TEST, out=tmp_path, n_jobs=2)
    assert "2 of 3 runs at once on the GPU" in capsys.readouterr().err
    logs = {run.arm: StudyFolder(tmp_path).log(run.key) for run in StudyFolder(tmp_path).runs()}
    assert logs["good"]["runs_at_once"] == 2
    assert "runs_at_once" not in logs["here"]


@pytest.mark.slow
def test_warnings_come_once_and_filters_stay(tmp_path: Path) -> None:
    filters = list(warnings.filters)
    train = (np.r_[TRAIN.x, TRAIN.x[:1]] * 1000, np.r_[TRAIN.y, TRAIN.y[:1]])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        study().run(train, TEST, verbose=False)
    kinds = [each.category for each in caught]
    texts = [str(each.message) for each in caught if each.category is CheckWarning]
    assert texts
    assert len(texts) == len(set(texts))
    assert DivergenceWarning not in kinds
    assert warnings.filters == filters


def test_memory_and_n_jobs_limit_the_number_of_runs() -> None:
    experiments = list(study().experiments.values())
    data = study_data(TRAIN, TEST)
    backend = GraphBackend(strict_cupy)
    needed = max(bytes_of_run(each, data) for each in experiments)
    assert runs_at_once(backend, experiments, data, None) == MOST
    assert runs_at_once(backend, experiments, data, -1) == MOST
    assert runs_at_once(backend, experiments, data, 7) == 7
    with free_memory(8 * needed):  # a fifth stays free
        assert runs_at_once(backend, experiments, data, None) == 6
        assert runs_at_once(backend, experiments, data, 3) == 3
    with free_memory(10):
        assert runs_at_once(backend, experiments, data, None) == 1


def test_memory_of_a_run_is_its_data_twice_and_its_networks() -> None:
    (experiment,) = study(arms={"good": {}}).experiments.values()
    inputs = TRAIN.x.shape[1]
    weights = inputs * 5 + 5 + 5 * 3 + 3
    data = 2 * (TRAIN.x.nbytes + TRAIN.y.nbytes + TEST.x.nbytes + TEST.y.nbytes)
    found = bytes_of_run(experiment, study_data(TRAIN, TEST)) - data
    least = 2 * 4 * (4 * weights + 512 * 4 * (inputs + 5 + 3))
    assert least <= found <= 3 * least  # inputs and activations count as outputs too


def test_jobs_in_threads_yield_all_results() -> None:
    found = in_threads([lambda n=n: n * n for n in range(20)], 3, nullcontext, threading.Event())
    assert sorted(found) == [n * n for n in range(20)]


def test_each_thread_does_its_jobs_within_what_it_enters() -> None:
    inside, most = [0], [0]
    lock = threading.Lock()

    class Inside:
        def __enter__(self) -> None:
            with lock:
                inside[0] += 1
                most[0] = max(most[0], inside[0])

        def __exit__(self, *_: object) -> None:
            with lock:
                inside[0] -= 1

    jobs = [lambda: (time.sleep(0.01), inside[0])[1] for _ in range(12)]
    assert all(in_threads(jobs, 4, Inside, threading.Event()))
    assert most[0] == 4
    assert inside[0] == 0


@pytest.mark.parametrize("how", ["closed", "error"])
def test_threads_end_when_the_results_are_no_longer_wanted(how: str) -> None:
    before, stop = threading.active_count(), threading.Event()

    def fail() -> None:
        raise MemoryError("no room")

    jobs: list[Any] = [lambda: 1, stop.wait, stop.wait, *([fail] if how == "error" else [])]
    results: Iterator[Any] = in_threads(jobs, 3, nullcontext, stop)
    assert next(results) == 1
    assert threading.active_count() > before
    if how == "closed":
        results.close()  # type: ignore[attr-defined]
    else:
        with pytest.raises(MemoryError, match="no room"):
            next(results)
    assert threading.active_count() == before
