"""Data sets by name or folder."""

from pathlib import Path

import numpy as np
import pytest

import lamella as lm
from lamella.core.errors import ArgumentError
from lamella.datasets.named import labelled_folder, named
from tests.datasets.image_sets import write_set

Digits = tuple[lm.datasets.Samples, lm.datasets.Samples]


def test_mnist_is_that_of_the_package(digits: Digits) -> None:
    train, test = named("mnist")
    np.testing.assert_array_equal(train.x, digits[0].x)
    assert (test.name, test.classes) == ("MNIST", tuple("0123456789"))


def test_a_name_and_a_root_are_those_of_idx_folder(tmp_path: Path) -> None:
    written = write_set(tmp_path, "mnist")
    np.testing.assert_array_equal(named("mnist", str(tmp_path))[0].x, written["train x"])


def test_a_folder_is_split(digits: Digits, tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    for i in range(20):
        image.fromarray(digits[1].x[i]).save(tmp_path / f"{digits[1].y[i]}_{i:02}.png")
    (tmp_path / "1.txt").write_text("none")
    train, test = named(str(tmp_path))
    assert (len(train.y), len(test.y)) == (16, 4)
    assert list(train.unreadable) == ["1.txt"]
    assert {x.tobytes() for x in (*train.x, *test.x)} == {x.tobytes() for x in digits[1].x[:20]}


@pytest.mark.parametrize("read", [named, labelled_folder])
def test_other_words_get_the_nearest_name(read: object) -> None:
    with pytest.raises(ArgumentError, match="did you mean 'kmnist'"):
        read("kmnits")  # type: ignore[operator]


def test_a_name_without_its_folder_is_refused() -> None:
    with pytest.raises(ArgumentError, match="give the folder of its files as root"):
        named("kmnist")
