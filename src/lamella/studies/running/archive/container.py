"""File of an archive: a tar of a few files, compressed and checked by xz.

The sizes are limited, so that reading a damaged or malicious file takes bounded memory.
"""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lamella.core.disk import read_file, write_atomically
from lamella.core.errors import FileFormatError, UsageError

MAGIC = b"\xfd7zXZ\0"
MAX_BYTES = 2**27  # unpacked: 10,000 runs with 10,000 test samples
ALLOWANCE, MAX_RATIO = 2**22, 128  # and at most 4 MB plus so many times the size of the file
MAX_FILES = 1000
DICTIONARY = 2**23  # bytes in which repetitions are found, and about the memory to unpack


def pack(path: Path, files: Mapping[str, bytes]) -> None:
    """Write files as an archive, atomically.

    Raises
    ------
    UsageError
        If they are larger than `unpack` reads.
    """
    import tarfile

    lzma = _lzma()
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    content = stream.getvalue()
    method = {
        "id": lzma.FILTER_LZMA2,
        "preset": 9 | lzma.PRESET_EXTREME,
        "dict_size": DICTIONARY,
        "pb": 0,
    }
    packed = lzma.compress(content, check=lzma.CHECK_SHA256, filters=[method])
    if len(content) > _limit(packed) or len(files) > MAX_FILES:
        raise UsageError(
            f"the archive would unpack to {len(content):,} bytes in {len(files):,} files, and may "
            f"have {_limit(packed):,} in {MAX_FILES:,}: pack fewer studies into it"
        )
    write_atomically(path, packed)


def unpack(path: Path) -> dict[str, bytes]:
    """Return the files in an archive.

    Raises
    ------
    FileFormatError
        If it is none, is damaged or too large.
    """
    import tarfile

    content = read_file(path, MAX_BYTES + 1)
    if not content.startswith(MAGIC):
        raise FileFormatError(
            f"{path} is not an archive of studies, which lamella study pack writes: it begins with "
            f"{content[:6]!r}"
        )
    unpacked = _decompressed(content, path)
    files: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(unpacked), mode="r:") as tar:
            for member in tar:
                file = tar.extractfile(member) if member.isreg() else None
                # The size of a sparse file, most of which is not there, has no limit.
                if file is None or member.issparse() or len(files) == MAX_FILES:
                    raise FileFormatError(f"{path} holds other things than an archive's files")
                files[member.name] = file.read()
    except (tarfile.TarError, OSError, ValueError, OverflowError) as error:
        raise FileFormatError(f"{path} is damaged: {error}") from error
    return files


def _decompressed(content: bytes, path: Path) -> bytes:
    lzma, limit = _lzma(), _limit(content)
    try:
        reader = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=4 * DICTIONARY)
        unpacked: bytes = reader.decompress(content, max_length=limit + 1)
    except lzma.LZMAError as error:
        raise FileFormatError(f"{path} is damaged: {error}") from error
    if len(unpacked) > limit:
        raise FileFormatError(
            f"{path} is damaged: its {len(content):,} bytes unpack to more than {limit:,}"
        )
    if not reader.eof or reader.unused_data:
        raise FileFormatError(f"{path} is damaged: it is cut off, or continues after its end")
    return unpacked


def _limit(packed: bytes) -> int:
    """Return the most bytes to which the content of a file may unpack."""
    return min(MAX_BYTES, ALLOWANCE + MAX_RATIO * len(packed))


def _lzma() -> Any:
    try:
        import lzma
    except ImportError:
        raise UsageError(
            "this Python was built without lzma, which archives of studies need: install another "
            "build of Python"
        ) from None
    return lzma
