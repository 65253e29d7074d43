"""lamella train: its files, output and errors, and the same bits as the library."""

import os
import re
import signal
import sys
from pathlib import Path

import numpy as np
import pytest

import lamella as lm
from lamella.datasets.mnist import CHECKSUMS
from tests.cli.conftest import Call
from tests.cli.runs import QUICK, history_of, record_of
from tests.data import contents
from tests.subprocesses import TIME_LIMIT, start_python, wait_until

pytestmark = pytest.mark.slow

FILES = ["curves.png", "history.jsonl", "model.safetensors", "run.json", "steps.csv"]
SMALL = ["--hidden", 8, *QUICK]

Digits = tuple[lm.datasets.Samples, lm.datasets.Samples]


def test_training_with_the_defaults_reaches_97_3_percent(command: Call, tmp_path: Path) -> None:
    done = command("train", "--out", tmp_path / "first", "--quiet")
    assert done.status == 0, done.err
    record = record_of(tmp_path / "first")
    assert record["test_accuracy"] >= 0.973
    assert record["model"]["config"]["hidden"] == [256, 30]
    assert record["model"]["config"]["optimizer"]["config"]["lr"] == 5e-4
    assert (record["epochs"], record["seed"]) == (5, 2023)
    assert record["configuration"]["batch_size"] == 64


def test_train_writes_four_files_and_names_them(softmax_run: Path) -> None:
    assert sorted(os.listdir(softmax_run)) == FILES
    said = (softmax_run.parent / "stdout").read_text()
    assert (
        f"in {softmax_run}: model.safetensors, history.jsonl, steps.csv, run.json, curves.png"
        in said
    )


def test_train_ends_by_saying_test_accuracy_and_time(softmax_run: Path) -> None:
    said = (softmax_run.parent / "stdout").read_text().splitlines()
    assert f"test accuracy {record_of(softmax_run)['test_accuracy']:.2%}, test loss" in said[-3]
    assert re.fullmatch(r"2 epochs in \d+\.\d s", said[-2])


def test_train_shows_the_model_first_and_epochs_on_stderr(softmax_run: Path) -> None:
    said = (softmax_run.parent / "stdout").read_text()
    assert said.startswith("SoftmaxClassifier([")
    assert "7,850 parameters" in said
    assert "GPU" not in said
    epochs = (softmax_run.parent / "stderr").read_text().splitlines()
    assert [line.partition(":")[0] for line in epochs] == ["epoch 1/2", "epoch 2/2"]


def test_train_keeps_the_loss_of_every_step(softmax_run: Path) -> None:
    head, *lines = (softmax_run / "steps.csv").read_text().splitlines()
    assert head == "step,loss"
    steps, losses = np.array([line.split(",") for line in lines], float).T
    np.testing.assert_array_equal(steps, np.arange(1, 2 * 220 + 1))
    means = losses.reshape(2, 220).mean(axis=1)
    np.testing.assert_allclose(means, [row["loss"] for row in history_of(softmax_run)], rtol=1e-6)


def test_train_keeps_the_weights_of_every_epoch_if_asked(call: Call, tmp_path: Path) -> None:
    options = [
        "--model",
        "softmax",
        "--epochs",
        2,
        "--batch-size",
        2500,
        "--quiet",
        "--every-epoch",
    ]
    done = call("train", *options, "--out", tmp_path)
    assert done.status == 0, done.err
    assert ", epochs" in done.out
    weights = [
        lm.load(tmp_path / place).state_dict()["1.Dense.W"]
        for place in ("epochs/epoch-1.safetensors", "epochs/epoch-2.safetensors", ".")
    ]
    np.testing.assert_array_equal(weights[1], weights[2])
    assert not np.array_equal(weights[0], weights[1])
    assert call("train", "--model", "softmax", *QUICK, "--out", tmp_path, "--overwrite").status == 0
    assert list((tmp_path / "epochs").iterdir()) == []


def test_quiet_training_prints_the_result_only(call: Call) -> None:
    done = call("train", "--model", "softmax", *QUICK)
    assert done.err == ""
    assert len(done.out.splitlines()) == 2
    assert done.out.startswith("test accuracy")


