"""File of an archive: what it holds, and files that are refused."""

import io
import lzma
import tarfile
from pathlib import Path

import pytest

from lamella.core.errors import FileFormatError, UsageError
from lamella.studies.running.archive import container
from lamella.studies.running.archive.container import pack, unpack

FILES = {"archive.json": b"{}", "curves.npy": bytes(range(256)) * 10}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    pack(tmp_path / "a.tar.xz", FILES)
    return tmp_path / "a.tar.xz"


def test_files_come_back_and_equal_files_give_equal_bytes(path: Path, tmp_path: Path) -> None:
    assert unpack(path) == FILES
    pack(tmp_path / "b.tar.xz", FILES)
    assert (tmp_path / "b.tar.xz").read_bytes() == path.read_bytes()


def test_tar_unpacks_it(path: Path) -> None:
    with tarfile.open(path) as tar:
        assert tar.getnames() == list(FILES)


def test_changed_bytes_and_cuts_are_noticed(path: Path) -> None:
    content = path.read_bytes()
    for place in range(0, len(content), 5):
        path.write_bytes(content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :])
        with pytest.raises(FileFormatError):
            unpack(path)
        path.write_bytes(content[:place])
        with pytest.raises(FileFormatError):
            unpack(path)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "not an archive of studies"),
        (b"PK\x03\x04", "not an archive of studies"),
        (lzma.compress(b"no tar"), "damaged"),
        (lzma.compress(bytes(1024)) + b"more", "continues after its end"),
    ],
)
def test_other_files_are_refused(content: bytes, told: str, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(FileFormatError, match=told):
        unpack(tmp_path / "a")


def test_folders_links_and_sparse_files_in_it_are_refused(tmp_path: Path) -> None:
    for kind in (tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.GNUTYPE_SPARSE, tarfile.FIFOTYPE):
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w") as tar:
            member = tarfile.TarInfo("archive.json")
            member.type, member.linkname = kind, "/etc/passwd"
            tar.addfile(member)
        (tmp_path / "a").write_bytes(lzma.compress(stream.getvalue()))
        with pytest.raises(FileFormatError, match="other things"):
            unpack(tmp_path / "a")


def test_what_unpacks_to_too_much_is_neither_read_nor_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bomb").write_bytes(lzma.compress(bytes(20_000)))
    monkeypatch.setattr(container, "MAX_BYTES", 10_000)
    with pytest.raises(FileFormatError, match="more than 10,000"):
        unpack(tmp_path / "bomb")
    with pytest.raises(UsageError, match="pack fewer studies"):
        pack(tmp_path / "large", {"a": bytes(20_000)})
    assert not (tmp_path / "large").exists()


def test_a_small_file_may_not_unpack_to_a_large_one(tmp_path: Path) -> None:
    (tmp_path / "bomb").write_bytes(lzma.compress(bytes(2**26)))
    with pytest.raises(FileFormatError, match=r"its \d+,\d+ bytes unpack to more than \d,"):
        unpack(tmp_path / "bomb")
