"""Checkpoint files: written atomically, validated by digest, two stored."""

import json
from pathlib import Path

import numpy as np
import pytest

from lamella.core.errors import FileFormatError
from lamella.training.checkpoints import CheckpointFolder, CheckpointWarning
from lamella.training.checkpoints.folder import read


def number(folder: CheckpointFolder) -> int | None:
    found = folder.newest()
    return None if found is None else int(found[0]["number"])


@pytest.fixture
def folder(tmp_path: Path) -> CheckpointFolder:
    """Four checkpoints were written."""
    folder = CheckpointFolder(tmp_path / "kept")
    folder.begin()
    for count in range(4):
        folder.write({"number": count}, {"w": np.full(3, count, np.float32)})
    return folder


def test_arrays_are_read_bit_for_bit(tmp_path: Path) -> None:
    odd = np.array([np.nan, -0.0, 5e-324, np.inf])
    arrays = {"a": odd, "t": np.array(7), "empty": np.zeros((0, 2)), "turned": np.eye(3)[:, 1:].T}
    folder = CheckpointFolder(tmp_path)
    folder.write({"x": 0.1, "nan": float("nan")}, arrays)
    found = CheckpointFolder(tmp_path).newest()
    assert found is not None
    header, back = found
    assert header["x"] == 0.1
    assert np.isnan(header["nan"])
    for name, array in arrays.items():
        assert back[name].shape == array.shape
        assert back[name].tobytes() == array.tobytes()


def test_two_are_kept_and_the_newest_is_taken(folder: CheckpointFolder) -> None:
    assert [file.name[:8] for file in folder.files()] == ["00000004", "00000003"]
    assert number(CheckpointFolder(folder.path)) == 3


@pytest.mark.parametrize("where", [0, 9, 100, -1])
def test_one_changed_byte_is_found_and_the_one_before_taken(
    folder: CheckpointFolder, where: int
) -> None:
    newest, before = folder.files()
    content = bytearray(newest.read_bytes())
    content[where] ^= 1
    newest.write_bytes(content)
    with pytest.warns(CheckpointWarning, match=f"is damaged.*resuming from {before.name}"):
        assert number(folder) == 2


def test_a_damaged_one_is_replaced_and_the_good_one_kept(folder: CheckpointFolder) -> None:
    newest, before = folder.files()
    newest.write_bytes(b"")
    with pytest.warns(CheckpointWarning):
        folder.newest()
    written = folder.write({"number": 9}, {})
    assert folder.files() == [written, before]
    assert number(folder) == 9


def test_with_all_damaged_there_is_none(folder: CheckpointFolder) -> None:
    for file in folder.files():
        file.write_bytes(file.read_bytes()[:50])
    with (
        pytest.warns(CheckpointWarning, match="resuming from"),
        pytest.warns(CheckpointWarning, match="training starts from scratch"),
    ):
        assert number(folder) is None


def test_an_empty_or_missing_folder_has_none(tmp_path: Path) -> None:
    assert CheckpointFolder(tmp_path).newest() is None
    assert CheckpointFolder(tmp_path / "not there").newest() is None


def test_other_files_are_left_alone(folder: CheckpointFolder) -> None:
    for name in ("notes.txt", "model.safetensors"):
        (folder.path / name).write_text("mine")
    half = folder.path / f".{folder.files()[0].name}.x1y2"
    half.write_text("half")
    folder.begin()
    folder.clear()
    left = sorted(file.name for file in folder.path.iterdir())
    assert left == ["model.safetensors", "notes.txt"]


def test_another_format_is_refused(tmp_path: Path) -> None:
    folder = CheckpointFolder(tmp_path)
    file = folder.write({"format": "lamella-checkpoint-9"}, {})
    with pytest.raises(FileFormatError, match="has format 'lamella-checkpoint-9'"):
        read(file)


def test_other_safetensors_files_are_refused(tmp_path: Path) -> None:
    import hashlib

    from safetensors.numpy import save

    for content in (save({"w": np.ones(2)}), save({}, {"lamella": "["}), b"no tensors at all"):
        name = f"00000001-{hashlib.sha256(content).hexdigest()}.safetensors"
        (tmp_path / name).write_bytes(content)
        with pytest.raises(FileFormatError, match="is not a lamella checkpoint"):
            read(tmp_path / name)


def test_any_tool_can_read_them(folder: CheckpointFolder) -> None:
    from safetensors import safe_open

    with safe_open(folder.files()[0], "numpy") as file:
        assert file.get_tensor("w").tolist() == [3, 3, 3]
        assert json.loads(file.metadata()["lamella"])["number"] == 3
