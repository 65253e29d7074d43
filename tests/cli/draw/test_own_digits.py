"""Own digits: the test part, labels, and pictures that touch the border."""

import sys
from pathlib import Path

import numpy as np
import pytest

from lamella.cli.draw.own_digits import OwnDigits
from lamella.core.errors import ArgumentError, MissingExtraError, UsageError

pytest.importorskip("PIL", reason="drawings are kept as PNG")


def test_drawings_that_touch_the_border_are_read_as_they_were_kept(tmp_path: Path) -> None:
    tall = np.zeros((28, 28), np.uint8)  # as a 7, whose mass is at the top
    tall[8:11, 5:22], tall[8:, 12:14] = 255, 200
    own = OwnDigits(tmp_path)
    own.keep(tall, "7")
    samples = own.samples("train")
    assert samples is not None
    np.testing.assert_array_equal(samples.x, tall[None])


def test_parts_without_drawings_are_none(tmp_path: Path) -> None:
    (tmp_path / "test" / "3").mkdir(parents=True)
    assert OwnDigits(tmp_path).samples("test") is None


def test_files_added_by_hand_count(tmp_path: Path, rng: np.random.Generator) -> None:
    own = OwnDigits(tmp_path)
    images = np.pad(rng.integers(1, 255, (2, 20, 20), np.uint8), ((0, 0), (4, 4), (4, 4)))
    own.keep(images[0], "3")
    (first,) = tmp_path.glob("train/3/*.png")
    for number in range(3):
        (first.parent / f"{number}.png").write_bytes(first.read_bytes())
    assert own.keep(images[1], "3") == "test"


def test_a_label_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    own, bar = OwnDigits(tmp_path), np.pad(np.full((20, 3), 255, np.uint8), ((4, 4), (12, 13)))
    own.keep(bar, "1")
    (tmp_path / "train" / "7").write_text("no folder")
    with pytest.raises(UsageError, match="cannot write to the folder"):
        own.keep(bar, "7")
    assert [file.parent.name for file in tmp_path.rglob("*.png")] == ["1"]


def test_images_that_would_be_prepared_again_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="most of its border must be black"):
        OwnDigits(tmp_path).keep(np.eye(28, dtype=np.uint8) * 200 + 20, "7")


def test_labels_are_digits(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=r"label must be one of 0, 1, .* got '\.\./7'"):
        OwnDigits(tmp_path).keep(np.ones((28, 28), np.uint8), "../7")


def test_without_pillow_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(MissingExtraError, match=r"needs Pillow.*images"):
        OwnDigits(tmp_path).keep(np.zeros((28, 28), np.uint8), "7")
