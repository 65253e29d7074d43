"""Repeated runs of a study: equal bits pass, and each difference is found."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.core.errors import UsageError
from lamella.studies import Repeated, repeat_runs, write_archive
from lamella.studies.running.run_files import from_files, json_bytes, sha256, to_files
from lamella.studies.running.runner import key_of
from lamella.training.checkpoints.code_digest import PYTHON
from lamella.training.numerics import numerics
from tests.data import contents
from tests.studies.small import RUN, TEST, TRAIN, small_study

pytestmark = pytest.mark.slow

pytest.importorskip("joblib", reason="joblib is not installed")


class Gain(lm.Layer):
    """Multiply by a number."""

    def __init__(self, by: float) -> None:
        self.by = by

    def forward(self, x: Any, training: bool) -> Any:
        return x * self.by

    def backward(self, dy: Any) -> Any:
        return dy * self.by


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """The folder of a study of six runs, of which two diverged."""
    arms = {"dropped": {"model.dropout": 0.2}, "wild": {"optimizer": lm.SGD(1e30)}, "plain": {}}
    small_study(arms=arms).run(**RUN, out=tmp_path / "out")
    return tmp_path / "out"


def repeated(folder: Path, **options: Any) -> list[Repeated]:
    return list(repeat_runs(folder, TRAIN, TEST, **options))


def edit(folder: Path, **changes: Any) -> None:
    """Change fields of a run as it was kept; the checksums are right again."""
    run = from_files(folder, study="", arm="", seconds=0.0)
    for name, value in changes.items():
        object.__setattr__(run, name, value)
    for name, content in to_files(run).items():
        (folder / name).write_bytes(content)


def first(out: Path) -> Path:
    """The folder of the first run, of the arm "dropped"."""
    return out / "runs" / json.loads((out / "study.json").read_text())["runs"][0]["key"]


def test_all_runs_have_the_same_bits_and_nothing_is_written(out: Path) -> None:
    before = contents(out)
    found = repeated(out)
    assert [(r.task.arm, r.task.seed) for r in found[:4]] == [
        *(("dropped", 0), ("wild", 0), ("plain", 0), ("dropped", 1))
    ]
    assert len(found) == 6
    assert all(r.parts == [] == r.others for r in found)
    assert {r.run.status for r in found if r.run} == {"done", "diverged"}
    assert contents(out) == before


def test_so_many_runs_are_chosen_evenly_and_by_their_keys(out: Path) -> None:
    chosen = [(r.task.arm, r.task.seed) for r in repeated(out, most=3)]
    assert chosen == [("dropped", 0), ("plain", 0), ("plain", 1)]
    assert [r.task.key for r in repeated(out, keys=[first(out).name])] == [first(out).name]
    assert len(repeated(out, most=99)) == 6


def test_a_run_that_is_not_there_yet_is_not_repeated(out: Path) -> None:
    first(out).rename(out.parent / "elsewhere")
    assert len(repeated(out)) == 5


def test_one_bit_of_each_part_is_found(out: Path) -> None:
    run = from_files(first(out), study="", arm="", seconds=0.0)
    losses, confidence = run.step_losses.copy(), run.confidence.copy()
    losses[13] = np.nextafter(losses[13], np.float32(9))
    confidence[:2] = np.nextafter(confidence[:2], np.float32(9))
    predictions = (run.predictions + 1).astype(np.uint8)
    epochs = [dict(row) for row in run.epochs]
    epochs[1]["val_loss"] = float(np.nextafter(epochs[1]["val_loss"], 9))
    scores = {**run.scores, "test_accuracy": 0.5}
    edit(
        first(out),
        step_losses=losses,
        confidence=confidence,
        predictions=predictions,
        epochs=epochs,
        scores=scores,
        status="diverged",
    )
    [found] = repeated(out, keys=[first(out).name])
    assert found.others == []
    status, batch, epoch, score, classes, chances = found.parts
    assert status == "it is diverged there, done here"
    # 220 samples are trained on, 20 a batch.
    assert batch.startswith(f"they differ from epoch 2, batch 3 on: loss {losses[13]!s} there")
    assert "1 of 33 batches" in batch
    assert "they diverge in epoch 2: val_loss" in epoch
    assert "1 of 3 epochs" in epoch
    assert score.startswith("test_accuracy: 0.5 there")
    assert classes == "predictions of 90 of 90 test samples"
    assert chances == "confidence of 2 of 90 test samples"


def test_batches_that_are_missing_are_found(out: Path) -> None:
    run = from_files(first(out), study="", arm="", seconds=0.0)
    edit(first(out), step_losses=run.step_losses[:30], epochs=run.epochs[:2])
    [found] = repeated(out, keys=[first(out).name])
    assert "epoch 3, batch 9 on: loss no loss there" in found.parts[0]
    assert found.parts[1] == "2 epochs there, 3 here"


def test_another_numpy_is_reported_and_a_lost_log_is_not(out: Path) -> None:
    log = out / "log" / f"{first(out).name}.json"
    table = json.loads(log.read_text())
    table["versions"]["numpy"] = "1.9.9"
    log.write_text(json.dumps(table))
    [found] = repeated(out, keys=[first(out).name])
    assert found.parts == []
    assert found.others == [f"numpy (1.9.9 there, {np.__version__} here)"]
    log.unlink()
    [found] = repeated(out, keys=[first(out).name])
    assert (found.parts, found.others) == ([], [])


def test_other_numerics_of_lamella_are_named_as_the_reason(
    out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = {**numerics(), "optimizers": "0" * 16}
    monkeypatch.setattr("lamella.training.numerics.numerics", lambda: newer)
    [found] = repeated(out, keys=[first(out).name])
    assert found.others == ["lamella, whose code of optimizers has changed"]


def test_a_damaged_run_is_reported(out: Path) -> None:
    content = bytearray((first(out) / "losses.npy").read_bytes())
    content[-1] ^= 1
    (first(out) / "losses.npy").write_bytes(content)
    found = repeated(out)
    assert found[0].run is None
    assert "losses.npy is not what was written" in found[0].parts[0]
    assert all(r.parts == [] for r in found[1:])


def test_a_configuration_of_another_folder_is_reported(out: Path) -> None:
    run = from_files(first(out), study="", arm="", seconds=0.0)
    experiment = {**run.config["experiment"], "epochs": 1}
    edit(first(out), config={**run.config, "experiment": experiment})
    [found] = repeated(out, keys=[first(out).name])
    assert "it is the run of seed 0 of another configuration" in found.parts[0]


def test_other_data_are_refused(out: Path) -> None:
    with pytest.raises(UsageError, match="other data than the samples given"):
        list(repeat_runs(out, TEST, TRAIN))
    with pytest.raises(UsageError, match="other data than MNIST"):
        list(repeat_runs(out))


def test_a_study_without_runs_is_refused(out: Path) -> None:
    with pytest.raises(UsageError, match="holds no finished run"):
        repeated(out, keys=["nothing"])


def test_custom_classes_must_be_passed(tmp_path: Path) -> None:
    model = lm.Sequential([Gain(0.5), lm.Dense(3)])
    small_study(arms={"own": {"model": model}}, seeds=1).run(**RUN, out=tmp_path)
    with pytest.raises(UsageError, match=r"uses Gain, .* with custom=\[Gain\]"):
        repeated(tmp_path)
    [found] = repeated(tmp_path, custom=[Gain])
    assert (found.parts, found.others) == ([], [])


def test_a_changed_custom_class_is_reported(tmp_path: Path) -> None:
    model = lm.Sequential([Gain(0.5), lm.Dense(3)])
    small_study(arms={"own": {"model": model}}, seeds=1).run(**RUN, out=tmp_path)
    [old] = (tmp_path / "runs").iterdir()
    table = json.loads((old / "run.json").read_text())
    table.pop("sha256")
    table["config"]["experiment"]["own"]["Gain"] = f"{PYTHON} 0"
    key = key_of(table["config"])
    old.rename(old.with_name(key))
    sums = {file.name: sha256(file.read_bytes()) for file in (tmp_path / "runs" / key).iterdir()}
    sums["run.json"] = sha256(json_bytes(table))
    (tmp_path / "runs" / key / "run.json").write_bytes(json_bytes({**table, "sha256": sums}))
    index = json.loads((tmp_path / "study.json").read_text())
    index["runs"][0]["key"] = key
    (tmp_path / "study.json").write_text(json.dumps(index))
    [found] = repeated(tmp_path, custom=[Gain])
    assert (found.parts, found.others) == ([], ["code of Gain"])


def test_an_archive_is_repeated_each_run_once(out: Path, tmp_path: Path) -> None:
    arms = {"plain": {}, "wide": {"model": lm.MLP([9], classes=3)}}
    small_study(arms=arms).run(**RUN, out=tmp_path / "second")
    found = repeated(write_archive(tmp_path, tmp_path / "a.tar.xz"))
    assert [r.task.arm for r in found] == ["dropped", "wild", "plain"] * 2 + ["wide"] * 2
    assert all(r.parts == [] == r.others for r in found)
    assert len(repeated(tmp_path)) == 8
    assert len(repeated(tmp_path / "a.tar.xz", most=3)) == 3


def test_one_bit_of_each_part_of_an_archived_run_is_found(out: Path, tmp_path: Path) -> None:
    run = from_files(first(out), study="", arm="", seconds=0.0)
    losses, confidence, correct = (
        each.copy() for each in (run.step_losses, run.confidence, run.correct)
    )
    losses[13] = np.nextafter(losses[13], np.float32(9))
    confidence[0] = np.nextafter(confidence[0], np.float32(9))
    predictions = run.predictions.copy()
    predictions[0] += 1
    correct[0] = False
    epochs = [dict(row) for row in run.epochs]
    epochs[1]["val_loss"] = float(np.nextafter(epochs[1]["val_loss"], 9))
    changes = {"step_losses": losses, "confidence": confidence, "epochs": epochs}
    edit(first(out), **changes, predictions=predictions, correct=correct)
    archive = write_archive(out, tmp_path / "a.tar.xz")
    [found] = repeated(archive, keys=[first(out).name])
    assert found.others == []
    steps, chances, epoch, *classes = found.parts
    assert steps == "step_losses: not the same by its digest"
    assert chances == "confidence: not the same by its digest"
    assert "they diverge in epoch 2: val_loss" in epoch
    assert classes[0] == "predictions of 1 of 90 test samples"


def test_other_numerics_than_those_of_an_archive_are_named(
    out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = write_archive(out, tmp_path / "a.tar.xz")
    newer = {**numerics(), "optimizers": "0" * 16}
    monkeypatch.setattr("lamella.training.numerics.numerics", lambda: newer)
    [found] = repeated(archive, most=1)
    assert found.parts == []
    assert found.others == ["lamella, whose code of optimizers has changed"]