def test_nothing_is_written_unless_asked(command: Call, tmp_path: Path) -> None:
    done = command("train", "--model", "softmax", *QUICK, folder=tmp_path)
    assert done.status == 0
    assert list(tmp_path.iterdir()) == []


def test_train_gives_the_bits_of_the_library(softmax_run: Path, digits: Digits) -> None:
    model = lm.SoftmaxClassifier(optimizer=lm.Adam(0.002), seed=2023)
    train, _ = digits
    model.fit(train.x, train.y, epochs=2, batch_size=250, validation_split=1 / 12, verbose=False)
    written = lm.load(softmax_run / "model.safetensors").state_dict()
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(written[name], array)
    for row, line in zip(model.history.rows, history_of(softmax_run), strict=True):
        assert row.keys() == line.keys()
        assert [row[k] for k in row if k != "seconds"] == [line[k] for k in row if k != "seconds"]


def test_recorded_test_accuracy_is_over_all_test_images(softmax_run: Path, digits: Digits) -> None:
    model = lm.load(softmax_run / "model.safetensors")
    _, test = digits
    right = int((model.predict_classes(test.x) == test.y).sum())
    assert record_of(softmax_run)["test_accuracy"] == pytest.approx(right / 10_000, abs=1e-12)


def test_record_has_options_versions_and_data(softmax_run: Path) -> None:
    record = record_of(softmax_run)
    assert record["configuration"]["lr"] == 0.002
    assert record["configuration"]["validation"] == 1 / 12
    assert record["versions"]["numpy"] == np.__version__
    assert record["versions"]["lamella"] == lm.__version__
    assert record["versions"]["python"] == sys.version.split()[0]
    assert record["backend"]["name"] in ("numpy", "cupy")
    assert record["backend"]["why"]
    assert record["data"]["sha256"] == CHECKSUMS
    assert record["stop_reason"] == ""
    spent = sum(line["seconds"] for line in history_of(softmax_run))
    assert record["seconds"] >= spent > 0


def test_curves_are_a_png_image(softmax_run: Path) -> None:
    image = pytest.importorskip("PIL.Image").open(softmax_run / "curves.png")
    assert image.format == "PNG"
    assert min(image.size) > 400
    assert len(image.convert("RGB").getcolors(1 << 20)) > 20


def test_seed_decides_the_numbers(call: Call) -> None:
    said = [call("train", *SMALL, "--seed", seed).out.splitlines()[0] for seed in (1, 1, 2)]
    assert said[0] == said[1] != said[2]


def test_validation_may_be_left_out(call: Call, tmp_path: Path) -> None:
    done = call("train", "--model", "softmax", *QUICK, "--validation", 0, "--out", tmp_path)
    assert done.status == 0
    assert "val_loss" not in history_of(tmp_path)[0]


def test_early_stopping_keeps_the_best_epoch(call: Call, tmp_path: Path, digits: Digits) -> None:
    # At this rate the softmax classifier jumps about, so an epoch that is worse comes soon.
    argv = ["--model", "softmax", "--lr", 0.5, "--epochs", 30, "--batch-size", 1000, "--quiet"]
    done = call("train", *argv, "--early-stopping", 1, "--out", tmp_path)
    assert done.status == 0
    losses = [line["val_loss"] for line in history_of(tmp_path)]
    record = record_of(tmp_path)
    assert 1 < len(losses) < 30
    assert record["epochs"] == len(losses)
    assert record["kept_epoch"] == 1 + losses.index(min(losses)) == len(losses) - 1
    assert record["stop_reason"] in done.out
    assert "has not improved for 1 epoch" in record["stop_reason"]
    _, test = digits
    kept = lm.load(tmp_path / "model.safetensors").evaluate(test.x, test.y)
    assert record["test_loss"] == pytest.approx(kept["loss"], rel=1e-6)


