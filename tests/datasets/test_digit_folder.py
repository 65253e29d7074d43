"""One's own pictures as a data set: labels by folder, by name and in a CSV file."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

import lamella as lm
from lamella.core.errors import ArgumentError, DataError, FileFormatError
from lamella.datasets import digit_folder

Image = pytest.importorskip("PIL.Image")
Digits = tuple[lm.datasets.Samples, lm.datasets.Samples]


def put(image: np.ndarray, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)


@pytest.fixture(params=["folders", "names", "csv"])
def folder(request: pytest.FixtureRequest, digits: Digits, tmp_path: Path) -> Path:
    """The first 20 test images of MNIST, with labels in each of the three ways."""
    lines = ["file,label"]
    for i, (image, label) in enumerate(zip(digits[1].x[:20], digits[1].y[:20], strict=True)):
        name = {
            "folders": f"{label}/{i:02}.png",
            "names": f"{label}_{i:02}.png",
            "csv": f"sub/{i:02}.png",
        }
        put(image, tmp_path / name[request.param])
        lines.append(f"sub/{i:02}.png, {label}")
    if request.param == "csv":
        (tmp_path / "labels.csv").write_text("\n".join(lines))
    return tmp_path


def test_labels_are_those_of_folder_name_or_csv(folder: Path, digits: Digits) -> None:
    x, y = found = digit_folder(folder)
    assert (x.shape, x.dtype, y.dtype) == ((20, 28, 28), np.uint8, np.int64)
    pairs = {(image.tobytes(), int(label)) for image, label in zip(x, y, strict=True)}
    expected = zip(digits[1].x[:20], digits[1].y[:20], strict=True)
    assert pairs == {(image.tobytes(), int(label)) for image, label in expected}
    assert found.classes == tuple("0123456789")
    assert (found.name, found.unreadable) == (folder.name, {})


def test_a_folder_trains_evaluates_and_validates(folder: Path) -> None:
    own = digit_folder(folder)
    model = lm.SoftmaxClassifier(seed=0, backend="numpy")
    model.fit(*own, epochs=30, batch_size=5, validation_data=own, validation_split=0, verbose=False)
    assert model.evaluate(*own)["accuracy"] == 1.0


def test_unreadable_files_are_listed_with_the_reason(digits: Digits, tmp_path: Path) -> None:
    put(digits[1].x[0], tmp_path / "7" / "good.png")
    (tmp_path / "7" / "link.png").symlink_to(tmp_path / "7" / "good.png")
    (tmp_path / "7" / ".hidden").write_text("is left out")
    (tmp_path / "7" / "notes.txt").write_text("no image")
    (tmp_path / "7" / "none.png").write_bytes(b"")
    (tmp_path / "7" / "broken.png").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "7" / "pipe.png")
    Image.new("L", (50, 50), 255).save(tmp_path / "7" / "blank.png")
    (tmp_path / "3").mkdir()
    put(digits[1].x[0], tmp_path / "loose.png")
    found = digit_folder(tmp_path)
    assert len(found.y) == 2  # the file and the link to it
    reasons = {
        "7/notes.txt": "cannot be read as an image",
        "7/none.png": "cannot be read as an image",
        "7/broken.png": "cannot be read as an image",
        "7/pipe.png": "it is a pipe or a device",
        "7/blank.png": "its brightness is uniform",
        "3": "is empty: the class has no pictures",
        "loose.png": "has no label",
    }
    assert found.unreadable.keys() == reasons.keys()
    for name, reason in reasons.items():
        assert reason in found.unreadable[name]


def test_labels_outside_the_classes_are_refused(digits: Digits, tmp_path: Path) -> None:
    put(digits[1].x[0], tmp_path / "x" / "a.png")
    with pytest.raises(DataError, match=r"a\.png has the label 'x', and the classes are 0, 1, 2"):
        digit_folder(tmp_path)
    found = digit_folder(tmp_path, classes=["o", "x"])
    assert (found.y.tolist(), found.classes) == ([1], ("o", "x"))


def test_the_longest_class_begins_a_name(digits: Digits, tmp_path: Path) -> None:
    for name in ("ankle boot_1.png", "ankle_2.png", "bag.png"):
        put(digits[1].x[len(name)], tmp_path / name)
    found = digit_folder(tmp_path, classes=["bag", "ankle", "ankle boot"])
    assert found.y.tolist() == [2, 1, 0]


@pytest.mark.parametrize("kind", ["symlink", "hard link", "copy", "folder"])
def test_a_picture_with_two_labels_is_refused(kind: str, digits: Digits, tmp_path: Path) -> None:
    put(digits[1].x[0], tmp_path / "7" / "a.png")
    other = tmp_path / "2" / "a.png"
    if kind == "folder":
        other.parent.symlink_to(tmp_path / "7")
    else:
        other.parent.mkdir()
        {"symlink": os.symlink, "hard link": os.link, "copy": shutil.copy}[kind](
            tmp_path / "7" / "a.png", other
        )
    with pytest.raises(DataError, match="show the same picture, but have two labels: '2' and '7'"):
        digit_folder(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        '\ufeff"file", "label"\r\n"a, b.png", "7"\r\n"c\nd.png",2\r\n',
        '"a, b.png",7\r"c\nd.png",2',
        ' "a, b.png",7\n\n,\n"c\nd.png", 2',
    ],
)
def test_lists_of_spreadsheets_are_read(text: str, digits: Digits, tmp_path: Path) -> None:
    put(digits[1].x[0], tmp_path / "a, b.png")
    put(digits[1].x[1], tmp_path / "c\nd.png")
    (tmp_path / "labels.csv").write_bytes(text.encode())
    found = digit_folder(tmp_path)
    assert (found.y.tolist(), found.unreadable) == ([7, 2], {})


def test_a_missing_file_in_the_first_line_is_no_heading(digits: Digits, tmp_path: Path) -> None:
    put(digits[1].x[0], tmp_path / "b.png")
    (tmp_path / "labels.csv").write_text("a.png,7\nb.png,7")
    assert "a.png" in digit_folder(tmp_path).unreadable


@pytest.mark.parametrize(
    "classes", [["a"], ["a", "a"], [1, 2], {"a", "b"}, {"a": 0, "b": 1}, None, 10, iter("ab")]
)
def test_classes_are_different_names(classes: object, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="two or more different names"):
        digit_folder(tmp_path, classes=classes)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a.png,7\na.png,1", r"a\.png has two labels: '7' and '1'"),
        ("a.png", r"write file,label in each line"),
        ("a.png,7,8", r"write file,label in each line"),
        ("../a.png,7", r"is outside of the folder"),
        ("/etc/passwd,7", r"is outside of the folder"),
        ("file,label\nb.png,7", r"no picture in .* can be read: .*b\.png cannot be read"),
        ("file,label", r"no picture in .* can be read: it has no files"),
    ],
)
def test_faulty_lists_are_refused(text: str, message: str, digits: Digits, tmp_path: Path) -> None:
    put(digits[1].x[0], tmp_path / "a.png")
    (tmp_path / "labels.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        digit_folder(tmp_path)


def test_a_list_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FileFormatError, match=r"labels\.csv is not a CSV file"):
        digit_folder(tmp_path)


def test_a_path_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere", Path(__file__)):
        with pytest.raises(FileFormatError, match="is not a folder of pictures"):
            digit_folder(path)
