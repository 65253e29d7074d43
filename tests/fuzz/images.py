"""Images: seven formats that are read, others that must not be, and sizes that lie."""

import io
import struct
import zlib
from functools import cache
from pathlib import Path

import numpy as np

from lamella.datasets import read_digit
from lamella.datasets.handwriting.pictures import FORMATS
from tests.fuzz.mutate import Rng, bytes_mutated, pick

EPS = (
    b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 28 28\n%%EndComments\n(x) run\nshowpage\n%%EOF\n"
)


@cache
def samples() -> list[bytes]:
    """Return a seven in every format and many modes, and files of formats that are not read."""
    from PIL import Image, ImageDraw

    picture = Image.new("L", (60, 50), 250)
    ImageDraw.Draw(picture).line([(15, 8), (42, 8), (25, 42)], fill=10, width=5)
    found = []
    for form in (*FORMATS, "TGA", "ICO", "PCX"):
        for mode in ("1", "L", "P", "RGB", "RGBA", "CMYK", "I;16", "LA"):
            file = io.BytesIO()
            try:
                picture.convert(mode).save(file, form)
            except (OSError, ValueError, KeyError):
                continue
            found.append(file.getvalue())
    for compression in ("tiff_lzw", "tiff_deflate", "jpeg", "group4"):
        file = io.BytesIO()
        mode = "1" if compression == "group4" else "L"
        picture.convert(mode).save(file, "TIFF", compression=compression)
        found.append(file.getvalue())
    return [*found, EPS]


def png(width: int, height: int, depth: int, kind: int, body: bytes) -> bytes:
    """Return a PNG whose checksums are right, whatever it says."""
    head = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(body)), (b"IEND", b"")]
    text = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + text


@cache
def bombs() -> list[bytes]:
    """Return PNGs of few bytes and many pixels."""
    sizes = [(13_000, 13_000), (4_990, 5_000), (2**31 - 1, 1), (1, 2**20), (60_000, 60_000)]
    return [png(w, h, 8, 0, bytes(min(w * h + h, 2**25))) for w, h in sizes]


def make(rng: Rng) -> bytes:
    """Return a mutated image."""
    kind = rng.random()
    if kind < 0.01:
        return bytes(pick(rng, bombs()))
    if kind < 0.1:
        side = [int(2 ** rng.uniform(0, 14)) for _ in range(2)]
        depth, colours = pick(rng, (1, 2, 4, 8, 16, 3)), pick(rng, (0, 2, 3, 4, 6, 5))
        return png(*side, depth, colours, rng.bytes(int(rng.integers(2000))))
    content = bytes(pick(rng, samples()))
    if kind < 0.3:  # any length or size in it becomes a large one, or none
        at = int(rng.integers(min(len(content), 200)))
        number = struct.pack(pick(rng, ("<I", ">I", "<H", ">H")), pick(rng, (0, 1, 9999, 65535)))
        return content[:at] + number + content[at + len(number) :]
    return bytes_mutated(rng, content, pick(rng, samples()))


def read(path: Path) -> None:
    """Read a file; an accepted image must become a prepared digit."""
    digit = read_digit(path)
    assert digit.shape == (28, 28)
    assert digit.dtype == np.uint8
    assert digit.max() > 0
