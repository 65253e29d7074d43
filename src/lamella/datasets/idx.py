"""The IDX file format of MNIST and related data sets, plain or compressed with gzip."""

import gzip
import io
import math
import zlib
from typing import Any

import numpy as np

from lamella.core.disk import as_path, read_file, write_atomically
from lamella.core.errors import DataError, FileFormatError
from lamella.core.signatures import known_arguments
from lamella.core.validation import expect_unmasked

# Type by the third byte of the file; all are big-endian.
TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
GZIP_MAGIC = b"\x1f\x8b"
CHUNK = 2**20  # bytes per read
ALLOWANCE, MAX_RATIO = 64 * 2**20, 32  # a file may decompress to ALLOWANCE + MAX_RATIO * its size


@known_arguments
def read_idx(path: Any) -> np.ndarray:
    """Read an array from an IDX file.

    Layout: two zero bytes, a byte for the type, a byte for the number of axes, the length of each
    axis as a 4-byte big-endian integer, then the numbers in C order.

    Parameters
    ----------
    path : path
        Compressed or not; the content decides, not the name.

    Returns
    -------
    ndarray
        In the type of the file and native byte order.

    Raises
    ------
    FileFormatError
        If the file is not IDX, is damaged, has fewer or more bytes than its header announces, or
        decompresses to more than 64 MB plus 32 times its size, like a gzip bomb.
    """
    return parse_idx(read_file(path), str(path))


def parse_idx(content: bytes, name: str) -> np.ndarray:
    """Read an array from the bytes of an IDX file, see `read_idx`; errors contain ``name``."""
    if content[:2] == GZIP_MAGIC:
        stream: Any = gzip.GzipFile(fileobj=io.BytesIO(content))
    else:
        stream = io.BytesIO(content)
    try:
        head = stream.read(4)
        if len(head) < 4 or head[:2] != b"\0\0" or head[2] not in TYPES:
            raise FileFormatError(f"{name} is not an IDX file: it begins with {head!r}")
        axes = head[3]
        lengths = stream.read(4 * axes)
        if len(lengths) < 4 * axes:
            raise FileFormatError(f"{name} ends within its header")
        shape = tuple(int(n) for n in np.frombuffer(lengths, ">u4"))
        dtype = np.dtype(TYPES[head[2]])
        expected = math.prod(shape) * dtype.itemsize
        limit = ALLOWANCE + MAX_RATIO * len(content)
        body = _read_at_most(stream, min(expected, limit) + 1)  # one extra byte shows an excess
    except (OSError, EOFError, zlib.error) as error:
        raise FileFormatError(f"{name} is damaged: {error}") from error
    if len(body) > limit:
        raise FileFormatError(
            f"{name} grows from {len(content):,} bytes to more than {limit:,}: if you trust it, "
            "decompress it with gunzip and read that"
        )
    if len(body) != expected:
        found = "more" if len(body) > expected else f"{len(body):,}"
        raise FileFormatError(
            f"{name} is truncated or damaged: its header announces an array {shape} of "
            f"{expected:,} bytes, but there are {found}"
        )
    try:
        array = np.frombuffer(body, dtype).reshape(shape)
    except ValueError as error:
        raise FileFormatError(f"{name} announces an impossible array: {error}") from error
    return array.astype(dtype.newbyteorder("="), copy=False)


def _read_at_most(stream: Any, size: int) -> bytearray:
    """Read in chunks, so that a false header cannot reserve memory."""
    body = bytearray()
    while len(body) < size and (chunk := stream.read(min(size - len(body), CHUNK))):
        body += chunk
    return body


def header(array: np.ndarray) -> bytes:
    """Return the IDX header of ``array``.

    Raises
    ------
    DataError
        If the format does not support the dtype.
    """
    codes = {np.dtype(name).newbyteorder("="): code for code, name in TYPES.items()}
    if array.dtype.newbyteorder("=") not in codes:
        known = ", ".join(str(dtype) for dtype in codes)
        raise DataError(f"IDX files hold {known}; got {array.dtype}")
    code = codes[array.dtype.newbyteorder("=")]
    return bytes([0, 0, code, array.ndim]) + np.array(array.shape, ">u4").tobytes()


@known_arguments
def write_idx(path: Any, array: np.ndarray) -> None:
    """Write an array to an IDX file, compressed if the name ends in ".gz".

    Raises
    ------
    DataError
        If the format does not support the dtype.
    """
    expect_unmasked("the array", array)
    array = np.asarray(array)
    head = header(array)
    content = head + array.astype(TYPES[head[2]]).tobytes()
    path = as_path(path)
    write_atomically(path, gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)
