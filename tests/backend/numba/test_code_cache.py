"""Machine code in the user's cache: reused by the next process, never for another source."""

import os
import stat
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lamella.backend import numba as compiled
from lamella.backend.numba import code_cache as modules
from lamella.backend.numba.code_cache import compile_function, digest_of_file, load_module
from tests.backend.numba.trainings import trained

pytest.importorskip("numba", reason="compiled loops need numba: pip install 'lamella[fast]'")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache for this test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "lamella"


def divide(a: Any, b: Any, out: Any) -> None:
    for i in range(len(out)):
        out[i] = a[i] / b[i]


@pytest.mark.slow
def test_machine_code_is_cached_for_the_next_process(tmp_path: Path) -> None:
    first = trained("SGD(0.1)", tmp_path, plain=False)
    cached = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.nbc")}
    assert cached
    if compiled.has_products():  # a replay runs generated tasks, which are cached too
        sources = [path.read_text() for path in (tmp_path / "lamella").glob("*.py")]
        assert any("as plain" in source for source in sources)
    np.testing.assert_array_equal(trained("SGD(0.1)", tmp_path, plain=False), first)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.nbc")} == cached


def test_a_temporary_folder_replaces_one_that_cannot_be_created(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    folder = modules._cache_folder()
    assert folder.is_dir()
    assert os.access(folder, os.W_OK)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_temporary_folder_replaces_a_read_only_one(cache: Path) -> None:
    cache.mkdir()
    cache.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        assert modules._cache_folder() != cache
    finally:
        cache.chmod(stat.S_IRWXU)


def test_cache_is_in_the_home_folder_by_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for value in ("", None):
        if value is None:
            monkeypatch.delenv("XDG_CACHE_HOME")
        else:
            monkeypatch.setenv("XDG_CACHE_HOME", value)
        assert modules._cache_folder() == tmp_path / ".cache" / "lamella"


def test_module_is_written_once_and_loaded_once(cache: Path) -> None:
    source = "numbers = []\n"
    module = load_module(source)
    (file,) = cache.glob("*.py")
    assert file.read_text() == source
    assert module.__file__ == str(file)
    before = file.stat().st_mtime_ns
    assert load_module(source) is module
    assert file.stat().st_mtime_ns == before
    assert sys.modules[module.__name__] is module


def test_each_source_has_its_own_module(cache: Path) -> None:
    found = [load_module(f"number = {i}\n") for i in range(5)]
    assert [module.number for module in found] == [0, 1, 2, 3, 4]
    assert len(list(cache.glob("*.py"))) == 5


def test_file_from_an_earlier_process_is_reused_unchanged(cache: Path) -> None:
    source = "text = 'first'\n"
    name = load_module(source).__name__
    del sys.modules[name]
    (file,) = cache.glob("*.py")
    before = file.stat().st_mtime_ns
    assert load_module(source).text == "first"
    assert file.stat().st_mtime_ns == before  # numba compares it with its cached code


def test_module_with_an_error_is_not_marked_as_loaded(cache: Path) -> None:
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            load_module("1 / 0  # of this test\n")


def test_one_source_can_be_loaded_by_several_threads(cache: Path) -> None:
    for number in range(20):
        source = f"def loop():\n    return {number}\n"
        with ThreadPoolExecutor(8) as several:
            found = list(several.map(load_module, [source] * 8))
        assert {module.loop() for module in found} == {number}
    assert len(list(cache.glob("*"))) == 20 + (cache / "__pycache__").exists()


def test_digest_follows_the_content_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "file.py"
    digests = []
    for text in ("a", "b", "a"):
        file.write_text(text)
        digests.append(digest_of_file(str(file)))
    assert digests[0] == digests[2] != digests[1]
    with pytest.raises(OSError, match="gone"):
        digest_of_file(str(tmp_path / "gone.py"))


def test_function_is_compiled_once_and_divides_as_numpy_does() -> None:
    assert compile_function(divide) is compile_function(divide)
    a, out = np.array([1.0, -1.0, 0.0]), np.empty(3)
    compile_function(divide)(a, np.zeros(3), out)
    np.testing.assert_array_equal(out, [np.inf, -np.inf, np.nan])
    assert compile_function(divide).py_func is divide
