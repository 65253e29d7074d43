"""Fuzzing guided by coverage: its mutations, and where atheris is installed a few seconds of it."""

import importlib.util
import sys
from pathlib import Path

import pytest

from tests.fuzz import models
from tests.fuzz.guided import description_mutated, fuzz
from tests.subprocesses import run_python

ROOT = Path(__file__).parents[2]


def test_a_mutated_description_still_has_its_length_before_it() -> None:
    content = models.samples()[0]
    _, numbers = models.parts(content)
    changed = description_mutated(content, 10**6, lambda head, most: b"[" + head[:100])
    assert changed[:8] == (101).to_bytes(8, "little")
    assert changed[8:109] == b"[" + content[8:108]
    assert changed[109:] == numbers


def test_without_atheris_it_says_how_to_install_it(tmp_path: Path) -> None:
    hide = "import sys; sys.modules['atheris'] = None; sys.argv[0] = 'guided'\n"
    script = hide + "from tests.fuzz.guided import main; main()"
    done = run_python("-c", script, status=2)
    assert "pip install atheris" in done.stderr


@pytest.mark.skipif(not importlib.util.find_spec("atheris"), reason="atheris is not installed")
@pytest.mark.parametrize("kind", ["models", "arrays", "studies"])
def test_a_few_seconds_find_nothing(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", ":".join([str(ROOT), *sys.path]))
    said, well = fuzz(kind, 3, 0)
    assert well, said