def test_divergence_is_reported_in_one_line_with_status_1(call: Call, tmp_path: Path) -> None:
    argv = ["--optimizer", "sgd", "--lr", 1e30, "--hidden", 8, "--epochs", 3, "--quiet"]
    done = call("train", *argv, "--early-stopping", 2, "--out", tmp_path)
    assert done.status == 1
    assert re.fullmatch(r"lamella: the loss is not finite in epoch 1, .*\n", done.err)
    assert record_of(tmp_path)["test_loss"] is None
    assert record_of(tmp_path)["kept_epoch"] is None
    assert record_of(tmp_path)["stop_reason"] in done.err
    assert history_of(tmp_path)[0]["loss"] is None


def test_overwrite_without_a_folder_is_refused(call: Call) -> None:
    done = call("train", "--overwrite")
    assert (done.status, done.out) == (2, "")
    assert "--overwrite is about the folder of --out" in done.err


def test_folder_that_cannot_be_written_is_refused_before_training(
    call: Call, tmp_path: Path
) -> None:
    (tmp_path / "taken").write_text("a file")
    done = call("train", "--out", tmp_path / "taken")
    assert (done.status, done.out) == (2, "")
    assert f"cannot write to the folder {tmp_path / 'taken'}" in done.err


def test_run_that_is_there_is_not_replaced(call: Call, softmax_run: Path) -> None:
    before = contents(softmax_run)
    done = call("train", "--model", "softmax", *QUICK, "--out", softmax_run)
    assert (done.status, done.out) == (2, "")
    assert f"{softmax_run / 'model.safetensors'} already exists" in done.err
    assert "--overwrite" in done.err
    assert contents(softmax_run) == before


def test_overwrite_replaces_the_run(call: Call, tmp_path: Path) -> None:
    for seed, more in ((1, []), (2, ["--overwrite"])):
        done = call("train", *SMALL, "--seed", seed, "--out", tmp_path, *more)
        assert done.status == 0, done.err
    assert sorted(os.listdir(tmp_path)) == FILES
    assert record_of(tmp_path)["seed"] == lm.load(tmp_path / "model.safetensors").seed == 2
    assert len(history_of(tmp_path)) == 1


def test_run_is_kept_when_the_one_to_replace_it_is_refused(call: Call, tmp_path: Path) -> None:
    assert call("train", *SMALL, "--out", tmp_path).status == 0
    before = contents(tmp_path)
    # 55,000 images in batches of 54,999 leave a batch of one, which only fit itself can know.
    argv = ["--hidden", 8, "--batch-norm", "--batch-size", 54_999]
    done = call("train", *argv, "--out", tmp_path, "--overwrite")
    assert done.status == 2
    assert "cannot be trained on a batch of 1" in done.err
    assert contents(tmp_path) == before


def test_without_matplotlib_all_but_the_curves_is_written(without: Call, tmp_path: Path) -> None:
    done = without("matplotlib", "train", "--model", "softmax", *QUICK, "--out", tmp_path)
    assert done.status == 0
    assert sorted(os.listdir(tmp_path)) == [name for name in FILES if name != "curves.png"]
    assert done.err == "lamella: there will be no curves.png: pip install 'lamella[plot]'\n"
    assert "curves.png" not in done.out


def test_backend_that_is_missing_is_refused(without: Call) -> None:
    done = without("cupy", "train", "--backend", "cupy")
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith('lamella: backend="cupy" cannot be used: cupy is not installed')


@pytest.mark.skipif(sys.platform == "win32", reason="interrupts are sent in another way there")
def test_interrupt_ends_training_with_one_line_and_status_130(tmp_path: Path) -> None:
    argv = ["--quiet", "--epochs", 10000, "--model", "softmax", "--out", tmp_path]
    process = start_python("-m", "lamella", "train", *argv)
    history = tmp_path / "history.jsonl"
    wait_until(lambda: history.exists() and history.read_text().count("\n") > 1, process)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=TIME_LIMIT)
    said = f"lamella: interrupted. go on with lamella train --resume {tmp_path}\n"
    assert (process.returncode, err) == (130, said)
    assert len(history_of(tmp_path)) > 1
