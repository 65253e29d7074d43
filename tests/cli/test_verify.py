"""lamella verify: an equal run passes, and each difference is found."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lamella as lm
from tests.cli.conftest import Call
from tests.data import contents


@pytest.fixture
def copied(softmax_run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(softmax_run, tmp_path / "copied"))


def edit(path: Path, **changes: Any) -> None:
    record = json.loads(path.read_text())
    record.update(changes)
    path.write_text(json.dumps(record))


def test_a_run_is_repeated_bit_for_bit(command: Call, softmax_run: Path) -> None:
    before = contents(softmax_run)
    done = command("verify", softmax_run, "--quiet")
    assert (done.status, done.err) == (0, "")
    assert done.out == "bit-identical: 2 epochs, 2 arrays of weights and the test scores\n"
    assert contents(softmax_run) == before


def test_a_run_that_stopped_early_is_repeated(call: Call, tmp_path: Path) -> None:
    options = "--hidden 8 --dropout 0.1 --lr 0.3 --early-stopping 1 --epochs 9 --batch-size 500"
    assert call("train", *options.split(), "--quiet", "--out", tmp_path).status == 0
    assert json.loads((tmp_path / "run.json").read_text())["epochs"] < 9
    done = call("verify", tmp_path, "--quiet")
    assert (done.status, done.err) == (0, "")


def test_another_epoch_and_another_weight_are_found(call: Call, copied: Path) -> None:
    lines = (copied / "history.jsonl").read_text().splitlines()
    second = json.loads(lines[1])
    second["val_loss"] = float(np.nextafter(second["val_loss"], 1))
    (copied / "history.jsonl").write_text(lines[0] + "\n" + json.dumps(second) + "\n")
    model = lm.load(copied / "model.safetensors")
    weights = model.parameters[0].value
    weights[300, 7] = np.nextafter(weights[300, 7], np.float32(1))
    model.save(copied / "model.safetensors")
    done = call("verify", copied, "--quiet")
    assert done.status == 1
    assert "they diverge in epoch 2: val_loss" in done.err
    assert "1 of 2 epochs differ" in done.err
    assert "W: 1 of 7840 numbers differ, by" in done.err
    assert "the record shows no other difference" in done.err


def test_another_seed_in_the_record_is_found_in_epoch_1(call: Call, copied: Path) -> None:
    record = json.loads((copied / "run.json").read_text())
    edit(copied / "run.json", configuration={**record["configuration"], "seed": 1})
    done = call("verify", copied, "--quiet")
    assert done.status == 1
    assert "they diverge in epoch 1: loss" in done.err
    assert "2 of 2 epochs" in done.err


def test_other_versions_threads_and_data_are_reported(call: Call, copied: Path) -> None:
    record = json.loads((copied / "run.json").read_text())
    blas = [{**library, "architecture": "Abacus", "threads": 999} for library in record["blas"]]
    versions = {**record["versions"], "numpy": "1.26.4"}
    edit(
        copied / "run.json",
        versions=versions,
        blas=blas,
        blas_threads=512,
        data={},
        products="BLAS",
    )
    done = call("verify", copied, "--quiet")
    assert done.status == 0, "the bits are the same all the same"
    assert f"numpy (1.26.4 there, {np.__version__} here)" in done.err
    assert "Abacus there" in done.err
    assert "number of BLAS threads (512 there, 1 here)" in done.err
    assert "number of available threads (999 there, " in done.err
    assert "MNIST (its checksums differ)" in done.err


def test_a_missing_epoch_is_reported(call: Call, copied: Path) -> None:
    lines = (copied / "history.jsonl").read_text().splitlines()
    (copied / "history.jsonl").write_text(lines[0] + "\n")
    done = call("verify", copied, "--quiet")
    assert done.status == 1
    assert "1 epochs there, 2 here" in done.err


def test_other_test_scores_are_reported(call: Call, copied: Path) -> None:
    edit(copied / "run.json", test_accuracy=0.5)
    done = call("verify", copied, "--quiet")
    assert done.status == 1
    assert "test accuracy: 0.5 there" in done.err


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("run.json", "{}", "is not the record of a run of lamella train"),
        ("run.json", '{"configuration": {}}', "does not say how to repeat it"),
        ("history.jsonl", "3\n", "is not a history"),
        ("history.jsonl", "{\n", "cannot read the history"),
        ("model.safetensors", "", "model.safetensors"),
    ],
)
def test_files_that_cannot_be_read_are_reported(
    call: Call, copied: Path, name: str, content: str, complaint: str
) -> None:
    (copied / name).write_text(content)
    done = call("verify", copied)
    assert done.status == 2
    assert complaint in done.err


def test_a_folder_without_a_run_is_refused(call: Call, tmp_path: Path) -> None:
    done = call("verify", tmp_path)
    assert done.status == 2
    assert "holds no finished run" in done.err
