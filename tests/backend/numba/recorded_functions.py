"""Functions whose calls are recorded, and the replay of a recorder."""

import functools
import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numba
import numpy as np
import pytest

from lamella.backend.numba.call_recorder import (
    CallRecorder,
    call_python,
)


def recorded_python(run: Any) -> Any:
    return functools.partial(call_python, run)


# Functions with every kind of argument; each call changes the results.


def add_once(source: np.ndarray, target: np.ndarray) -> None:
    for i in range(source.shape[0]):
        target[i] += source[i]


def fill_matrix(source: np.ndarray, target: np.ndarray) -> None:
    for i in range(source.shape[0]):
        for j in range(source.shape[1]):
            target[i, j] = 10 * target[i, j] + source[i, j]


def mix(a: np.ndarray, factor: float, k: int, shift: float, out: np.ndarray) -> None:
    out[k] = out[k] * 2 + a[k] * factor + shift


def append(out: np.ndarray, number: int) -> None:
    """Append a number; the first element counts them."""
    out[0] += 1
    out[out[0]] = number


def raises(out: np.ndarray) -> None:
    out[0] = 1
    raise ValueError("always")


@numba.njit(cache=True)
def decorated(out: np.ndarray, number: int) -> None:
    out[0] = 10 * out[0] + number


def replay_of(recorder: CallRecorder) -> Callable[[], None]:
    """Return the replay of a complete capture."""
    replay = recorder.finish()
    assert replay is not None
    return replay


def numbers(*shape: int, dtype: Any = "float64") -> np.ndarray:
    return np.arange(1, 1 + np.prod(shape, dtype=int)).reshape(shape).astype(dtype)


def written(source: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return a module with this source, reloaded if it is loaded already."""
    file = folder / f"own_{folder.name}.py"
    file.write_text(source)
    monkeypatch.syspath_prepend(folder)
    importlib.invalidate_caches()
    module = sys.modules.get(file.stem)
    if module is None:
        module = importlib.import_module(file.stem)
        monkeypatch.setitem(sys.modules, file.stem, module)
        return module
    Path(importlib.util.cache_from_source(str(file))).unlink(missing_ok=True)
    return importlib.reload(module)
