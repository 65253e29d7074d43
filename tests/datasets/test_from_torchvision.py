"""Data sets of torchvision as arrays, beside a real torchvision where it is installed.

python3 -m venv tv && tv/bin/pip install -e '.[test]' torch==2.14.1 torchvision==0.29.1
tv/bin/python -m pytest tests/datasets/test_from_torchvision.py
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lamella.core.errors import ArgumentError, DataError, MissingExtraError
from lamella.datasets import idx_folder
from lamella.datasets import torchvision as arrays_of
from lamella.datasets.idx_folder import SETS
from tests.datasets.image_sets import write_set

WITH_OBJECTS = [name for name in SETS if name != "emnist-mnist"]


class Made:
    """A data set as torchvision's classes have it: pairs of an image and a class."""

    classes = ("cat", "dog")

    def __init__(self, *sides: int) -> None:
        self.sides = sides

    def __len__(self) -> int:
        return len(self.sides)

    def __getitem__(self, i: int) -> tuple[np.ndarray, int]:
        return np.full((self.sides[i], 8), i, np.uint8), i % 2


@pytest.mark.parametrize("name", WITH_OBJECTS)
def test_objects_of_torchvision_equal_idx_folder(name: str, tmp_path: Path) -> None:
    pytest.importorskip("torchvision", reason="torchvision is not installed")
    write_set(tmp_path, name)
    own, _, _ = SETS[name]
    options: dict[str, Any] = {"split": name.partition("-")[2]} if own == "EMNIST" else {}
    found = arrays_of(own, root=tmp_path, **options)
    for one, other in zip(found, idx_folder(tmp_path, name), strict=True):
        np.testing.assert_array_equal(one.x, other.x)
        np.testing.assert_array_equal(one.y, other.y)
        assert (one.y.dtype, one.name, one.classes) == (np.int64, name, other.classes)


def test_transforms_of_emnist_are_applied_once(tmp_path: Path) -> None:
    vision = pytest.importorskip("torchvision", reason="torchvision is not installed")
    write_set(tmp_path, "emnist-letters")
    options = {"root": tmp_path, "split": "letters"}
    (x, y), _ = idx_folder(tmp_path, "emnist-letters")
    tensors = arrays_of(vision.datasets.EMNIST(**options, transform=vision.transforms.ToTensor()))
    np.testing.assert_allclose(tensors.x[:, 0], x.swapaxes(1, 2) / 255, atol=1e-6)
    np.testing.assert_array_equal(tensors.y, y)
    assert tensors.classes[0] == "a"
    numbers = arrays_of(
        vision.datasets.EMNIST(**options, target_transform=lambda label: 26 - label)
    )
    np.testing.assert_array_equal(numbers.x, x)
    np.testing.assert_array_equal(numbers.y, 25 - y)
    assert numbers.classes[0] == "0"


def test_any_data_set_of_pairs_becomes_arrays() -> None:
    found = arrays_of(Made(8, 8, 8))
    assert found.x.shape == (3, 8, 8)
    assert found.x[:, 0, 0].tolist() == [0, 1, 2]
    assert (found.y.tolist(), found.classes, found.name) == ([0, 1, 0], ("cat", "dog"), "Made")


def test_images_of_different_sizes_are_refused() -> None:
    with pytest.raises(DataError, match="different sizes"):
        arrays_of(Made(8, 9))


def test_samples_that_are_no_pairs_are_refused() -> None:
    with pytest.raises(DataError, match=r"must be pairs \(image, target\), got 1"):
        arrays_of([1, 2])


@pytest.mark.parametrize("dataset", [Made(), Made, 3, None])
def test_objects_without_samples_are_refused(dataset: object) -> None:
    with pytest.raises(ArgumentError, match="expected a data set of torchvision with samples"):
        arrays_of(dataset)


def test_a_name_needs_torchvision(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "torchvision", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'lamella\[torchvision\]'"):
        arrays_of("FashionMNIST", root=tmp_path)


def test_unknown_names_and_a_missing_root_are_refused() -> None:
    pytest.importorskip("torchvision", reason="torchvision is not installed")
    with pytest.raises(ArgumentError, match="FashionMNIST"):
        arrays_of("FashionMist", root="x")
    with pytest.raises(ArgumentError, match="give root="):
        arrays_of("FashionMNIST")
    with pytest.raises(ArgumentError, match="ImageFolder cannot be made by its name"):
        arrays_of("ImageFolder", root="x")
