"""Files: written as a whole or not at all, and read only if they are regular."""

import io
import json
import os
import signal
import stat
from pathlib import Path

import pytest

import lamella as lm
from lamella.core.disk import (
    as_path,
    cache_folder,
    expect_writable,
    file_to_read,
    finite_or_none,
    locked,
    read_file,
    write_atomically,
    write_json,
)
from lamella.core.errors import ArgumentError, FileFormatError, UsageError
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
def test_a_path_without_a_name_is_refused(path: str) -> None:
    with pytest.raises(lm.errors.UsageError, match="cannot write"):
        write_atomically(Path(path), b"content")


def test_a_folder_at_the_path_is_reported_and_nothing_is_left_behind(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    with pytest.raises(UsageError, match=r"cannot write .*model: "):
        write_atomically(tmp_path / "model", b"content")
    assert [p.name for p in tmp_path.iterdir()] == ["model"]


def test_a_missing_folder_is_reported(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot write .*No such file"):
        write_atomically(tmp_path / "none" / "a.bin", b"content")


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o666, 0o755])
def test_permissions_of_an_existing_file_remain(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    path.chmod(mode)
    write_atomically(path, b"new")
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"new", mode)


def test_a_private_file_is_never_readable_for_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    path.chmod(0o600)
    modes: list[int] = []

    def observe(descriptor: int) -> None:
        modes.append(stat.S_IMODE(os.stat(descriptor).st_mode))

    monkeypatch.setattr(os, "fsync", observe)  # the content is written by then
    write_atomically(path, b"new")
    assert modes == [0o600]


@pytest.mark.parametrize("mode", [0o444, 0o400])
def test_a_read_only_file_is_refused_even_for_root(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    path.chmod(mode)
    with pytest.raises(UsageError, match=r"cannot write .*a.bin: it is read-only. Choose another"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.bin"]


def test_a_link_remains_and_its_target_is_written(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    target, link = tmp_path / "there" / "a.bin", tmp_path / "link"
    link.symlink_to(Path("there") / "a.bin")
    for content in (b"created", b"replaced"):
        write_atomically(link, content)
        assert link.is_symlink()
        assert (target.read_bytes(), link.read_bytes()) == (content, content)
    assert [p.name for p in target.parent.iterdir()] == ["a.bin"]


def pipe(path: Path) -> None:
    os.mkfifo(path)


def link_to_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def loop(path: Path) -> None:
    path.symlink_to(path.name)


IRREGULAR = {
    "folder": (Path.mkdir, "it is a folder"),
    "pipe": (pipe, "it is a pipe or a device"),
    "link to a device": (link_to_device, "it is a pipe or a device"),
    "loop of links": (loop, "Too many levels of symbolic links"),
}
irregular = pytest.mark.parametrize("name", IRREGULAR)


@irregular
def test_only_regular_files_are_replaced(name: str, tmp_path: Path) -> None:
    make, text = IRREGULAR[name]
    make(tmp_path / "a")
    before = (tmp_path / "a").lstat()
    with pytest.raises(UsageError, match=f"cannot write .*a: {text}"):
        write_atomically(tmp_path / "a", b"new")
    assert (tmp_path / "a").lstat() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


@irregular
def test_only_regular_files_are_read(name: str, tmp_path: Path) -> None:
    make, text = IRREGULAR[name]
    make(tmp_path / "a")
    for read in (file_to_read, read_file, lm.load, lm.load_study, lm.datasets.read_idx):
        is_folder = name == "folder" and read is lm.load  # load looks for a model in it
        expected = "holds no model" if is_folder else f"cannot read .*a: {text}"
        with pytest.raises(FileFormatError, match=expected):
            read(tmp_path / "a")


def test_regular_files_are_read_through_links(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"content")
    (tmp_path / "b").symlink_to("a")
    assert read_file(str(tmp_path / "b")) == b"content"
    assert read_file(tmp_path / "b", 3) == b"con"
    assert file_to_read(tmp_path / "b") == tmp_path / "b"
    with pytest.raises(FileNotFoundError, match="nowhere"):
        read_file(tmp_path / "nowhere")


@pytest.mark.parametrize("value", [io.BytesIO(), None, 3, b"a"])
def test_objects_other_than_paths_are_refused(value: object) -> None:
    model = lm.Sequential([lm.Dense(3)]).build((2,))
    for use in (
        as_path, model.save, lm.load, lm.load_study, lm.ModelCheckpoint, lm.JSONLines,
        lm.ResumeFolder, lm.studies.StudyFolder, lm.datasets.read_idx,
    ):  # fmt: skip
        with pytest.raises(ArgumentError, match="must be a path or a string, got"):
            use(value)


@pytest.mark.parametrize("value", ["a\0b", "\ud800"])
def test_paths_with_impossible_characters_are_refused(value: str) -> None:
    model = lm.Sequential([lm.Dense(3)]).build((2,))
    for use in (as_path, model.save, lm.load, lambda path: lm.export(model, path, to="c")):
        with pytest.raises(ArgumentError, match="characters that no path can have"):
            use(value)


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
        UsageError, match=r"cannot write to the folder .*file/runs: .*Choose another"
    ):
        expect_writable(tmp_path / "file" / "runs")


def test_a_file_in_place_of_the_folder_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot write to the folder"):
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


@pytest.mark.skipif(os.name == "nt", reason="Windows does not lock folders")
def test_a_locked_folder_is_refused_until_the_end_of_the_block(tmp_path: Path) -> None:
    code = "import sys, pathlib; from lamella.core.disk import locked"
    code += "\nwith locked(pathlib.Path(sys.argv[1])): pass"
    with locked(tmp_path):
        done = run_python("-c", code, tmp_path, status=1)
        assert f"another process writes to {tmp_path}: wait for its end" in done.stderr
    run_python("-c", code, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_cache_folder_is_in_the_users_cache_or_the_given_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    assert cache_folder() == tmp_path / "home/.cache/lamella"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert cache_folder() == tmp_path / "cache/lamella"
    assert cache_folder(str(tmp_path / "given")) == tmp_path / "given/lamella"
