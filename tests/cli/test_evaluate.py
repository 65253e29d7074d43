"""lamella evaluate: scores as text and JSON, and errors in one line."""

import json
from pathlib import Path

import numpy as np
import pytest

import lamella as lm
from lamella.core.errors import DivergenceWarning
from tests.cli.conftest import Call


def test_json_is_one_object_with_the_recorded_scores(command: Call, softmax_run: Path) -> None:
    done = command("evaluate", softmax_run / "model.safetensors", "--json")
    assert (done.status, done.err) == (0, "")
    assert done.out.count("\n") == 1
    scores = json.loads(done.out)
    record = json.loads((softmax_run / "run.json").read_text())
    assert sorted(scores) == ["accuracy", "loss"]
    assert scores["accuracy"] == record["test_accuracy"]
    assert abs(scores["loss"] - record["test_loss"]) < 1e-6


def test_text_has_loss_and_accuracy(call: Call, softmax_run: Path) -> None:
    record = json.loads((softmax_run / "run.json").read_text())
    done = call("evaluate", softmax_run / "model.safetensors")
    scores = f"loss {record['test_loss']:.4f}, accuracy {record['test_accuracy']:.4f}"
    assert done.out == f"{scores} on 10,000 test images\n"


def test_loss_that_is_not_finite_is_null_in_json(call: Call, tmp_path: Path) -> None:
    model = lm.SoftmaxClassifier(seed=0).build((28, 28))
    model.built().values[...] = np.nan
    with pytest.warns(DivergenceWarning, match="NaN"):
        model.save(tmp_path / "m.safetensors")
    done = call("evaluate", tmp_path / "m.safetensors", "--json")
    assert json.loads(done.out, parse_constant=lambda word: 1 / 0)["loss"] is None


def test_file_that_is_not_there_is_one_line(call: Call, tmp_path: Path) -> None:
    done = call("evaluate", tmp_path / "nothing.safetensors")
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("lamella: ")
    assert "nothing.safetensors" in done.err
    assert done.err.count("\n") == 1


def test_file_that_is_no_model_is_one_line(call: Call, tmp_path: Path) -> None:
    (tmp_path / "foreign").write_bytes(b"anything but a model")
    done = call("evaluate", tmp_path / "foreign", "--json")
    assert (done.status, done.out) == (2, "")
    assert "foreign is not a safetensors file, or is damaged" in done.err


def test_model_for_other_inputs_is_refused(call: Call, tmp_path: Path) -> None:
    lm.MLP([3], seed=0).build((5,)).save(tmp_path / "m.safetensors")
    done = call("evaluate", tmp_path / "m.safetensors")
    assert (done.status, done.out) == (2, "")
    assert "(28, 28)" in done.err
    assert "(5,)" in done.err
