"""Selection of a backend, and the messages if cupy cannot be used."""

import ctypes
import os
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.backend import Backend, CupyBackend, NumpyBackend, cupy_problem, get_backend
from lamella.core.errors import BackendError
from lamella.testing import strict_cupy
from tests.subprocesses import run_python


@pytest.fixture
def fresh_diagnosis() -> Iterator[None]:
    """Clear the cached answer of cupy_problem before and after the test."""
    cupy_problem.cache_clear()
    yield
    cupy_problem.cache_clear()


def driver(init: int, devices: int) -> types.SimpleNamespace:
    """An emulated NVIDIA driver whose ``cuInit`` returns ``init`` and that finds ``devices``."""

    def count(pointer: Any) -> int:
        pointer._obj.value = devices
        return 0

    return types.SimpleNamespace(cuInit=lambda flags: init, cuDeviceGetCount=count)


def test_numpy_is_given_by_name() -> None:
    backend = get_backend("numpy")
    assert isinstance(backend, NumpyBackend)
    assert (backend.name, backend.xp, backend.on_host) == ("numpy", np, True)
    assert repr(backend) == "numpy (asked for)"


def test_a_backend_object_is_taken_as_it_is(backend: Backend) -> None:
    assert get_backend(backend) is backend
    assert lm.Sequential([lm.Dense(2)], backend=backend).backend is backend


@pytest.mark.parametrize("name", ["torch", "", "NumPy", None, 0, np])
def test_unknown_names_are_refused_with_the_known_ones(name: Any) -> None:
    with pytest.raises(BackendError, match='must be "auto", "numpy" or "cupy", got '):
        get_backend(name)


@pytest.mark.usefixtures("fresh_diagnosis")
def test_cupy_that_is_not_installed_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cupy", None)
    text = r"cannot be used: cupy is not installed: pip install 'lamella\[cuda13\]'"
    with pytest.raises(BackendError, match=text):
        get_backend("cupy")
    with pytest.raises(BackendError, match=text):
        lm.Sequential([lm.Dense(2)], backend="cupy")


@pytest.mark.usefixtures("fresh_diagnosis")
def test_auto_without_cupy_is_numpy_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cupy", None)
    backend = get_backend("auto")
    assert isinstance(backend, NumpyBackend)
    assert backend.reason.startswith("no GPU: cupy is not installed: pip install")
    assert repr(backend) == f"numpy ({backend.reason})"
    summary = lm.Sequential([lm.Dense(2)]).summary()
    assert "on numpy" in summary
    assert backend.reason not in summary  # only `model.backend` and `lamella info` give it


@pytest.mark.usefixtures("fresh_diagnosis")
@pytest.mark.parametrize(
    ("cuda", "problem"),
    [
        (None, "no NVIDIA driver is installed"),
        (driver(100, 0), "the NVIDIA driver finds no device"),
        (driver(0, 0), "the NVIDIA driver finds no device"),
    ],
)
def test_a_missing_driver_or_device_is_named_without_importing_cupy(
    cuda: Any, problem: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def load(name: str) -> Any:
        if cuda is None:
            raise OSError(name)
        return cuda

    (tmp_path / "cupy.py").write_text("raise AssertionError('imported too early')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "cupy", raising=False)
    monkeypatch.setattr(ctypes, "CDLL", load)
    with pytest.raises(BackendError, match=f'backend="cupy" cannot be used: {problem}'):
        get_backend("cupy")
    assert problem in get_backend("auto").reason


@pytest.mark.usefixtures("fresh_diagnosis")
def test_a_cupy_that_does_not_work_is_quoted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "cupy.py").write_text("raise ImportError('libnvrtc.so.13 is lost\\nand more')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "cupy", raising=False)
    monkeypatch.setattr(ctypes, "CDLL", lambda name: driver(0, 1))
    with pytest.raises(
        BackendError, match=r"does not work \(ImportError: libnvrtc.so.13 is lost\); if CUDA"
    ):
        get_backend("cupy")


@pytest.mark.usefixtures("fresh_diagnosis")
def test_a_cupy_that_works_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cupy", strict_cupy)
    monkeypatch.setattr(ctypes, "CDLL", lambda name: driver(0, 1))
    assert cupy_problem() == ""
    auto, asked = get_backend("auto"), get_backend("cupy")
    assert isinstance(auto, CupyBackend)
    assert auto.xp is asked.xp is strict_cupy
    assert (repr(auto), repr(asked)) == ("cupy (a GPU answers)", "cupy (asked for)")


def test_numpy_users_never_load_cupy_or_other_heavy_packages(tmp_path: Path) -> None:
    heavy = ["cupy", "matplotlib", "numba", "scipy", "torch"]
    for name in heavy:  # importable, so that an import shows
        (tmp_path / f"{name}.py").write_text("")
    script = (
        "import sys, lamella as lm\n"
        "model = lm.Sequential([lm.Dense(2)], backend=lm.get_backend('numpy')).build((3,))\n"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    paths = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
    done = run_python("-c", script, environment={"PYTHONPATH": paths})
    assert done.stdout.strip() == "[]"
