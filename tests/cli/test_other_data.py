"""Commands on own pictures and other data sets: --data, --root and --test."""

import json
from pathlib import Path

import numpy as np
import pytest

import lamella as lm
from tests.cli.conftest import Call
from tests.cli.runs import QUICK, record_of
from tests.datasets.image_sets import write_set

Image = pytest.importorskip("PIL.Image")


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """Forty test images of MNIST in a folder a class, and a file that is no picture."""
    _, test = lm.datasets.mnist()
    for i in range(40):
        folder = tmp_path / "own" / str(test.y[i])
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(test.x[i]).save(folder / f"{i}.png")
    (tmp_path / "own" / "7" / "notes.txt").write_text("none")
    return tmp_path / "own"


def test_a_model_is_evaluated_on_a_folder(call: Call, softmax_run: Path, own: Path) -> None:
    model = lm.load(softmax_run / "model.safetensors")
    expected = model.evaluate(*lm.datasets.digit_folder(own))
    done = call("evaluate", softmax_run / "model.safetensors", "--data", own)
    assert done.out == (
        f"loss {expected['loss']:.4f}, accuracy {expected['accuracy']:.4f} on 40 images of own\n"
    )
    assert "left out 7/notes.txt: " in done.err


def test_training_on_another_data_set_names_its_classes(call: Call, tmp_path: Path) -> None:
    write_set(tmp_path, "fashion-mnist")
    out = tmp_path / "run"
    data = ["--data", "fashion-mnist", "--root", tmp_path, "--model", "softmax"]
    done = call("train", *data, *QUICK, "--batch-size", 5, "--out", out)
    assert done.status == 0, done.err
    assert record_of(out)["data"]["name"] == "fashion-mnist"
    assert record_of(out)["data"]["classes"][9] == "ankle boot"
    picture = np.zeros((60, 60), np.uint8)
    picture[20:40, 25:30] = 255
    Image.fromarray(picture).save(tmp_path / "boot.png")
    done = call("predict", tmp_path / "boot.png", "--model", out / "model.safetensors", "--json")
    names = record_of(out)["data"]["classes"]
    assert {json.loads(done.out)[0][word] for word in ("digit", "runner_up")} <= set(names)
    doubts = json.loads(done.out)[0]["unsure"]
    assert "prepared as handwriting is" in doubts
    assert "nearly another digit" not in doubts
    done = call("evaluate", out)  # MNIST has other classes
    assert (done.status, done.out) == (2, "")
    assert "was trained on the classes T-shirt, " in done.err
    assert "but MNIST has 0, 1, " in done.err
    done = call("evaluate", out, "--data", "fashion-mnist", "--root", tmp_path)
    assert done.out.endswith("on 20 images of fashion-mnist\n")
    assert call("export", out / "model.safetensors", "--out", tmp_path / "boot.py").status == 0
    assert "'ankle boot'" in (tmp_path / "boot.py").read_text()
    verified = call("verify", out, "--quiet")
    assert (verified.status, verified.err) == (0, "")


def test_training_on_a_folder_holds_a_fifth_out(call: Call, own: Path, tmp_path: Path) -> None:
    done = call("train", "--data", own, *QUICK, "--batch-size", 8, "--out", tmp_path / "run")
    assert done.status == 0, done.err
    assert record_of(tmp_path / "run")["data"]["name"] == "own"


def test_a_folder_takes_no_root(call: Call, softmax_run: Path, own: Path, tmp_path: Path) -> None:
    for command in (["train"], ["evaluate", softmax_run], ["study", "run", "softmax-loss"]):
        done = call(*command, "--data", own, "--root", tmp_path)
        assert done.status == 2
        assert "own is a folder of pictures: leave out root" in done.err
    assert call("evaluate", softmax_run, "--data", "").status == 2


@pytest.mark.parametrize("name", ["train", "evaluate"])
def test_a_data_set_that_is_not_there_is_one_line(name: str, call: Call, softmax_run: Path) -> None:
    model = [softmax_run / "model.safetensors"] if name == "evaluate" else []
    done = call(name, *model, "--data", "fashion-mist")
    assert (done.status, done.out) == (2, "")
    assert "did you mean 'fashion-mnist'" in done.err
    done = call(name, *model, "--data", "fashion-mnist")
    assert "give the folder of its files as root" in done.err


@pytest.mark.slow
def test_a_bundled_study_is_tested_on_own_digits(call: Call, own: Path, tmp_path: Path) -> None:
    pytest.importorskip("joblib")
    pytest.importorskip("jinja2")
    argv = ["--quick", "--n-jobs", 1, "--quiet", "--set", "samples=200"]
    done = call("study", "run", "softmax-loss", *argv, "--test", own, "--out", tmp_path / "s")
    assert done.status == 0, done.err
    assert "trained on MNIST (60,000 images), tested on own (40 images)" in done.out
    assert "left out 7/notes.txt" in done.err
    results = lm.studies.Results.load(tmp_path / "s")
    assert all(len(run.predictions) == 40 for run in results.runs)
    page = tmp_path / "page.html"
    assert call("report", tmp_path / "s", "--out", page).status == 0
    text = page.read_text("utf-8")
    assert "trained on MNIST and tested on own, 40 samples" in text
    assert "The MNIST report, reproduced" not in text  # its claims are about MNIST


def test_a_study_in_a_file_names_its_data(own: Path, tmp_path: Path) -> None:
    pytest.importorskip("joblib")
    (tmp_path / "s.toml").write_text(
        f'name = "s"\nseeds = 1\n[data]\nname = "mnist"\ntest = "{own}"\n'
        '[base]\nmodel = { class = "SoftmaxClassifier" }\nepochs = 1\nsamples = 100\n'
        "[arms.a]\n[arms.b]\nbatch_size = 50\n"
    )
    results = lm.load_study(tmp_path / "s.toml").run(verbose=False)
    data = results.runs[0].config["data"]
    assert data["names"] == {"train": "MNIST", "test": "own"}
    assert data["tested"] == 40


@pytest.mark.parametrize("data", ['"x"', "{ names = 'x' }", "{ test = 3 }"])
def test_faulty_data_of_a_study_are_refused(data: str, tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text(
        f'name = "s"\ndata = {data}\n[base]\nmodel = {{ class = "MLP" }}\n[arms.a]\n'
    )
    with pytest.raises(lm.errors.FileFormatError, match="data"):
        lm.load_study(tmp_path / "s.toml")
