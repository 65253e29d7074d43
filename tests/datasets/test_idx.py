"""IDX files: every type there and back, and every kind of damage found."""

import gzip
import struct
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lamella.core.errors import DataError, FileFormatError, UsageError
from lamella.datasets import read_idx, write_idx
from lamella.datasets.idx import parse_idx
from tests.subprocesses import run_python

TYPES = {
    "uint8": 0x08,
    "int8": 0x09,
    "int16": 0x0B,
    "int32": 0x0C,
    "float32": 0x0D,
    "float64": 0x0E,
}


def head(code: int, *shape: int) -> bytes:
    return bytes([0, 0, code, len(shape)]) + struct.pack(f">{len(shape)}I", *shape)


@pytest.mark.parametrize("name", ["a.idx", "a.idx.gz"])
@pytest.mark.parametrize("dtype", TYPES)
def test_every_type_comes_back_the_same(dtype: str, name: str, tmp_path: Path) -> None:
    array = np.array([[0, 1, 2], [100, 101, 127]]).astype(dtype)
    if dtype != "uint8":
        array[0, 1] = -5
    write_idx(tmp_path / name, array)
    again = read_idx(tmp_path / name)
    assert again.dtype == dtype
    assert again.dtype.isnative
    np.testing.assert_array_equal(again, array)
    assert again.flags.writeable


@pytest.mark.parametrize("dtype", TYPES)
def test_the_bytes_are_those_of_the_format(dtype: str, tmp_path: Path) -> None:
    array = np.array([[1, 2, 3], [4, 5, 6]]).astype(dtype)
    write_idx(tmp_path / "a", array)
    letter = {"uint8": "B", "int8": "b", "int16": "h", "int32": "i", "float32": "f"}.get(dtype, "d")
    expected = head(TYPES[dtype], 2, 3) + struct.pack(f">6{letter}", 1, 2, 3, 4, 5, 6)
    assert (tmp_path / "a").read_bytes() == expected


