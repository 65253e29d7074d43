"""A picture of the steps from a photo to the images that a network saw."""

import io
from collections.abc import Sequence
from typing import Any

import numpy as np

from lamella.core.disk import as_path, write_atomically
from lamella.datasets.handwriting.preparation import Preparation

PANEL, GAP, TEXT = 224, 8, 18  # pixels


def save_strip(path: Any, preparations: Sequence[Preparation], captions: Sequence[str]) -> None:
    """Write a PNG with a row for each picture: its steps, then its digits below their caption."""
    rows = [_row(each, text) for each, text in zip(preparations, captions, strict=True)]
    width = max(row.width for row in rows)
    from PIL import Image

    strip = Image.new("L", (width, sum(row.height for row in rows)), 255)
    for i, row in enumerate(rows):
        strip.paste(row, (0, sum(above.height for above in rows[:i])))
    memory = io.BytesIO()
    strip.save(memory, "PNG")
    write_atomically(as_path(path), memory.getvalue())


def _row(found: Preparation, caption: str) -> Any:
    from PIL import Image, ImageDraw

    digits = _tiled(found.images)
    panels = {**found.steps, caption: digits}
    row = Image.new("L", (len(panels) * (PANEL + GAP) + GAP, PANEL + TEXT + 2 * GAP), 255)
    draw = ImageDraw.Draw(row)
    for i, (name, values) in enumerate(panels.items()):
        left = GAP + i * (PANEL + GAP)
        draw.text((left, GAP // 2), name[:36], fill=0)
        picture = Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))
        scale = PANEL / max(picture.size)
        size = [max(1, round(scale * side)) for side in picture.size]
        method = Image.Resampling.NEAREST if values is digits else Image.Resampling.BILINEAR
        row.paste(picture.resize(size, method), (left, TEXT + GAP))
    return row


def _tiled(images: np.ndarray) -> np.ndarray:
    """Return images side by side in a square."""
    side = int(np.ceil(len(images) ** 0.5))
    lines = -(-len(images) // side)
    tiles = np.zeros((lines * side, *images.shape[1:]), np.uint8)
    tiles[: len(images)] = images
    height, width = images.shape[1:]
    return tiles.reshape(lines, side, height, width).swapaxes(1, 2).reshape(lines * height, -1)
