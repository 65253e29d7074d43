"""Where a run came from: processor and commit."""

import os
import subprocess
from pathlib import Path

import pytest

from lamella import provenance


def git(folder: Path, *words: str) -> None:
    who = ["-c", "user.name=A", "-c", "user.email=a@b.c"]
    subprocess.run(["git", "-C", str(folder), *who, *words], check=True, capture_output=True)


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The sources of a package in a repository with one commit."""
    folder = tmp_path / "src"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    git(tmp_path, "init")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "first")
    monkeypatch.setattr(provenance, "SOURCES", folder)
    return folder


def test_commit_is_that_of_the_sources(sources: Path) -> None:
    head = subprocess.run(
        ["git", "-C", str(sources), "rev-parse", "HEAD"], capture_output=True, text=True
    )
    assert provenance.commit() == head.stdout.strip()


def test_asking_for_the_commit_writes_nothing(sources: Path) -> None:
    """What is not written needs no lock, which git would leave behind if it were killed."""
    os.utime(sources / "__init__.py", (0, 0))  # git would keep in mind that it is not changed
    index = sources.parent / ".git" / "index"
    before = index.read_bytes()
    assert provenance.commit() is not None
    assert index.read_bytes() == before
    git(sources.parent, "status")
    assert index.read_bytes() != before, "the test shows nothing"


def test_changed_sources_are_told_and_other_files_are_not(sources: Path) -> None:
    (sources.parent / "notes.txt").write_text("mine")
    assert not str(provenance.commit()).endswith("changes")
    (sources / "__init__.py").write_text("1")
    assert str(provenance.commit()).endswith(" + changes")


def test_sources_that_are_not_tracked_have_no_commit(
    sources: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = sources.parent / "site-packages"
    installed.mkdir()
    (installed / "__init__.py").write_text("")
    monkeypatch.setattr(provenance, "SOURCES", installed)
    assert provenance.commit() is None


def test_without_git_there_is_no_commit(sources: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert provenance.commit() is None


def test_the_processor_has_a_name() -> None:
    assert provenance.processor().strip()