@settings(deadline=None, derandomize=True, max_examples=60)
@given(
    array=hnp.arrays(
        st.sampled_from(sorted(TYPES)),
        hnp.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=4),
    )
)
def test_any_array_comes_back_the_same(
    array: np.ndarray, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("idx") / "a"
    write_idx(path, array)
    again = read_idx(path)
    assert again.shape == array.shape
    np.testing.assert_array_equal(again, array)


@settings(deadline=None, derandomize=True, max_examples=200)
@given(
    axes=st.integers(0, 255),
    code=st.sampled_from(sorted(TYPES.values())),
    rest=st.binary(max_size=40),
)
def test_any_bytes_give_an_array_or_a_clear_error(axes: int, code: int, rest: bytes) -> None:
    content = bytes([0, 0, code, axes]) + rest
    try:
        array = parse_idx(content, "file")
    except FileFormatError:
        return
    assert array.ndim == axes
    assert array.nbytes == len(rest) - 4 * axes


def test_strided_and_foreign_byte_orders_are_written_right(tmp_path: Path) -> None:
    array = np.arange(24, dtype=">i4").reshape(4, 6)[::2, ::-3]
    write_idx(tmp_path / "a", array)
    np.testing.assert_array_equal(read_idx(tmp_path / "a"), array)


def test_compression_is_detected_from_the_content(tmp_path: Path) -> None:
    array = np.arange(5, dtype="uint8")
    write_idx(tmp_path / "a.gz", array)
    assert (tmp_path / "a.gz").read_bytes()[:2] == b"\x1f\x8b"
    (tmp_path / "a.gz").rename(tmp_path / "a.idx")
    np.testing.assert_array_equal(read_idx(str(tmp_path / "a.idx")), array)


def test_the_same_array_gives_the_same_compressed_file(tmp_path: Path) -> None:
    for name in ("a.gz", "b.gz"):
        write_idx(tmp_path / name, np.arange(5, dtype="uint8"))
    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()


def expect_damaged(path: Path, content: bytes, text: str) -> None:
    for packed in (content, gzip.compress(content)):
        path.write_bytes(packed)
        with pytest.raises(FileFormatError, match=text) as caught:
            read_idx(path)
        assert str(path) in str(caught.value)


def test_every_cut_is_found(tmp_path: Path) -> None:
    whole = head(0x0C, 2, 3) + bytes(24)
    for length in range(len(whole)):
        expect_damaged(tmp_path / "a", whole[:length], "not an IDX file|header|truncated")


def test_every_cut_of_a_compressed_file_is_found(tmp_path: Path) -> None:
    write_idx(tmp_path / "a.gz", np.arange(50, dtype="int32"))
    whole = (tmp_path / "a.gz").read_bytes()
    for length in range(len(whole)):
        (tmp_path / "cut").write_bytes(whole[:length])
        with pytest.raises(FileFormatError, match="cut"):
            read_idx(tmp_path / "cut")


def test_a_flipped_bit_of_a_compressed_body_is_found(tmp_path: Path) -> None:
    array = np.random.default_rng(0).integers(0, 255, 300).astype("uint8")
    write_idx(tmp_path / "a.gz", array)
    whole = (tmp_path / "a.gz").read_bytes()
    for position in range(10, len(whole)):  # behind the header of gzip, which holds times and such
        content = bytearray(whole)
        content[position] ^= 1 << position % 8
        (tmp_path / "b.gz").write_bytes(content)
        with pytest.raises(FileFormatError):
            read_idx(tmp_path / "b.gz")


def test_trailing_bytes_are_found(tmp_path: Path) -> None:
    expect_damaged(tmp_path / "a", head(0x08, 3) + b"abcd", r"announces an array \(3,\).*more")


def test_bytes_after_a_compressed_file_are_found(tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(gzip.compress(head(0x08, 3) + b"abc") + b"junk")
    with pytest.raises(FileFormatError, match="damaged"):
        read_idx(tmp_path / "a.gz")


@pytest.mark.parametrize(
    "content",
    [b"", b"\0", b"\x89PNG\r\n", b"PK\3\4aaaa", b"\0\1\x08\1\0\0\0\0", head(0x0A, 0), head(0, 1)],
)
def test_a_foreign_file_is_refused(content: bytes, tmp_path: Path) -> None:
    expect_damaged(tmp_path / "a", content, "not an IDX file: it begins with")


def test_a_short_body_is_reported_in_bytes(tmp_path: Path) -> None:
    expect_damaged(
        tmp_path / "a",
        head(0x0B, 10, 10) + bytes(50),
        r"announces an array \(10, 10\) of 200 bytes, but there are 50",
    )


def test_more_axes_than_arrays_can_have_are_refused(tmp_path: Path) -> None:
    expect_damaged(tmp_path / "a", head(0x08, *[1] * 70) + b"a", "a")


def test_an_empty_array_of_impossible_shape_is_refused(tmp_path: Path) -> None:
    expect_damaged(tmp_path / "a", head(0x08, 0, 2**32 - 1, 2**32 - 1), "a")


HUGE = """
import resource, sys
from lamella.datasets import read_idx
from lamella.core.errors import FileFormatError
resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
for path in sys.argv[1:]:
    try:
        read_idx(path)
    except FileFormatError as error:
        print(error)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="no limits on memory")
def test_an_announced_size_is_not_believed(tmp_path: Path) -> None:
    paths = []
    for name, shape in (("a", (2**19, 2**14)), ("b", (2**32 - 1, 255)), ("c", (2**32 - 1,) * 9)):
        for path, pack in ((tmp_path / name, bytes), (tmp_path / f"{name}.gz", gzip.compress)):
            path.write_bytes(pack(head(0x0E, *shape) + b"just a few bytes"))
            paths.append(path)
    one_thread = {"OPENBLAS_NUM_THREADS": "1"}  # threads take up memory too
    run = run_python("-c", HUGE, *paths, environment=one_thread)
    lines = run.stdout.splitlines()
    assert len(lines) == len(paths)
    assert all(
        str(path) in line and "truncated" in line for path, line in zip(paths, lines, strict=True)
    )


@pytest.mark.parametrize("dtype", ["int64", "uint16", "float16", "complex64", "bool", "U3"])
def test_types_the_format_does_not_have_are_refused(dtype: str, tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=f"IDX files hold .*got {np.dtype(dtype)}".replace("<", ".")
    ):
        write_idx(tmp_path / "a", np.zeros(3, dtype))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"cannot write .*file/a"):
        write_idx(tmp_path / "file" / "a", np.zeros(3, "uint8"))
