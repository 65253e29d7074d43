"""Replays of functions whose source changes: never the code of an older file."""

from pathlib import Path

import numpy as np
import pytest

from lamella.backend import numba as compiled

if compiled.products_problem():
    pytest.skip(compiled.products_problem(), allow_module_level=True)

import numba

from lamella.backend.numba.call_recorder import (
    _to_task,
    call,
    capture,
)
from tests.backend.numba.recorded_functions import replay_of, written
from tests.subprocesses import run_python

LOOP = (
    "def helper(x):\n    return {factor} * x\n\n\ndef loop(out):\n    out[0] = helper(out[0]) + 1\n"
)


def test_source_of_a_task_changes_with_the_file_of_the_function(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = _to_task(written(LOOP.format(factor=2), tmp_path, monkeypatch).loop, ["words[1]"])
    again = _to_task(written(LOOP.format(factor=2), tmp_path, monkeypatch).loop, ["words[1]"])
    other = _to_task(written(LOOP.format(factor=3), tmp_path, monkeypatch).loop, ["words[1]"])
    assert first == again
    assert first != other


ADD = "def loop(out):\n    out[0] += {term}\n"


def test_reloaded_function_is_replayed_in_its_new_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for term in (1, 5):
        module = written(ADD.format(term=term), tmp_path, monkeypatch)
        out = np.zeros(1)
        with capture() as recorder:
            call(numba.njit(module.loop), out)
        replay_of(recorder)()
        assert out[0] == 2 * term


SCRIPT = """
import sys
sys.path.insert(0, {folder!r})
import numpy as np
from own import loop
from lamella.backend.numba.code_cache import compile_function
from lamella.backend.numba.call_recorder import call, capture
out = np.zeros(1)
with capture() as recorder:
    call(compile_function(loop), out)
recorder.finish()()
print(out[0])
"""


@pytest.mark.slow
def test_cached_code_is_never_that_of_an_older_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    found = []
    for factor in (2, 2, 3):
        (tmp_path / "own.py").write_text(ADD.format(term=factor))
        done = run_python("-c", SCRIPT.format(folder=str(tmp_path)))
        found.append((float(done.stdout), len(list((tmp_path / "cache").rglob("*.nbc")))))
    assert [value for value, _ in found] == [4, 4, 6]
    assert found[0][1] == found[1][1] > 0
    assert found[2][1] > found[1][1]
