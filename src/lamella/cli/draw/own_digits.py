"""One's own drawings: PNG files in a folder a class, those for testing apart."""

import hashlib
import io
from pathlib import Path
from typing import Any

import numpy as np

from lamella.core.disk import expect_writable, write_atomically
from lamella.core.errors import ArgumentError
from lamella.datasets import Collection, digit_folder, read_digit

CLASSES, PARTS = "0123456789", ("train", "test")
TEST_EVERY = 5  # the fifth, tenth and so on drawing of a class is for testing only


class OwnDigits:
    """Drawings in ``folder/train`` and ``folder/test``, both in the form of `digit_folder`.

    A file's name is the hash of its pixels: a drawing has one label, and keeping it again moves it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def keep(self, image: np.ndarray, label: Any) -> str:
        """Keep an image, uint8 (28, 28), and return its part, "train" or "test"."""
        if not isinstance(label, str) or label not in list(CLASSES):
            raise ArgumentError(f"label must be one of {', '.join(CLASSES)}, got {label!r:.40}")
        if not np.array_equal(read_digit(image), image):
            raise ArgumentError("the image is no prepared one: most of its border must be black")
        places = self._places(image)
        kept = [place for place in places if place.exists()]
        for place in kept:
            if place.parent.name == label:
                return place.parents[1].name
        from PIL import Image

        file = io.BytesIO()
        Image.fromarray(image).save(file, "PNG")
        count = sum(self.count(part, label) for part in PARTS)
        part = "test" if count % TEST_EVERY == TEST_EVERY - 1 else "train"
        folder = expect_writable(self.folder / part / label)
        write_atomically(folder / places[0].name, file.getvalue())
        for place in kept:
            place.unlink(missing_ok=True)
        return part

    def remove(self, image: np.ndarray) -> None:
        """Remove an image, whatever its label, if it was kept."""
        for place in self._places(image):
            place.unlink(missing_ok=True)

    def count(self, part: str, label: str = "[0-9]") -> int:
        """Return the number of drawings in a part, of one class or all."""
        return len([*self.folder.glob(f"{part}/{label}/[!.]*")])

    def samples(self, part: str) -> Collection | None:
        """Return the digits of a part, or None if there are none."""
        return digit_folder(self.folder / part) if self.count(part) else None

    def _places(self, image: np.ndarray) -> list[Path]:
        """Return the files that an image has under each label, of which one may exist."""
        name = f"{hashlib.sha256(image.tobytes()).hexdigest()[:16]}.png"
        return [self.folder / part / label / name for part in PARTS for label in CLASSES]
