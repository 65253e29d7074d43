"""IDX files: plain and compressed, with lengths that lie, and compressed a thousandfold."""

import gzip
import struct
import zlib
from functools import cache
from pathlib import Path

import numpy as np

from lamella.datasets import read_idx
from lamella.datasets.idx import TYPES, header
from tests.fuzz.mutate import Rng, bytes_mutated, pick

BOMB = 400 * 2**20


@cache
def samples() -> list[bytes]:
    """Return good files of every type, plain and compressed."""
    rng = np.random.default_rng(0)
    arrays = [rng.uniform(0, 100, (6, 5, 4)).astype(name) for name in TYPES.values()]
    arrays += [np.zeros((0, 28, 28), "u1"), np.zeros((), ">f8"), np.zeros((9000,), "u1")]
    plain = [header(array) + array.tobytes() for array in arrays]
    return [*plain, *(gzip.compress(content, mtime=0) for content in plain)]


@cache
def bombs() -> list[bytes]:
    """Return files of some 400 KB that hold 400 MB, as their headers say or not."""
    found = []
    for axes in ((BOMB,), (20, BOMB // 20), (7,), (2**32 - 1, 2**32 - 1)):
        packer = zlib.compressobj(9, zlib.DEFLATED, 31)
        head = bytes([0, 0, 8, len(axes)]) + struct.pack(f">{len(axes)}I", *axes)
        body = [packer.compress(head)]
        body += [packer.compress(bytes(2**20)) for _ in range(BOMB // 2**20)]
        found.append(b"".join([*body, packer.flush()]))
    return found


def make(rng: Rng) -> bytes:
    """Return a mutated file."""
    kind = rng.random()
    if kind < 0.01:
        return bytes(pick(rng, bombs()))
    content = bytes(pick(rng, samples()))
    if kind < 0.5:
        return bytes_mutated(rng, content, pick(rng, samples()))
    plain = bytearray(gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content)
    for _ in range(int(rng.integers(1, 4))):
        change = int(rng.integers(4))
        if change == 0:
            plain[2] = pick(rng, (0, *TYPES, 255))
        elif change == 1:
            plain[3] = int(rng.integers(256)) if rng.random() < 0.5 else int(rng.integers(5))
        elif change == 2:
            lengths = (0, 1, 2, 2**16, 2**31, 2**32 - 1)
            at = 4 + 4 * int(rng.integers(4))
            plain[at : at + 4] = struct.pack(">I", pick(rng, lengths))
        else:
            plain[4:4] = struct.pack(">I", 1) * int(rng.integers(1, 252))
    changed = bytes(plain)
    if rng.random() < 0.5:
        members = int(2 ** rng.uniform(0, 9))
        size = 1 + len(changed) // members
        pieces = [changed[i : i + size] for i in range(0, len(changed), size)]
        changed = b"".join(gzip.compress(piece, mtime=0) for piece in [*pieces, b"", b""])
    return bytes_mutated(rng, changed, content) if rng.random() < 0.2 else changed


def read(path: Path) -> None:
    """Read a file; an accepted array must equal that of a second reader."""
    array = read_idx(path)
    content = path.read_bytes()
    if content[:2] == b"\x1f\x8b":
        content = gzip.decompress(content)
    assert header(array) + array.astype(array.dtype.newbyteorder(">")).tobytes() == content
