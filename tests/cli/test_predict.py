"""lamella predict: one result per image, and errors in one line."""

import json
from pathlib import Path

import numpy as np
import pytest

import lamella as lm
from tests.cli.conftest import Call

Image = pytest.importorskip("PIL.Image")


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The first three test images, as a user would have them: dark ink on large white paper."""
    folder = tmp_path_factory.mktemp("images")
    _, test = lm.datasets.mnist()
    paths = []
    for i in range(3):
        paths.append(folder / f"digit {i}.png")
        Image.fromarray(255 - np.pad(test.x[i], 30)).save(paths[-1])
    return paths


def test_each_image_gets_a_line_with_digit_and_runner_up(
    command: Call, softmax_run: Path, images: list[Path]
) -> None:
    done = command("predict", "--model", softmax_run / "model.safetensors", *images)
    assert (done.status, done.err) == (0, "")
    model = lm.load(softmax_run / "model.safetensors")
    chances = model.predict_proba(np.stack([lm.datasets.read_digit(path) for path in images]))
    lines = done.out.splitlines()
    for line, path, p in zip(lines, images, chances, strict=True):
        first, second = p.argsort()[::-1][:2]
        assert line == f"{path}: {first} ({p[first]:.1%}), else {second} ({p[second]:.1%})"
    assert [line.split(": ")[1][0] for line in lines] == ["7", "2", "1"]


def test_json_is_a_list_with_an_object_for_each_image(
    call: Call, softmax_run: Path, images: list[Path]
) -> None:
    done = call("predict", *images, "--json", "--model", softmax_run / "model.safetensors")
    answers = json.loads(done.out)
    assert [answer["image"] for answer in answers] == [str(path) for path in images]
    assert [answer["digit"] for answer in answers] == [7, 2, 1]
    for answer in answers:
        assert 1 >= answer["probability"] > answer["runner_up_probability"] > 0
        assert answer["runner_up"] != answer["digit"]


def test_bad_image_is_reported_and_the_others_are_predicted(
    call: Call, softmax_run: Path, images: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "notes.txt").write_text("no image")
    missing = tmp_path / "missing.png"
    mixed = [images[0], tmp_path / "notes.txt", missing, images[1]]
    done = call("predict", "--model", softmax_run / "model.safetensors", *mixed)
    assert done.status == 1
    assert [line.split(": ")[0] for line in done.out.splitlines()] == [str(p) for p in images[:2]]
    errors = done.err.splitlines()
    assert len(errors) == 2
    assert errors[0].startswith(f"lamella: {tmp_path / 'notes.txt'} cannot be read as an image")
    assert errors[1].startswith(f"lamella: {missing} ")


def test_json_of_bad_images_only_is_an_empty_list(
    call: Call, softmax_run: Path, tmp_path: Path
) -> None:
    argv = ["predict", "--model", softmax_run / "model.safetensors", tmp_path / "missing.png"]
    with_json = call(*argv, "--json")
    assert (with_json.status, json.loads(with_json.out)) == (1, [])
    assert call(*argv).out == ""


@pytest.mark.parametrize(
    ("strip", "message"),
    [
        ("{folder}/../{name}/digit 0.png", "--strip would replace the picture"),
        ("{folder}/steps.jpg", "--strip writes a PNG"),
        ("{folder}", "--strip writes a PNG"),
    ],
)
def test_a_strip_replaces_no_picture(
    strip: str, message: str, call: Call, softmax_run: Path, images: list[Path]
) -> None:
    before = images[0].read_bytes()
    folder = images[0].parent
    path = strip.format(folder=folder, name=folder.name)
    done = call("predict", *images, "--model", softmax_run, "--strip", path)
    assert (done.status, done.out) == (2, "")
    assert message in done.err
    assert images[0].read_bytes() == before


def test_model_is_required(call: Call, images: list[Path]) -> None:
    done = call("predict", images[0])
    assert done.status == 2
    assert "the following arguments are required: --model" in done.err


def test_model_of_other_classes_is_refused(call: Call, images: list[Path], tmp_path: Path) -> None:
    lm.MLP([3], classes=4, seed=0).build((28, 28)).save(tmp_path / "m.safetensors")
    done = call("predict", "--model", tmp_path / "m.safetensors", images[0])
    assert (done.status, done.out) == (2, "")
    assert "outputs of shape (4,), but digits take 10 classes" in done.err


def test_missing_pillow_is_named_with_its_extra(
    without: Call, softmax_run: Path, images: list[Path]
) -> None:
    done = without("PIL", "predict", "--model", softmax_run / "model.safetensors", *images)
    assert (done.status, done.out) == (2, "")
    assert "needs Pillow, which is not installed: pip install 'lamella[images]'" in done.err
    assert done.err.count("\n") == 1


def test_a_page_gives_each_digit_its_line_and_place(
    call: Call, softmax_run: Path, tmp_path: Path
) -> None:
    _, test = lm.datasets.mnist()
    page = np.vstack(
        [np.hstack(np.pad(test.x[i : i + 3], ((0, 0), (14, 14), (8, 8)))) for i in (0, 3)]
    )
    Image.fromarray(255 - np.kron(page, np.ones((3, 3), np.uint8))).save(tmp_path / "page.png")
    argv = ["predict", tmp_path / "page.png", "--model", softmax_run / "model.safetensors"]
    done = call(*argv, "--strip", tmp_path / "steps.png")
    heads = [line.partition(": ")[0] for line in done.out.splitlines()]
    places = [(line, place) for line in (1, 2) for place in (1, 2, 3)]
    image = tmp_path / "page.png"
    assert heads == [f"{image}, line {line} digit {place}" for line, place in places]
    assert [line.split(": ")[1][0] for line in done.out.splitlines()] == list("721041")
    with Image.open(tmp_path / "steps.png") as strip:
        assert strip.format == "PNG"


def test_doubt_is_said(call: Call, softmax_run: Path, tmp_path: Path) -> None:
    star = Image.new("L", (200, 200), 255)
    points = [(100, 20), (140, 180), (20, 75), (180, 75), (60, 180), (100, 20)]
    pytest.importorskip("PIL.ImageDraw").Draw(star).line(points, fill=220, width=10)
    star.save(tmp_path / "star.png")
    argv = ["predict", tmp_path / "star.png", "--model", softmax_run / "model.safetensors"]
    line = call(*argv).out
    assert "unsure: too little contrast, unlike the digits of MNIST" in line
    (answer,) = json.loads(call(*argv, "--json").out)
    assert answer["unsure"][:2] == ["too little contrast", "unlike the digits of MNIST"]
