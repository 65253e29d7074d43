"""Fashion-MNIST, KMNIST, QMNIST and EMNIST from their IDX files."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from lamella.core.errors import ArgumentError, DataError, FileFormatError
from lamella.datasets import idx_folder, write_idx
from lamella.datasets.idx_folder import SETS
from tests.datasets.image_sets import write_set


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("end", ["", ".gz"])
def test_arrays_are_those_of_the_files(name: str, end: str, tmp_path: Path) -> None:
    written = write_set(tmp_path, name, end=end)
    for part, found in zip(("train", "test"), idx_folder(tmp_path, name), strict=True):
        x = written[f"{part} x"]
        np.testing.assert_array_equal(found.x, x.swapaxes(1, 2) if "emnist" in name else x)
        np.testing.assert_array_equal(found.y, written[f"{part} y"])  # letters from 0
        assert found.y.dtype == np.int64
        assert found.name == name


def test_files_lie_in_the_root_itself_as_in_debian(tmp_path: Path) -> None:
    write_set(tmp_path / "torchvision", "fashion-mnist", end=".gz")
    shutil.copytree(tmp_path / "torchvision" / "FashionMNIST" / "raw", tmp_path / "debian")
    one = idx_folder(tmp_path / "torchvision", "fashion-mnist")
    other = idx_folder(tmp_path / "debian", "fashion-mnist")
    np.testing.assert_array_equal(one[0].x, other[0].x)


def test_classes_have_names() -> None:
    assert SETS["fashion-mnist"][2][9] == "ankle boot"
    assert {name: len(classes) for name, (_, _, classes) in SETS.items()} == {
        **dict.fromkeys(("mnist", "fashion-mnist", "kmnist", "qmnist"), 10),
        "emnist-digits": 10,
        "emnist-mnist": 10,
        "emnist-letters": 26,
        "emnist-balanced": 47,
        "emnist-bymerge": 47,
        "emnist-byclass": 62,
    }
    assert SETS["emnist-byclass"][2][10] == "A"
    assert SETS["emnist-balanced"][2][46] == "t"


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"there is no train-images-idx3-ubyte or .*\.gz"):
        idx_folder(tmp_path, "kmnist")


def test_unknown_names_get_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="fashion-mnist"):
        idx_folder(tmp_path, "fashion-mist")


def test_labels_outside_the_classes_and_other_numbers_are_refused(tmp_path: Path) -> None:
    write_set(tmp_path, "kmnist")
    labels = tmp_path / "KMNIST" / "raw" / "train-labels-idx1-ubyte"
    write_idx(labels, np.full(30, 10, np.uint8))
    with pytest.raises(DataError, match="labels from 10 to 10, but 10 classes"):
        idx_folder(tmp_path, "kmnist")
    write_idx(labels, np.zeros(29, np.uint8))
    with pytest.raises(DataError, match="30 images, but 29 labels"):
        idx_folder(tmp_path, "kmnist")
    write_idx(labels, np.zeros((30, 2), np.uint8))
    with pytest.raises(FileFormatError, match=r"labels \(30, 2\)"):
        idx_folder(tmp_path, "kmnist")


@pytest.mark.parametrize(
    ("file", "values"),
    [
        ("labels-idx1-ubyte", np.full(30, 1.5, np.float32)),
        ("images-idx3-ubyte", np.zeros((30, 28, 28), np.float32)),
        ("images-idx3-ubyte", np.zeros((30, 20, 20), np.uint8)),
        ("images-idx3-ubyte", np.zeros((30, 0, 28), np.uint8)),
    ],
)
def test_other_types_and_sizes_are_refused(file: str, values: np.ndarray, tmp_path: Path) -> None:
    write_set(tmp_path, "kmnist")
    write_idx(tmp_path / "KMNIST" / "raw" / f"train-{file}", values)
    with pytest.raises(FileFormatError, match=r"expected \(N, 28, 28\) of uint8 and integers"):
        idx_folder(tmp_path, "kmnist")


def test_a_table_of_qmnist_without_columns_is_refused(tmp_path: Path) -> None:
    write_set(tmp_path, "qmnist")
    labels = tmp_path / "QMNIST" / "raw" / "qmnist-train-labels-idx2-int"
    write_idx(labels, np.zeros((30, 0), np.int32))
    with pytest.raises(FileFormatError, match=r"labels \(30, 0\) of int32"):
        idx_folder(tmp_path, "qmnist")
