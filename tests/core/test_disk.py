"""Writing to disk: complete or not at all, and errors before any work."""

import json
import os
import signal
import stat
from pathlib import Path

import pytest

import lamella as lm
from lamella.core.disk import expect_writable, finite_or_none, write_atomically, write_json
from tests.subprocesses import run_python


def test_a_file_has_the_content_written(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    write_atomically(path, b"first")
    write_atomically(path, b"2nd")
    assert path.read_bytes() == b"2nd"
    assert [p.name for p in tmp_path.iterdir()] == ["a.bin"]


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_permissions_follow_the_umask(tmp_path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        write_atomically(tmp_path / "a.bin", b"content")
        assert os.umask(umask) == umask  # it is as it was
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.bin").stat().st_mode) == mode


def test_writing_never_sets_the_umask_of_the_process(tmp_path: Path) -> None:
    """Two threads that each read it by setting it could leave it at 0."""
    script = (
        "import os, sys; from pathlib import Path; from lamella.core.disk import write_atomically\n"
        "def refuse(mask):\n    raise AssertionError(mask)\n"
        "os.umask = refuse\n"
        "write_atomically(Path(sys.argv[1]), b'content')\n"
    )
    run_python("-c", script, tmp_path / "a.bin")
    assert (tmp_path / "a.bin").read_bytes() == b"content"


@pytest.mark.parametrize("path", [".", "/", ""])
def test_a_path_without_a_name_is_told(path: str) -> None:
    with pytest.raises(lm.errors.UsageError, match="cannot write"):
        write_atomically(Path(path), b"content")


def test_a_folder_at_the_path_is_reported_and_nothing_is_left_behind(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    with pytest.raises(lm.errors.UsageError, match=r"cannot write .*model: "):
        write_atomically(tmp_path / "model", b"content")
    assert [p.name for p in tmp_path.iterdir()] == ["model"]


def test_a_missing_folder_is_reported(tmp_path: Path) -> None:
    with pytest.raises(lm.errors.UsageError, match=r"cannot write .*No such file"):
        write_atomically(tmp_path / "none" / "a.bin", b"content")


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from lamella.core.disk import write_atomically
from lamella.core.errors import UsageError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    write_atomically(Path(sys.argv[1]), bytes(5000))
except UsageError as error:
    print(error)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="no limits on file sizes")
def test_a_write_that_fails_half_way_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    run = run_python("-c", FULL_DISK, path)
    assert f"cannot write {path}: File too large" in run.stdout
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.bin"]


def test_an_interrupt_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")

    def interrupted(descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.bin"]


def test_a_writable_folder_is_made_and_left_empty(tmp_path: Path) -> None:
    folder = expect_writable(tmp_path / "runs" / "first")
    assert folder == tmp_path / "runs" / "first"
    assert list(folder.iterdir()) == []
    assert expect_writable(folder) == folder


def test_a_folder_below_a_file_is_reported_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(
        lm.errors.UsageError, match=r"cannot write to the folder .*file/runs: .*Choose another"
    ):
        expect_writable(tmp_path / "file" / "runs")


def test_a_file_in_place_of_the_folder_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(lm.errors.UsageError, match="cannot write to the folder"):
        expect_writable(tmp_path / "file")


def test_numbers_without_a_word_in_json_become_none() -> None:
    assert [finite_or_none(x) for x in (1.5, 0.0, float("nan"), float("inf"))] == [
        1.5,
        0.0,
        None,
        None,
    ]


def test_invalid_json_is_not_written(tmp_path: Path) -> None:
    write_json(tmp_path / "run.json", {"loss": 1.0})
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "run.json", {"loss": float("nan")})
    assert json.loads((tmp_path / "run.json").read_text()) == {"loss": 1.0}
