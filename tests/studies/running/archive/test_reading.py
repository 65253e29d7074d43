"""Archives that are damaged, of another version or no archives."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lamella.core.errors import FileFormatError
from lamella.studies import Results, read_archive, write_archive
from lamella.studies.results import read_all
from lamella.studies.running.archive.container import pack, unpack
from lamella.studies.running.run_files import npy_bytes
from tests.studies.small import RUN, small_study

pytest.importorskip("joblib", reason="joblib is not installed")


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    small_study().run(**RUN, out=folder)
    return write_archive(folder, folder / "runs.tar.xz")


def changed(archive: Path, path: Path, change: Callable[[Any], Any]) -> Path:
    """Write a copy of which ``change`` has altered ``archive.json``."""
    files = unpack(archive)
    table = json.loads(files["archive.json"])
    change(table)
    pack(path, {**files, "archive.json": json.dumps(table).encode()})
    return path


def first(table: Any) -> dict[str, Any]:
    entry: dict[str, Any] = next(iter(table["runs"].values()))
    return entry


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda t: t.pop("format"), "of format None"),
        (lambda t: t.update(format="lamella-archive-9"), "'lamella-archive-9', this version"),
        (lambda t: t.pop("runs"), "KeyError 'runs'"),
        (lambda t: t.update(runs=[]), "damaged"),
        (lambda t: t.update(studies=[1]), "damaged"),
        (lambda t: t["studies"][0].pop("arms"), "study 1 lacks arms"),
        (lambda t: first(t).update(config=-1), "-1 is not a whole number from 0 on"),
        (lambda t: first(t).update(config=10**6), "IndexError"),
        (lambda t: first(t).update(points=10**30), "curves.npy is too short"),
        (lambda t: first(t).update(epochs=[{"loss": "low"}]), "scores that are not numbers"),
        (lambda t: first(t).update(seed="3"), "seed is not a whole number"),
        (lambda t: first(t).update(seconds="long"), "damaged"),
        (lambda t: first(t).update(test_set=None), "do not fit the test set"),
        (lambda t: first(t).update(test_set=1), "classes-1.npy"),
        (lambda t: first(t).update(digests={}), "KeyError 'step_losses'"),
    ],
)
def test_wrong_tables_are_refused(
    change: Callable[[Any], Any], told: str, archive: Path, tmp_path: Path
) -> None:
    path = changed(archive, tmp_path / "bad.tar.xz", change)
    with pytest.raises(FileFormatError, match=told):
        read_archive(path)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("curves.npy", npy_bytes(np.zeros(9, np.float32)), "float32 instead of whole numbers"),
        ("labels-0.npy", npy_bytes(np.zeros(9, np.uint8)), "do not fit"),
        ("order-0.npy", b"", "damaged"),
        ("archive.json", b"[]", "no JSON object"),
        ("archive.json", b"{" * 10_000, "damaged"),
    ],
)
def test_wrong_files_in_it_are_refused(
    name: str, content: bytes, told: str, archive: Path, tmp_path: Path
) -> None:
    pack(tmp_path / "bad.tar.xz", {**unpack(archive), name: content})
    with pytest.raises(FileFormatError, match=told):
        read_archive(tmp_path / "bad.tar.xz")


@pytest.mark.parametrize("name", ["archive.json", "curves.npy", "classes-0.npy"])
def test_missing_files_in_it_are_named(name: str, archive: Path, tmp_path: Path) -> None:
    files = {file: content for file, content in unpack(archive).items() if file != name}
    pack(tmp_path / "bad.tar.xz", files)
    with pytest.raises(FileFormatError, match=name):
        read_archive(tmp_path / "bad.tar.xz")


def test_other_functions_take_archives_or_say_which_does(archive: Path, tmp_path: Path) -> None:
    (results,) = read_all(archive)
    assert len(results.runs) == 6
    with pytest.raises(FileFormatError, match=r"lamella\.studies\.read_archive"):
        Results.load(archive)
    with pytest.raises(FileNotFoundError):
        read_archive(tmp_path / "missing.tar.xz")
    with pytest.raises(FileFormatError, match="it is a folder"):
        read_archive(tmp_path)
