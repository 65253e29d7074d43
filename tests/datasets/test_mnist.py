"""MNIST in the package: known facts about it, and errors for damaged files."""

import gzip
import hashlib
import importlib
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

import lamella as lm

# The function lm.datasets.mnist hides the module of the same name.
module = importlib.import_module("lamella.datasets.mnist")

Digits = tuple[lm.datasets.Samples, lm.datasets.Samples]


def test_shapes_and_types(digits: Digits) -> None:
    for part, count in zip(digits, (60_000, 10_000), strict=True):
        assert part.x.shape == (count, 28, 28)
        assert part.x.dtype == np.uint8
        assert part.y.shape == (count,)
        assert part.y.dtype == np.int64
        assert set(np.unique(part.y)) == set(range(10))


def test_the_first_labels(digits: Digits) -> None:
    train, test = digits
    assert train.y[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert test.y[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]


def test_how_many_there_are_of_each_digit(digits: Digits) -> None:
    train, test = digits
    assert np.bincount(train.y).tolist() == [
        5923,
        6742,
        5958,
        6131,
        5842,
        5421,
        5918,
        6265,
        5851,
        5949,
    ]
    assert np.bincount(test.y).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


def test_mean_and_deviation_of_the_training_pixels(digits: Digits) -> None:
    counts = sum(np.bincount(part.reshape(-1), minlength=256) for part in np.split(digits[0].x, 60))
    greys = np.arange(256) / 255
    mean = (counts @ greys) / counts.sum()
    deviation = np.sqrt(counts @ (greys - mean) ** 2 / counts.sum())
    assert mean == pytest.approx(0.13066, abs=5e-6)
    assert deviation == pytest.approx(0.30811, abs=5e-6)


def test_paper_is_zero_and_ink_is_255(digits: Digits) -> None:
    x = digits[1].x
    assert x.min() == 0
    assert x.max() == 255
    assert x[:, 0].max() < 50  # hardly any ink at the border


def test_the_arrays_are_those_of_the_original_files(digits: Digits) -> None:
    train, test = digits
    heads = {
        "train-images-idx3": b"\x03\0\0\xea\x60\0\0\0\x1c\0\0\0\x1c" + train.x.tobytes(),
        "train-labels-idx1": b"\x01\0\0\xea\x60" + train.y.astype("u1").tobytes(),
        "t10k-images-idx3": b"\x03\0\0\x27\x10\0\0\0\x1c\0\0\0\x1c" + test.x.tobytes(),
        "t10k-labels-idx1": b"\x01\0\0\x27\x10" + test.y.astype("u1").tobytes(),
    }
    found = {
        name: hashlib.sha256(b"\0\0\x08" + content).hexdigest() for name, content in heads.items()
    }
    assert found == {
        "train-images-idx3": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "train-labels-idx1": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "t10k-images-idx3": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "t10k-labels-idx1": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    }


def test_the_licence_and_the_authors_are_beside_the_data() -> None:
    text = (resources.files("lamella.datasets") / "mnist_data" / "LICENSE.md").read_text()
    assert "Share" in text
    assert "3.0" in text
    for author in ("LeCun", "Cortes", "Burges"):
        assert author in text


def test_a_file_with_another_checksum_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(module.CHECKSUMS, "t10k-labels-idx1-ubyte", "0" * 64)
    with pytest.raises(
        lm.errors.FileFormatError, match=r"t10k-labels.*checksum.*--force-reinstall lamella"
    ):
        lm.datasets.mnist()


@pytest.mark.parametrize("damage", ["cut", "flipped", "gone", "other"])
def test_a_damaged_file_is_refused(
    damage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "t10k-labels-idx1-ubyte"
    content = (resources.files("lamella.datasets") / "mnist_data" / f"{name}.gz").read_bytes()
    folder = tmp_path / "mnist_data"
    folder.mkdir()
    flipped = bytearray(content)
    flipped[len(content) // 2] ^= 0x10
    damaged = {"cut": content[:-100], "flipped": bytes(flipped), "other": gzip.compress(b"other")}
    if damage in damaged:
        (folder / f"{name}.gz").write_bytes(damaged[damage])
    monkeypatch.setattr(module.resources, "files", lambda package: tmp_path)
    with pytest.raises(lm.errors.FileFormatError, match=f"MNIST's {name}.*Install lamella again"):
        module._read(name)


def test_samples_are_a_named_pair(digits: Digits) -> None:
    x, y = digits[1]
    assert x is digits[1].x
    assert y is digits[1].y
