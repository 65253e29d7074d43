"""The folder of compiled code."""

from pathlib import Path

import pytest

from lamella.core.cache_folder import cache_folder


def test_folder_is_in_the_users_cache_or_the_given_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    assert cache_folder() == tmp_path / "home/.cache/lamella"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert cache_folder() == tmp_path / "cache/lamella"
    assert cache_folder(str(tmp_path / "given")) == tmp_path / "given/lamella"
