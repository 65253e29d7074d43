"""``lamella export``."""

from pathlib import Path

import numpy as np
import pytest

import lamella as lm
from lamella.cli import main
from tests.data import clouds


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    x, y = clouds()
    model = lm.MLP([4], classes=3, seed=1)
    model.fit(x, y, epochs=1, verbose=False, check=False)
    model.save(tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors"


def test_the_file_is_that_of_export(
    saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "m.txt"
    assert main(["export", str(saved), "--to", "numpy", "--out", str(out)]) == 0
    assert capsys.readouterr().out == f"{out}: the model in {saved}\n"
    lm.export(lm.load(saved), tmp_path / "m.py")
    assert out.read_bytes() == (tmp_path / "m.py").read_bytes()


def test_class_names_are_given(saved: Path, tmp_path: Path) -> None:
    out = tmp_path / "m.js"
    command = ["export", str(saved), "--out", str(out), "--class-names", "a", "b", "c"]
    assert main(command) == 0
    assert 'classNames = ["a", "b", "c"]' in out.read_text()


def test_wrong_requests_are_one_line(
    saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", str(saved), "--out", str(tmp_path / "m.exe")]) == 2
    assert "m.exe" in capsys.readouterr().err
    assert main(["export", str(saved), "--to", "numpi", "--out", "m.py"]) == 2
    assert "did you mean 'numpy'" in capsys.readouterr().err
    np.savez(tmp_path / "other.npz", a=1)
    assert main(["export", str(tmp_path / "other.npz"), "--out", "m.py"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_the_model_is_not_replaced(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = saved.read_bytes()
    other = saved.parent / "." / saved.name
    assert main(["export", str(saved), "--to", "c", "--out", str(other)]) == 2
    assert "would replace the model" in capsys.readouterr().err
    assert saved.read_bytes() == before
