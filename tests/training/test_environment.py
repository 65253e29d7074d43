"""Environment of a run: versions, BLAS, cores, commit, and the processor, of x86 and of ARM."""

import json
import os
import platform
import subprocess
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

import lamella as lm
from lamella.backend import NumpyBackend
from lamella.backend.threads import cores
from lamella.training import environment as module
from lamella.training.environment import blas, commit, environment, installed, name_in, processor


def test_environment_is_json_and_true() -> None:
    found = json.loads(json.dumps(environment(NumpyBackend("because"))))
    assert found["backend"] == {"name": "numpy", "why": "because"}
    assert found["versions"] == {
        "lamella": lm.__version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "platform": platform.platform(),
    }
    assert found["blas"] == blas()


def test_blas_is_listed_in_the_same_order_for_any_loading_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    both = [
        {"user_api": "blas", "internal_api": "openblas", "version": version, "num_threads": 1}
        for version in ("0.3.31", "0.3.30")
    ]
    monkeypatch.setattr("lamella.training.environment.threadpool_info", lambda: both)
    found = blas()
    both.reverse()
    assert blas() == found
    assert {library["version"] for library in found} == {"0.3.30", "0.3.31"}


def test_blas_lists_the_current_number_of_threads() -> None:
    if not blas():
        pytest.skip("numpy's BLAS is one that threadpoolctl does not know")
    with threadpool_limits(1, user_api="blas"):
        assert [library["threads"] for library in blas()] == [1] * len(blas())


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="cores cannot be chosen here")
def test_cores_are_those_the_process_may_use() -> None:
    allowed = os.sched_getaffinity(0)
    assert cores() == len(allowed)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        assert cores() == 1
    finally:
        os.sched_setaffinity(0, allowed)


def test_installed_lists_importable_packages() -> None:
    assert installed("numpy")
    assert not installed("a_package_that_nobody_has")


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
    monkeypatch.setattr(module, "SOURCES", folder)
    return folder


def test_commit_is_that_of_the_sources(sources: Path) -> None:
    head = subprocess.run(
        ["git", "-C", str(sources), "rev-parse", "HEAD"], capture_output=True, text=True
    )
    assert commit() == head.stdout.strip()


def test_asking_for_the_commit_writes_nothing(sources: Path) -> None:
    """Without writing, git needs no lock, which it would leave behind if it were killed."""
    os.utime(sources / "__init__.py", (0, 0))  # git would keep in mind that it is not changed
    index = sources.parent / ".git" / "index"
    before = index.read_bytes()
    assert commit() is not None
    assert index.read_bytes() == before
    git(sources.parent, "status")
    assert index.read_bytes() != before, "the test shows nothing"


def test_changed_sources_are_reported_and_other_files_are_not(sources: Path) -> None:
    (sources.parent / "notes.txt").write_text("mine")
    assert not str(commit()).endswith("changes")
    (sources / "__init__.py").write_text("1")
    assert str(commit()).endswith(" + changes")


def test_sources_that_are_not_tracked_have_no_commit(
    sources: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = sources.parent / "site-packages"
    installed.mkdir()
    (installed / "__init__.py").write_text("")
    monkeypatch.setattr(module, "SOURCES", installed)
    assert commit() is None


def test_without_git_there_is_no_commit(sources: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert commit() is None


X86 = """processor\t: 0
vendor_id\t: AuthenticAMD
model name\t: AMD EPYC 9B45
processor\t: 1
model name\t: AMD EPYC 9B45
"""
CORE = """processor\t: {number}
BogoMIPS\t: 108.00
Features\t: fp asimd evtstrm crc32 cpuid
CPU implementer\t: {maker}
CPU architecture: 8
CPU variant\t: 0x0
CPU part\t: {part}
CPU revision\t: 3

"""


def arm(*cores: tuple[str, str]) -> str:
    """The text of cores with these implementers and parts."""
    return "".join(CORE.format(number=n, maker=m, part=p) for n, (m, p) in enumerate(cores))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (X86, "AMD EPYC 9B45"),
        (arm(*[("0x41", "0xd08")] * 4), "ARM Cortex-A72"),
        (arm(("0x41", "0xd0c")), "ARM Neoverse N1"),
        (arm(("0x41", "0xd03"), ("0x41", "0xd08")), "ARM Cortex-A53 and ARM Cortex-A72"),
        (arm(("0x41", "0xfff")), "ARM part 0xfff"),
        (arm(("0x61", "0xd0c")), "Apple part 0xd0c"),
        (arm(("0x99", "0x001")), "implementer 0x99 part 0x001"),
        ("", ""),
    ],
)
def test_name_is_the_model_or_the_part_of_arm(text: str, name: str) -> None:
    assert name_in(text) == name


def test_this_processor_has_a_name() -> None:
    assert processor().strip()
