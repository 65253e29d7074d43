"""Pictures of docs/handwriting.md: python -m benchmarks.handwriting.pictures docs/images."""

import io
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

import lamella as lm
from benchmarks.handwriting.photos import KINDS, page, photograph
from lamella.datasets.handwriting.preparation import prepare
from lamella.datasets.handwriting.strip import save_strip

SIDE, GAP, TEXT = 112, 6, 14
MIXES = (
    ("squares", "shadow", "pencil"),
    ("ruled", "rotation", "blur"),
    ("paper", "noise", "colour"),
)


def kinds(path: Path) -> None:
    """Draw a photograph of each disturbance above the image that is made of it."""
    _, test = lm.datasets.mnist()
    columns = 6
    rows = -(-len(KINDS) // columns)
    height = 2 * SIDE + TEXT + 2 * GAP
    sheet = Image.new("RGB", (columns * (SIDE + GAP) + GAP, rows * height), "white")
    draw = ImageDraw.Draw(sheet)
    for i, kind in enumerate(KINDS):
        content = photograph(test.x[i], np.random.default_rng(i + 1), [kind])
        photo = Image.open(io.BytesIO(content)).convert("RGB")
        photo.thumbnail((SIDE, SIDE))
        left, top = GAP + i % columns * (SIDE + GAP), i // columns * height
        draw.text((left, top), kind, fill="black")
        sheet.paste(photo, (left, top + TEXT + SIDE - photo.height))
        seen = Image.fromarray(lm.datasets.read_digit(content)).resize((SIDE, SIDE), 0)
        sheet.paste(seen, (left, top + TEXT + SIDE + GAP))
    sheet.quantize(64).save(path, optimize=True)


def main() -> None:
    folder = Path(sys.argv[1])
    _, test = lm.datasets.mnist()
    kinds(folder / "photographs.png")
    strips = [
        prepare(photograph(test.x[20 + i], np.random.default_rng(i), mix), several=True)
        for i, mix in enumerate(MIXES)
    ]
    rng = np.random.default_rng(5)
    strips.append(prepare(page(test.x[:15], rng, ["ruled", "shadow"]), several=True))
    captions = ["what the network saw"] * len(strips)
    save_strip(folder / "steps.png", strips, captions)
    strip = Image.open(folder / "steps.png").copy()
    strip.quantize(32).save(folder / "steps.png", optimize=True)


if __name__ == "__main__":
    main()
